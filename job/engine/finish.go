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
	case first >= 0 && t.flow.OnError == jobnet.OnErrorWait:
		t.row.State = banto.TrackerBlocked
		t.row.Message = t.blame(first)
		return
	}
	if t.row.Counts[banto.PartWaiting] > 0 {
		for i := range t.parts {
			if t.state(i) == banto.PartWaiting {
				t.set(i, banto.PartUnreached).EndedAt = new(t.cur.now)
			}
		}
	}
	switch {
	case first >= 0:
		t.row.Message = t.blame(first)
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
// first, or -1. Parts that an earlier cancel left behind make it cancelled:
// it must not pass for one that ran to its end.
func (t *Tracker) worst() (banto.TrackerState, int) {
	first := -1
	outcome := banto.OK
	cancelled := false
	for i := range t.parts {
		r := t.parts[i].row
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
			if first < 0 || r.Revision < t.parts[first].row.Revision {
				first = i
			}
		}
	}
	if cancelled && outcome != banto.Error {
		return banto.TrackerCancelled, first
	}
	return banto.TrackerState(outcome), first
}

// blame says in a sentence which part failed and why.
func (t *Tracker) blame(i int) string {
	r := t.parts[i].row
	if r.Reason == banto.ReasonExit {
		return string(r.Key) + " " + r.Message
	}
	return string(r.Key) + ": " + r.Message
}
