package engine

import (
	"time"

	"github.com/bantoops/banto"
)

// step is what the current step has changed and wants done.
type step struct {
	now      time.Time
	changed  bool
	parts    []*part // dirty, in the order in which they were first touched
	attempts []*banto.Attempt
	settled  []*part // parts that have ended and whose edges are still to be looked at
	out      []Effect
}

// begin starts a step.
func (t *Tracker) begin(now time.Time) { t.cur = step{now: clean(now)} }

// clean gives a time as it comes back from any store: UTC, in whole
// microseconds, without the reading of a monotonic clock.
func clean(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

// set brings a part into a state and gives its row for more to be written.
func (t *Tracker) set(p *part, s banto.PartState) *banto.Part {
	was := p.state()
	r := t.edit(p)
	if was == banto.PartWaiting && s != banto.PartWaiting {
		r.Rerun = t.row.Rerun
	}
	r.State = s
	t.count(was, -1)
	t.count(s, 1)
	if s.Ended() {
		t.cur.settled = append(t.cur.settled, p)
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
		t.cur.parts = append(t.cur.parts, p)
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

// flush ends the step: the rows that changed, each once, then the rest.
func (t *Tracker) flush() []Effect {
	if !t.cur.changed {
		t.cur = step{}
		return nil
	}
	out := make([]Effect, 0, 1+len(t.cur.parts)+len(t.cur.attempts)+len(t.cur.out))
	out = append(out, SaveTracker{t.Row()})
	for _, p := range t.cur.parts {
		p.dirty = false
		out = append(out, SavePart{*p.row})
	}
	for _, a := range t.cur.attempts {
		out = append(out, SaveAttempt{*a})
	}
	out = append(out, t.cur.out...)
	t.cur = step{}
	return out
}
