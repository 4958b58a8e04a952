package dispatch

import (
	"container/list"
	"maps"
	"slices"

	"github.com/bantoops/banto"
)

// host is a Host with what is on it.
type host struct {
	Host
	known   bool // SetHost has been called; Occupy may come before
	used    int  // places taken: by attempts, and by placements not yet bound
	own     line // wants that name it, and those of trackers that chose it
	drained list.List
	pools   []*member
}

// SetHost makes a host known, or says what has changed of it. What has been
// waiting for a host of that name is placed by the next call of Next.
func (b *Board) SetHost(h Host) {
	o := b.host(h.ID)
	was, known := o.Host, o.known
	h.Labels = maps.Clone(h.Labels)
	h.Shells = slices.Clone(h.Shells)
	renamed := !known || b.names[h.Name] != o
	if b.names[was.Name] == o {
		delete(b.names, was.Name)
	}
	o.Host, o.known = h, true
	b.refresh(o)
	if was.OS != h.OS {
		b.reshell(o)
	}
	other := b.names[h.Name]
	b.names[h.Name] = o
	if other != nil && other != o {
		b.regroup(other) // it has lost its name
	}
	if renamed || !maps.Equal(was.Labels, h.Labels) {
		b.regroup(o)
	}
	if o.Admission != banto.AdmissionDraining {
		b.unpark(&o.drained)
	}
	b.refresh(o)
	switch {
	case h.Local && b.local != o:
		b.local = o
		b.resolveAll(b.lift(""))
	case !h.Local && b.local == o:
		b.local = nil
		b.resolveAll(b.lift(""))
	}
	if renamed {
		if known {
			b.resolveAll(b.lift(was.Name))
		}
		b.resolveAll(b.lift(h.Name))
	}
}

// reshell puts aside what waits for a host whose system turns out not to have
// the shell.
func (b *Board) reshell(h *host) {
	for _, w := range h.own.all() {
		if !able(h.OS, w.Shell) {
			b.leave(w)
			w.setAside(&b.unknown)
		}
	}
}

// RemoveHost forgets a host. Wants that name it are refused by the next call of
// Next, trackers that chose it choose anew. Attempts on it count until they are
// freed, in case it comes back.
func (b *Board) RemoveHost(id banto.HostID) {
	h := b.hosts[id]
	if h == nil || !h.known {
		return
	}
	wants := h.own.all()
	for _, w := range wants {
		b.leave(w)
	}
	h.known, h.Up = false, false
	if b.names[h.Name] == h {
		delete(b.names, h.Name)
	}
	if b.local == h {
		b.local = nil
	}
	for _, m := range slices.Clone(h.pools) {
		b.part(m)
	}
	b.refresh(h)
	b.sweep(h)
	b.resolveAll(wants)
}

// host gives the host of an ID, made if need be.
func (b *Board) host(id banto.HostID) *host {
	h := b.hosts[id]
	if h == nil {
		h = &host{Host: Host{ID: id}, own: *b.newLine()}
		h.own.host = h
		b.hosts[id] = h
	}
	return h
}

// sweep forgets a host of which there is nothing to know.
func (b *Board) sweep(h *host) {
	if !h.known && h.used == 0 {
		delete(b.hosts, h.ID)
	}
}

// regroup puts a host, whose name or labels have changed, into the pools where
// it belongs now.
func (b *Board) regroup(h *host) {
	for _, m := range slices.Clone(h.pools) {
		if b.names[h.Name] != h || !m.pool.holds(h) {
			b.part(m)
		}
	}
	if b.names[h.Name] != h {
		return
	}
	for _, pools := range []map[string]*pool{b.groups, b.labelled} {
		for _, p := range pools {
			if p.members[h] == nil && p.holds(h) {
				b.join(p, h)
			}
		}
	}
}

// takes says whether the host takes one more.
func (h *host) takes() bool {
	return h.known && h.Up && h.used < h.Slots && h.Admission != banto.AdmissionHeld && h.Problem == ""
}

// level says what the host lacks to be chosen for a shell.
func (h *host) level(shell string) int {
	switch {
	case !h.known || !h.Up:
		return levelDown
	case !able(h.OS, shell), shell != "" && len(h.Shells) > 0 && !slices.Contains(h.Shells, shell):
		return levelNoShell
	case h.Admission != "" && h.Admission != banto.AdmissionOpen, h.Problem != "":
		return levelClosed
	case h.used >= h.Slots:
		return levelFull
	}
	return levelFree
}

// able says whether an operating system can have a shell; one that is not
// known may.
func able(os, shell string) bool {
	switch shell {
	case "sh", "bash":
		return os != "windows"
	case "cmd", "powershell":
		return os == "windows" || os == ""
	}
	return true
}
