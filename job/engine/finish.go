package engine

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// finish ends the tracker, or blocks it, when nothing can move any more.
func (t *Tracker) finish() {
	if !t.cur.changed || t.live > 0 || t.row.State.Ended() {
		return
	}
	worst, first := t.worst()
	switch {
	case t.row.Cancelling:
		t.end(banto.TrackerCancelled)
		return
	case first != nil && t.root.flow.OnError == jobnet.OnErrorWait:
		t.row.State = banto.TrackerBlocked
		t.row.Message = first.blame()
		return
	}
	if t.row.Counts[banto.PartWaiting] > 0 {
		for i := range t.root.parts {
			if p := &t.root.parts[i]; p.state() == banto.PartWaiting {
				t.set(p, banto.PartUnreached).EndedAt = new(t.cur.now)
			}
		}
	}
	switch {
	case first != nil:
		t.row.Message = first.blame()
	case worst == banto.TrackerCancelled:
		t.row.Message = "parts that were cancelled have not run again"
	}
	t.end(worst)
}

// end brings the tracker to its end.
func (t *Tracker) end(s banto.TrackerState) {
	t.row.State, t.row.Cancelling = s, false
	t.row.EndedAt = new(t.cur.now)
	t.emit(TrackerEnded{Hosts: t.row.Hosts, KeepWork: s != banto.TrackerOK})
}

// worst gives the outcome of the tracker, and the part in error that failed
// first, or nil. Parts that an earlier cancel left behind make it cancelled:
// it must not pass for one that ran to its end.
func (t *Tracker) worst() (banto.TrackerState, *part) {
	var first *part
	outcome := banto.OK
	cancelled := false
	for i := range t.root.parts {
		p := &t.root.parts[i]
		r := p.row
		if r == nil {
			continue
		}
		switch r.State {
		case banto.PartWarning:
			outcome = outcome.Worse(banto.Warning)
		case banto.PartCancelled:
			cancelled = true
		case banto.PartError:
			if r.Healed {
				outcome = outcome.Worse(banto.Warning)
				continue
			}
			outcome = banto.Error
			if first == nil || r.Revision < first.row.Revision {
				first = p
			}
		}
	}
	if cancelled && outcome != banto.Error {
		return banto.TrackerCancelled, first
	}
	return banto.TrackerState(outcome), first
}

// blame says in a sentence which part failed and why.
func (p *part) blame() string {
	r := p.row
	if r.Reason == banto.ReasonExit {
		return string(r.Key) + " " + r.Message
	}
	return string(r.Key) + ": " + r.Message
}
