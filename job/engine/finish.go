package engine

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// finish says where the tracker stands after a step: it goes on, or ends, or
// is blocked when nothing can move any more.
func (t *Tracker) finish() {
	if !t.cur.changed || t.row.State.Ended() {
		return
	}
	if t.live > 0 {
		t.goOn()
		return
	}
	if t.row.Cancelling {
		t.end(banto.TrackerCancelled)
		return
	}
	worst, first := t.worst()
	held := t.row.Counts[banto.PartHeld] > 0
	blocked := first != nil && (held || t.root.flow.OnError == jobnet.OnErrorWait && !t.ends())
	switch {
	case t.row.Held && (held || blocked || t.row.Counts[banto.PartWaiting] > 0):
		t.goOn() // it does not give up on what waits behind the hold
		return
	case blocked:
		t.row.State = banto.TrackerBlocked
		t.row.Message = first.blame()
		return
	case held:
		t.goOn()
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
	case worst == banto.TrackerError:
		t.row.Message = "what was behind parts that ran again alone has not run; a rerun reaches it"
	default:
		t.row.Message = ""
	}
	t.end(worst)
}

// goOn says that a tracker goes on, or would if it were not held.
func (t *Tracker) goOn() {
	s := banto.TrackerRunning
	if t.row.Held {
		s = banto.TrackerHeld
	}
	if t.row.State == banto.TrackerBlocked && s == banto.TrackerRunning {
		t.row.Message = "" // what blocked it
	}
	t.row.State = s
}

// end brings the tracker to its end.
func (t *Tracker) end(s banto.TrackerState) {
	t.row.State, t.row.Cancelling, t.row.Held, t.row.HeldOuter = s, false, false, false
	t.row.EndedAt = new(t.cur.now)
	t.emit(TrackerEnded{Hosts: t.row.Hosts, KeepWork: s != banto.TrackerOK})
}

// worst gives the outcome of the tracker, and the part in error that failed
// first, or nil. Parts that an earlier end left behind make it cancelled, or
// an error if they were not reached and now could be: it must not pass for one
// that ran to its end.
func (t *Tracker) worst() (banto.TrackerState, *part) {
	var first *part
	outcome := banto.OK
	cancelled, unreached := false, false
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
		case banto.PartUnreached:
			unreached = unreached || p.allowed()
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
	switch {
	case outcome == banto.Error:
	case cancelled:
		return banto.TrackerCancelled, first
	case unreached:
		return banto.TrackerError, first
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
