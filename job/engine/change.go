package engine

import (
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// step is what the current step has changed and wants done.
type step struct {
	now      time.Time
	changed  bool
	parts    []touched // dirty, in the order in which they were first touched
	attempts []*banto.Attempt
	settled  []settled  // parts whose edges are still to be looked at
	turns    []*part    // parts whose turn may have come
	stops    []stopping // ends that have been reached
	sums     []*part    // parts whose items have changed
	notes    map[*part]string
	out      []Effect
}

// touched is a part that has changed, and the state that it was in.
type touched struct {
	p   *part
	was banto.PartState
}

// settled is a part that has ended, or ended otherwise: what its edges led
// from, and what they lead from now.
type settled struct {
	p        *part
	was, now stand
}

// begin starts a step.
func (t *Tracker) begin(now time.Time) { t.cur = step{now: clean(now)} }

// clean gives a time as it comes back from any store: UTC, in whole
// microseconds, without the reading of a monotonic clock.
func clean(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

// set brings a part into a state and gives its row for more to be written.
func (t *Tracker) set(p *part, s banto.PartState) *banto.Part {
	from := p.stands()
	r := t.put(p, s)
	if p.of == nil && (from.state.Ended() || s.Ended()) {
		t.cur.settled = append(t.cur.settled, settled{p, from, stand{s, jobnet.Outlet(r.Outlet)}})
	}
	return r
}

// put writes a state and what is counted of it, but no edge moves.
func (t *Tracker) put(p *part, s banto.PartState) *banto.Part {
	was := p.state()
	r := t.edit(p)
	if s != banto.PartWaiting && (was == banto.PartWaiting || p.of != nil && was == banto.PartNotTaken) {
		r.Rerun = t.row.Rerun
	}
	r.State = s
	if p.of == nil {
		t.count(was, -1)
		t.count(s, 1)
		return r
	}
	p.of.items.count(was, -1)
	p.of.items.count(s, 1)
	if !p.of.items.due {
		p.of.items.due = true
		t.cur.sums = append(t.cur.sums, p.of)
	}
	return r
}

// edit gives the row of a part that is about to change.
func (t *Tracker) edit(p *part) *banto.Part {
	t.touch()
	if p.row == nil {
		p.row = &banto.Part{Tracker: t.row.ID, Key: p.key(), State: banto.PartWaiting}
	}
	p.row.Revision = t.row.Revision
	if !p.dirty {
		p.dirty = true
		t.cur.parts = append(t.cur.parts, touched{p, p.row.State})
	}
	return p.row
}

// touch notes that the tracker has changed.
func (t *Tracker) touch() {
	if !t.cur.changed {
		t.cur.changed = true
		t.row.Revision++
	}
}

// touchAttempt notes that an attempt has changed; no step changes one twice.
func (t *Tracker) touchAttempt(a *banto.Attempt) {
	t.touch()
	t.cur.attempts = append(t.cur.attempts, a)
}

// emit adds an effect behind the saves.
func (t *Tracker) emit(e Effect) { t.cur.out = append(t.cur.out, e) }

// note says what else a move does to a part.
func (t *Tracker) note(p *part, text string) {
	if t.cur.notes == nil {
		t.cur.notes = map[*part]string{}
	}
	t.cur.notes[p] = text
}

// told gives what the step has changed, as an operator is told it.
func (t *Tracker) told() []banto.MoveChange {
	parts := slices.Clone(t.cur.parts)
	for p := range t.cur.notes {
		if !p.dirty {
			parts = append(parts, touched{p, p.state()})
		}
	}
	slices.SortFunc(parts, func(a, b touched) int { return before(a.p, b.p) })
	var out []banto.MoveChange
	for _, c := range parts {
		note := t.cur.notes[c.p]
		if c.p.toSkip() {
			note = "when its turn comes"
		}
		if c.was != c.p.state() || note != "" {
			out = append(out, banto.MoveChange{Part: c.p.key(), From: c.was, To: c.p.state(), Note: note})
		}
	}
	return out
}

// flush ends the step: the rows that changed, each once, then the rest.
func (t *Tracker) flush() []Effect {
	if !t.cur.changed {
		t.cur = step{}
		return nil
	}
	out := make([]Effect, 0, 1+len(t.cur.parts)+len(t.cur.attempts)+len(t.cur.out))
	out = append(out, SaveTracker{t.Row()})
	for _, c := range t.cur.parts {
		c.p.dirty = false
		out = append(out, SavePart{*c.p.row})
	}
	for _, a := range t.cur.attempts {
		out = append(out, SaveAttempt{*a})
	}
	out = append(out, t.cur.out...)
	t.cur = step{}
	return out
}
