package enginetest

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// there says that an attempt is on its host.
func (o *oracle) there(id banto.AttemptID) {
	if f := o.live(id); f != nil && f.state != banto.PartRunning {
		f.state, f.deadBy = banto.PartRunning, zeroTime
	}
}

// lost says that an attempt's host cannot be reached.
func (o *oracle) lost(in engine.Lost) {
	f := o.live(in.Attempt)
	if f == nil {
		return
	}
	f.state = banto.PartLost
	if in.DeadBy != nil && f.limited && in.DeadBy.After(f.deadBy) {
		f.deadBy = *in.DeadBy
	}
}

// wake lets a part go on whose time has come.
func (o *oracle) wake(in engine.Wake) {
	f, _, p := o.find(in.Part)
	switch {
	case f == nil:
	case !f.until.IsZero() && !o.now.Before(f.until):
		f.state, f.until = banto.PartOK, zeroTime
		o.endedWell(f, nil, p)
	case f.state == banto.PartRetrying && !o.now.Before(f.retryAt):
		f.state, f.retryAt = banto.PartReady, zeroTime
	case !f.out() || f.state != banto.PartLost || f.deadBy.IsZero() || o.now.Before(f.deadBy) || p.onLost == "":
	case f.killing:
		o.ended(engine.Ended{Attempt: f.attemptID, Reason: banto.ReasonKilled}, o.now)
	case !o.onLost(f, p):
		o.ended(engine.Ended{Attempt: f.attemptID, Reason: banto.ReasonLost}, o.now)
	}
}

// onLost does what the policy says of a part whose process is gone with its
// host; false if that is an error like others.
func (o *oracle) onLost(f *fate, p *simPart) bool {
	switch {
	case o.starting, o.hasStopped(f.rerun):
		return false
	case p.onLost == jobnet.LostRerun:
		f.state, f.tries = banto.PartReady, f.tries-1
		f.exit, f.hasN, f.deadBy = nil, false, zeroTime
	case p.onLost == jobnet.LostRerunJobnet && o.restarts < engine.MaxRestarts:
		f.state, f.gone, f.deadBy, o.starting = banto.PartLost, true, zeroTime, true
		o.all(func(g, of *fate, p *simPart) {
			if g.out() {
				g.killing = true
			}
		})
	default:
		return false
	}
	return true
}

// startAgain takes everything back to its start, once nothing is on a host.
func (o *oracle) startAgain() bool {
	out := false
	o.all(func(f, of *fate, p *simPart) { out = out || f.out() })
	if !o.starting || out {
		return false
	}
	o.starting = false
	o.rerun++
	o.restarts++
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		for _, i := range f.items {
			o.reset(i)
			i.state = banto.PartNotTaken
		}
		was := f.state
		o.reset(f)
		switch was {
		case banto.PartHeld:
			f.state = banto.PartHeld
		case banto.PartSkipped: // by a person, who meant it
			f.state, f.toSkip = banto.PartSkipped, true
		}
	}
	return true
}
