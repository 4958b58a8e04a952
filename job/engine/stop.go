package engine

import (
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// stopping is an end whose turn has come.
type stopping struct {
	p   *part
	via banto.PartKey
}

// stopFirst lets the first of the ends that were reached in this step take
// effect. That is only when all else has settled, so that it does not matter in
// which order parts were looked at.
func (t *Tracker) stopFirst() {
	first := slices.MinFunc(t.cur.stops, func(a, b stopping) int { return a.p.at - b.p.at })
	t.cur.stops = slices.DeleteFunc(t.cur.stops, func(s stopping) bool { return s.p == first.p })
	if first.p.state() == banto.PartWaiting {
		t.stop(first.p, first.via)
	}
}

// stop lets a part of kind end take effect: what has not started is not taken,
// what is to be tried again stays in error, and what runs finishes.
func (t *Tracker) stop(p *part, via banto.PartKey) {
	fp := p.def()
	r := t.set(p, banto.PartState(fp.End))
	t.clear(r)
	r.Via, r.EndedAt = via, new(t.cur.now)
	r.Reason, r.Message = banto.ReasonEnd, fmt.Sprintf("ends the jobnet as %s", fp.End)
	t.heal(p)
	words := string(p.key()) + " has ended the jobnet"
	for i := range t.root.parts {
		q := &t.root.parts[i]
		if q.fanned() && q.spread() {
			continue // it has begun, and finishes on all its hosts
		}
		switch q.state() {
		case banto.PartReady:
			t.withdraw(q)
			t.bypass(q, words)
		case banto.PartWaiting, banto.PartHeld:
			t.bypass(q, words)
		case banto.PartRunning:
			if q.awaits() {
				t.bypass(q, words)
			}
		case banto.PartSkipped:
			if q.toSkip() {
				t.bypass(q, words)
			}
		case banto.PartRetrying:
			t.set(q, banto.PartError)
			q.row.RetryAt, q.row.EndedAt = nil, new(t.cur.now)
		}
	}
}

// bypass ends a part that has not started when the jobnet ends. One of which
// attempts were made before it was held keeps what the last came to.
func (t *Tracker) bypass(p *part, words string) {
	if p.row != nil && p.row.Tries > 0 {
		r := t.set(p, banto.PartError)
		r.RetryAt, r.EndedAt = nil, new(t.cur.now)
		return
	}
	r := t.set(p, banto.PartNotTaken)
	t.clear(r)
	r.Message, r.EndedAt = words, new(t.cur.now)
}

// stopped says whether an end has taken effect since the part last left
// waiting, so that nothing of it is tried again.
func (t *Tracker) stopped(p *part) bool {
	if !t.root.ends {
		return false
	}
	for i := range t.root.parts {
		q := &t.root.parts[i]
		if q.ending() && q.row.Rerun >= p.row.Rerun {
			return true
		}
	}
	return false
}

// ending says whether the part is an end that has taken effect.
func (p *part) ending() bool {
	return p.def().Kind == jobnet.KindEnd && p.row != nil && p.row.Reason == banto.ReasonEnd && p.row.State.Ended()
}

// ends says whether an end has taken effect, and nothing has run again since: then
// nothing blocks the tracker, for its designer has said how it ends.
func (t *Tracker) ends() bool {
	if !t.root.ends {
		return false
	}
	since := -1
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.ending() {
			since = max(since, p.row.Rerun)
		}
	}
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.row != nil && p.state() != banto.PartWaiting && p.row.Rerun > since {
			return false // it has run again since
		}
	}
	return since >= 0
}
