package engine

import "time"

// Step takes an input and gives the effects that follow from it. The error is
// a refused move, always a *banto.ErrorInfo; then nothing has changed. An input that means nothing (any more) gives no effects.
func (t *Tracker) Step(in Input, now time.Time) ([]Effect, error) {
	t.begin(now)
	t.changes = nil
	var err error
	move := false
	switch in := in.(type) {
	case Placed:
		t.placed(in)
	case NoPlace:
		t.noPlace(in)
	case Started:
		t.started(in)
	case Ended:
		t.ended(in)
	case Lost:
		t.lost(in)
	case Found:
		t.found(in)
	case Wake:
		t.wake(in)
	case Again:
		t.again(in)
	case OuterHeld:
		t.holdOuter(in)
	case FanOut:
		t.fanOut(in)
	default:
		move = true
		err = t.move(in)
	}
	if err != nil {
		t.cur = step{}
		return nil, err
	}
	t.settle()
	t.restart()
	t.finish()
	if move {
		t.changes = t.told()
	}
	return t.flush(), nil
}

// move takes what an operator asks for.
func (t *Tracker) move(in Input) error {
	switch in := in.(type) {
	case Hold:
		return t.hold(in)
	case Release:
		return t.release(in)
	case Skip:
		return t.skip(in)
	case ForceEnd:
		return t.forceEnd(in)
	case KillParts:
		return t.killParts(in)
	case Cancel:
		return t.cancel(in)
	case Rerun:
		return t.rerun(in)
	}
	return nil
}
