package dispatch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bantoops/banto"
)

// Board knows the hosts, who is on them and who wants to be. It is not safe
// for use by several goroutines at once.
type Board struct {
	hosts map[banto.HostID]*host
	names map[string]*host
	local *host

	wants    map[key]*want
	attempts map[banto.AttemptID]*host
	trackers map[banto.TrackerID]*holding

	unknown line    // wants that name a host nobody knows: refused at Next
	orphan  line    // wants for the local host, while there is none
	ripe    []*host // hosts that may be able to place something
	seq     int64
}

// host is a Host with what is on it.
type host struct {
	Host
	known bool // SetHost has been called; Occupy may come before
	used  int  // places taken: by attempts, and by placements not yet bound
	line  line
	ripe  bool
}

// holding is what a tracker has on the board, so that it can be forgotten.
type holding struct {
	wants    map[banto.PartKey]*want
	attempts map[banto.AttemptID]bool
}

// New makes an empty board.
func New() *Board {
	return &Board{
		hosts:    map[banto.HostID]*host{},
		names:    map[string]*host{},
		wants:    map[key]*want{},
		attempts: map[banto.AttemptID]*host{},
		trackers: map[banto.TrackerID]*holding{},
	}
}

// SetHost makes a host known, or says what has changed of it. What has been
// waiting for a host of that name is placed by the next call of Next.
func (b *Board) SetHost(h Host) {
	o := b.host(h.ID)
	if o.known && o.Name != h.Name && b.names[o.Name] == o {
		delete(b.names, o.Name)
	}
	o.Host, o.known = h, true
	b.names[h.Name] = o
	if h.Local {
		b.local = o
		o.line.take(&b.orphan, func(*want) bool { return true })
	} else if b.local == o {
		b.local = nil
	}
	o.line.take(&b.unknown, func(w *want) bool { return w.Host == h.Name })
	b.ripen(o)
}

// Add puts a want at the end of its host's line. A want that is already there
// for that host, or has been placed, stays as it is; one for another host moves.
func (b *Board) Add(w Want) {
	k := key{w.Tracker, w.Part}
	if old := b.wants[k]; old != nil {
		if old.placed != nil || old.Host == w.Host {
			return
		}
		b.remove(old)
	}
	b.seq++
	n := &want{Want: w, seq: b.seq}
	b.wants[k] = n
	b.of(w.Tracker).wants[w.Part] = n
	l := b.lineOf(w.Host)
	l.push(n)
	if l.host != nil {
		b.ripen(l.host)
	}
}

// Withdraw takes back a want, and the place that it was given if no attempt
// has been bound to that.
func (b *Board) Withdraw(tracker banto.TrackerID, part banto.PartKey) {
	if w := b.wants[key{tracker, part}]; w != nil {
		b.remove(w)
	}
}

// Occupy says that an attempt is on a host: for the rebuild after a start,
// when the host may not be known yet.
func (b *Board) Occupy(attempt banto.AttemptID, id banto.HostID) {
	if old := b.attempts[attempt]; old != nil {
		if old.ID == id {
			return
		}
		b.Free(attempt)
	}
	b.settle(attempt, b.host(id))
	b.attempts[attempt].used++
}

// Free says that an attempt has left its host.
func (b *Board) Free(attempt banto.AttemptID) {
	h := b.attempts[attempt]
	if h == nil {
		return
	}
	delete(b.attempts, attempt)
	tracker := trackerOf(attempt)
	if t := b.trackers[tracker]; t != nil {
		delete(t.attempts, attempt)
		b.tidy(tracker, t)
	}
	h.used--
	b.ripen(h)
}

