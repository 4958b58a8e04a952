package dispatch

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
)

// Waiting says in words why a part still waits for a place; empty when it does
// not wait.
func (b *Board) Waiting(tracker banto.TrackerID, part banto.PartKey) string {
	w := b.wants[key{tracker, part}]
	if w == nil || w.placed != nil {
		return ""
	}
	if w.turn == nil {
		switch {
		case w.aside == &b.fans:
			return "it is about to get its hosts"
		case w.Host == "" && b.local == nil:
			return "no agent beside the manager has connected yet"
		case b.names[w.Host] == nil && b.poolNamed(w.Host) == nil:
			return unknownText(w.Host)
		}
		return "it is about to be looked at"
	}
	if a := b.gate(w); a != nil {
		return accountText(w.Account, a)
	}
	l := w.turn.line
	if l.pool != nil {
		return l.why()
	}
	text := l.host.why(w)
	if w.kept && l.host.Admission != banto.AdmissionHeld {
		text += "; the tracker chose it for " + w.Host
	}
	return text
}

func accountText(name string, a *account) string {
	if !a.Blocked {
		return fmt.Sprintf("the account %s is being tried: one part at a time starts under it", name)
	}
	if a.Why == "" {
		return fmt.Sprintf("the account %s is blocked", name)
	}
	return fmt.Sprintf("the account %s is blocked: %s", name, a.Why)
}

// why says why a want on a host's own line waits. The text for a host that is
// held is that and nothing else: whoever knows more adds to it.
func (h *host) why(w *want) string {
	switch {
	case h.Admission == banto.AdmissionHeld:
		return h.Name + " is held"
	case !h.Up:
		return h.Name + " is not connected"
	case h.Problem != "":
		return h.Name + " can take nothing new: " + h.Problem
	case h.Admission == banto.AdmissionDraining && !w.kept:
		return h.Name + " is draining: it takes nothing new"
	case h.used < h.Slots:
		return "it is about to get a place on " + h.Name
	}
	return fmt.Sprintf("%s is full: %d of %d places are taken, and %d want one", h.Name, h.used, h.Slots, h.own.n)
}

// why says why a want in a pool's line waits.
func (l *line) why() string {
	who := l.pool.phrase()
	able := len(l.pool.members) - l.counts[levelDown] // connected, then what is left of them
	if able == 0 {
		return fmt.Sprintf("no host %s is connected", who)
	}
	if able -= l.counts[levelNoShell]; able == 0 {
		return fmt.Sprintf("no host %s that is connected has the shell %s", who, l.shell)
	}
	if able -= l.counts[levelClosed]; able == 0 {
		return fmt.Sprintf("no host %s that is connected takes anything new: they are held, draining or in trouble", who)
	}
	if able -= l.counts[levelFull]; able == 0 {
		return fmt.Sprintf("every host %s that is connected is full, and %d want a place", who, l.n)
	}
	return fmt.Sprintf("it is about to get a place on a host %s", who)
}

// phrase names the pool after the word host.
func (p *pool) phrase() string {
	if p.labels {
		return "with " + p.Name
	}
	return "of " + p.Name
}

// nobody says that the pool is empty.
func (p *pool) nobody() string {
	if p.labels {
		return "no host has the labels " + p.Name
	}
	return fmt.Sprintf("the group %s has no hosts", p.Name)
}

// WantsOf gives the wants of one very host that have no place yet, by tracker
// and part: those that name it, and those that stand in its own line.
func (b *Board) WantsOf(id banto.HostID) []Want {
	h := b.hosts[id]
	if h == nil {
		return nil
	}
	var out []Want
	for _, w := range b.wants {
		if w.placed == nil && (w.Host == h.Name || w.turn != nil && w.turn.line == &h.own) {
			out = append(out, w.Want)
		}
	}
	slices.SortFunc(out, func(x, y Want) int {
		return cmp.Or(cmp.Compare(x.Tracker, y.Tracker), cmp.Compare(x.Part, y.Part))
	})
	return out
}

// Load gives how many places of a host are taken, and how many parts want one
// of that very host.
func (b *Board) Load(id banto.HostID) (running, waiting int) {
	h := b.hosts[id]
	if h == nil {
		return 0, 0
	}
	return h.used, h.own.n
}
