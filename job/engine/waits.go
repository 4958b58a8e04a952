package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// How much WaitsFor says.
const (
	maxWaits  = 20 // lines
	maxBehind = 3  // names in a line
)

// Wait is one thing that a tracker waits for.
type Wait struct {
	Part banto.PartKey // empty in the line that says how many more there are
	Text string        // in words
	// OnHost says that it is a host's turn: the one of that name, or the one
	// beside the manager if the name is empty.
	OnHost bool
	Host   string
}

// String names the part and says what it waits for.
func (w Wait) String() string {
	if w.Part == "" {
		return w.Text
	}
	return string(w.Part) + ": " + w.Text
}

// WaitsFor says by name what the tracker waits for: first the parts that move,
// then those in error that block it, then what is behind them. A long list is
// cut. A tracker that has ended waits for nothing.
func (t *Tracker) WaitsFor() []Wait {
	if t.row.State.Ended() {
		return nil
	}
	var out []Wait
	more := 0
	add := func(p *part, wait func(*part) Wait) {
		if len(out) == maxWaits {
			more++
			return
		}
		w := wait(p)
		w.Part = p.key()
		out = append(out, w)
	}
	if t.row.Held {
		out = append(out, Wait{Text: "its release (" + t.row.Message + ")"})
	}
	t.root.all(func(p *part) {
		if p.state().Live() && !p.spread() {
			add(p, t.moving)
		}
	})
	t.root.all(func(p *part) {
		if p.state() == banto.PartHeld && !p.spread() {
			add(p, func(p *part) Wait { return Wait{Text: p.row.Message} })
		}
	})
	if t.row.State == banto.TrackerBlocked {
		for i := range t.root.parts {
			if p := &t.root.parts[i]; p.state() == banto.PartError && !p.row.Healed {
				add(p, func(*part) Wait { return Wait{Text: "in error; rerun it, skip it or cancel the tracker"} })
			}
		}
	}
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.state() == banto.PartWaiting {
			add(p, (*part).behind)
		}
	}
	if more > 0 {
		out = append(out, Wait{Text: fmt.Sprintf("%d more parts", more)})
	}
	return out
}

// moving says where a live part stands.
func (t *Tracker) moving(p *part) Wait {
	r := p.row
	onHost := func(text string) Wait { return Wait{Text: text, OnHost: true, Host: r.Host} }
	a := t.attempts[r.AttemptID]
	if a != nil && a.Killing {
		text := "being killed on " + r.Host
		if a.DeadBy != nil && p.def().OnLost != "" {
			text += ", which is lost; it counts as killed at " + a.DeadBy.Format(time.RFC3339)
		}
		return onHost(text)
	}
	if a != nil && a.Child != "" {
		return Wait{Text: "its tracker " + string(a.Child) + " of " + p.def().Call.Jobnet}
	}
	if p.awaits() {
		return Wait{Text: "waits until " + r.Until.Format(time.RFC3339)}
	}
	switch r.State {
	case banto.PartReady:
		if t.row.Held {
			return Wait{Text: "ready, and the tracker is held"}
		}
		if t.starting {
			return Wait{Text: "ready, and the tracker starts again from its start"}
		}
		if r.Host == "" {
			return onHost("wants a place on the host beside the manager")
		}
		return onHost("wants a place on " + r.Host)
	case banto.PartStarting:
		return onHost("starting on " + r.Host)
	case banto.PartRetrying:
		return Wait{Text: "next attempt at " + r.RetryAt.Format(time.RFC3339)}
	case banto.PartLost:
		if a == nil {
			return Wait{Text: "lost with " + r.Host + "; the tracker starts again from its start once nothing of it runs"}
		}
		return onHost("lost: " + r.Host + " cannot be reached" + lostText(p.def().OnLost, a))
	}
	return onHost("running on " + r.Host)
}

// lostText says what comes of a lost attempt.
func lostText(rule jobnet.OnLost, a *banto.Attempt) string {
	const mayRun = ", it may still run there"
	switch {
	case rule == "":
		return mayRun
	case a.DeadBy != nil:
		return fmt.Sprintf("; on-lost: %s acts at %s", rule, a.DeadBy.Format(time.RFC3339))
	case a.DeadManMS > 0:
		return fmt.Sprintf("%s; on-lost: %s acts once it is known when its keeper must have ended it", mayRun, rule)
	}
	return fmt.Sprintf("%s; on-lost: %s cannot act: its agent is too old to know the dead man's limit", mayRun, rule)
}

// behind names the parts that keep a part waiting.
func (p *part) behind() Wait {
	var names []string
	more := 0
	seen := map[int]bool{}
	for _, e := range p.def().After {
		from := &p.in.parts[e.From]
		w := through(from.stands(), e.Outlet)
		if (w != open && w != failed) || seen[e.From] {
			continue
		}
		seen[e.From] = true
		if len(names) == maxBehind {
			more++
			continue
		}
		names = append(names, string(from.key()))
	}
	s := "behind " + strings.Join(names, ", ")
	if more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return Wait{Text: s}
}
