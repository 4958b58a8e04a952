package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// How much WaitsFor says.
const (
	maxWaits  = 20 // lines
	maxBehind = 3  // names in a line
)

// WaitsFor says by name what the tracker waits for: first the parts that move,
// then those in error that block it, then what is behind them. A long list is
// cut. A tracker that has ended waits for nothing.
func (t *Tracker) WaitsFor() []string {
	if t.row.State.Ended() {
		return nil
	}
	var out []string
	more := 0
	add := func(i int, text func(int) string) {
		if len(out) == maxWaits {
			more++
			return
		}
		out = append(out, string(t.key(i))+": "+text(i))
	}
	for i := range t.parts {
		if t.state(i).Live() {
			add(i, t.moving)
		}
	}
	if t.row.State == banto.TrackerBlocked {
		for i := range t.parts {
			if t.state(i) == banto.PartError && !t.parts[i].row.Healed {
				add(i, func(int) string { return "in error; rerun it or cancel the tracker" })
			}
		}
	}
	for i := range t.parts {
		if t.state(i) == banto.PartWaiting {
			add(i, t.behind)
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("%d more parts", more))
	}
	return out
}

// moving says where a live part stands.
func (t *Tracker) moving(i int) string {
	r := t.parts[i].row
	if a := t.attempts[r.AttemptID]; a != nil && a.Killing {
		return "being killed on " + r.Host
	}
	switch r.State {
	case banto.PartReady:
		if r.Host == "" {
			return "wants a place on the host beside the manager"
		}
		return "wants a place on " + r.Host
	case banto.PartStarting:
		return "starting on " + r.Host
	case banto.PartRetrying:
		return "next attempt at " + r.RetryAt.Format(time.RFC3339)
	case banto.PartLost:
		return "lost: " + r.Host + " cannot be reached, it may still run there"
	}
	return "running on " + r.Host
}

// behind names the parts that keep a part waiting.
func (t *Tracker) behind(i int) string {
	var names []string
	more := 0
	seen := map[int]bool{}
	for _, e := range t.flow.Parts[i].After {
		w := through(t.state(e.From), e.Outlet)
		if (w != open && w != failed) || seen[e.From] {
			continue
		}
		seen[e.From] = true
		if len(names) == maxBehind {
			more++
			continue
		}
		names = append(names, string(t.key(e.From)))
	}
	s := "behind " + strings.Join(names, ", ")
	if more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
