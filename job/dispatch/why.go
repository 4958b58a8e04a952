package dispatch

import (
	"fmt"

	"github.com/bantoops/banto"
)

// Waiting says in words why a part still waits for a place; empty when it does
// not wait.
func (b *Board) Waiting(tracker banto.TrackerID, part banto.PartKey) string {
	w := b.wants[key{tracker, part}]
	if w == nil || w.line == nil {
		return ""
	}
	h := w.line.host
	switch {
	case w.line == &b.orphan:
		return "no agent beside the manager has connected yet"
	case h == nil:
		return fmt.Sprintf("the host %s is not known", w.Host)
	case !h.Up:
		return fmt.Sprintf("%s is not connected", h.Name)
	case h.used < h.Slots:
		return fmt.Sprintf("it is about to get a place on %s", h.Name)
	}
	return fmt.Sprintf("%s is full: %d of %d places are taken, and %d want one", h.Name, h.used, h.Slots, h.line.wants.Len())
}

// Load gives how many places of a host are taken, and how many parts want one.
func (b *Board) Load(id banto.HostID) (running, waiting int) {
	h := b.hosts[id]
	if h == nil {
		return 0, 0
	}
	return h.used, h.line.wants.Len()
}
