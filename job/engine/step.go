package engine

import "time"

// Step takes an input and gives the effects that follow from it. The error is
// a refused Cancel or Rerun, always a *banto.ErrorInfo; then nothing has
// changed. An input that means nothing (any more) gives no effects.
func (t *Tracker) Step(in Input, now time.Time) ([]Effect, error) {
	t.begin(now)
	var err error
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
	case Cancel:
		err = t.cancel(in)
	case Rerun:
		err = t.rerun(in)
	}
	if err != nil {
		t.cur = step{}
		return nil, err
	}
	t.settle()
	t.finish()
	return t.flush(), nil
}