// Next decides: it gives every want a place that can have one now, and refuses
// those that never can. A placement takes its place at once; Bind names the
// attempt that came of it, Withdraw gives it back.
func (b *Board) Next() []Placement {
	var out []Placement
	for w := b.unknown.first(); w != nil; w = b.unknown.first() {
		out = append(out, Placement{
			Want: w.Want, Host: w.Host, Reason: banto.ReasonNoHost,
			Message: fmt.Sprintf("the host %s is not known", w.Host),
		})
		b.remove(w)
	}
	ripe := b.ripe
	b.ripe = nil
	for _, h := range ripe {
		h.ripe = false
		for h.free() {
			w := h.line.first()
			if w == nil {
				break
			}
			h.line.drop(w)
			w.placed = h
			h.used++
			out = append(out, Placement{Want: w.Want, HostID: h.ID, Host: h.Name})
		}
	}
	return out
}

// Bind gives the place that a part was given to its attempt. Without such a
// place it does nothing.
func (b *Board) Bind(tracker banto.TrackerID, part banto.PartKey, attempt banto.AttemptID) {
	w := b.wants[key{tracker, part}]
	if w == nil || w.placed == nil {
		return
	}
	h := w.placed
	b.unlist(w)
	if b.attempts[attempt] != nil {
		b.Free(attempt)
	}
	b.settle(attempt, h)
}

// Forget drops everything of a tracker: wants, placements and attempts.
func (b *Board) Forget(tracker banto.TrackerID) {
	t := b.trackers[tracker]
	if t == nil {
		return
	}
	// In order, so that the hosts that become ripe do so in the same order on
	// every machine.
	for _, p := range slices.Sorted(maps.Keys(t.wants)) {
		b.remove(t.wants[p])
	}
	for _, a := range slices.Sorted(maps.Keys(t.attempts)) {
		b.Free(a)
	}
}

// host gives the host of an ID, made if need be.
func (b *Board) host(id banto.HostID) *host {
	h := b.hosts[id]
	if h == nil {
		h = &host{Host: Host{ID: id}}
		h.line.host = h
		b.hosts[id] = h
	}
	return h
}

// of gives what a tracker holds, made if need be.
func (b *Board) of(tracker banto.TrackerID) *holding {
	t := b.trackers[tracker]
	if t == nil {
		t = &holding{wants: map[banto.PartKey]*want{}, attempts: map[banto.AttemptID]bool{}}
		b.trackers[tracker] = t
	}
	return t
}

// tidy drops a tracker that holds nothing any more.
func (b *Board) tidy(tracker banto.TrackerID, t *holding) {
	if len(t.wants) == 0 && len(t.attempts) == 0 {
		delete(b.trackers, tracker)
	}
}

// lineOf gives the line that a want for that host name joins.
func (b *Board) lineOf(name string) *line {
	h := b.names[name]
	if name == "" {
		if b.local == nil {
			return &b.orphan
		}
		h = b.local
	}
	if h == nil {
		return &b.unknown
	}
	return &h.line
}

// remove takes a want off the board, with its place if it has one.
func (b *Board) remove(w *want) {
	if w.line != nil {
		w.line.drop(w)
	}
	if w.placed != nil {
		w.placed.used--
		b.ripen(w.placed)
	}
	b.unlist(w)
}

// unlist takes a want out of the indexes.
func (b *Board) unlist(w *want) {
	delete(b.wants, key{w.Tracker, w.Part})
	if t := b.trackers[w.Tracker]; t != nil {
		delete(t.wants, w.Part)
		b.tidy(w.Tracker, t)
	}
}

// settle notes that an attempt is on a host whose place is already counted.
func (b *Board) settle(attempt banto.AttemptID, h *host) {
	b.attempts[attempt] = h
	b.of(trackerOf(attempt)).attempts[attempt] = true
}

// ripen notes that the host may be able to place something.
func (b *Board) ripen(h *host) {
	if h.ripe || !h.free() || h.line.first() == nil {
		return
	}
	h.ripe = true
	b.ripe = append(b.ripe, h)
}

// free says whether the host takes one more.
func (h *host) free() bool { return h.known && h.Up && h.used < h.Slots }

// trackerOf gives the tracker of an attempt; a text that is no attempt ID
// belongs to none.
func trackerOf(id banto.AttemptID) banto.TrackerID {
	t, _, err := id.Split()
	if err != nil {
		return ""
	}
	return t
}
