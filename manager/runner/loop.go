package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// errStopped is what callers are told who wait when the loop ends.
var errStopped = banto.Fail(banto.KindUnavailable, "cannot take the request",
	"the manager is stopping", "try again when it is back")

// Run works until ctx ends: it finishes the transaction at hand, turns away all
// who still wait, and gives nil. It gives an error when the trackers cannot be
// read at the start, and store.ErrDeposed (wrapped) when another manager has
// become active. It is called once.
func (r *Runner) Run(ctx context.Context) error {
	var why error = errStopped
	defer func() { r.close(why) }()
	if err := r.Begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	// A transaction is never broken off half way.
	work := context.WithoutCancel(ctx)
	for r.wait(ctx) {
		if err := r.Turn(work); err != nil {
			why = banto.Fail(banto.KindUnavailable, "cannot take the request", "another manager has become active", "try again there")
			return fmt.Errorf("cannot go on: %w", err)
		}
	}
	return nil
}

// longestNap bounds a sleep, since the clock on the wall may jump meanwhile.
const longestNap = 30 * time.Second

// wait sleeps until there is something to do; false when ctx has ended.
func (r *Runner) wait(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	var due <-chan time.Time
	if at, ok := r.Next(); ok {
		pause := min(at.Sub(r.now()), longestNap)
		if pause <= 0 {
			return true
		}
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.inbox.signal:
	case <-due:
	}
	return true
}

// Begin makes memory from the store. Begin, Next, Turn and End are what Run is
// made of, for a caller that owns the time itself; they are called from one
// goroutine, and not beside Run.
func (r *Runner) Begin(ctx context.Context) error {
	r.started, r.begun = r.now(), r.opt.Clock()
	if err := r.beginRecovery(ctx); err != nil {
		return err
	}
	if err := r.rebuild(ctx); err != nil {
		return err
	}
	r.inbox.putBack([]fromHost{freshIn{}})
	r.recall()
	r.state.set(func(s *state) { s.begun = true })
	close(r.ready)
	return nil
}

// End refuses what waits and all that comes later.
func (r *Runner) End() { r.close(errStopped) }

func (r *Runner) close(why error) {
	r.state.set(func(s *state) { s.closed = why })
	r.inbox.close(why)
}

// Next gives the time at which there is something to do by itself: in the past
// when inputs wait. It is false when nothing is to be done before an input comes.
func (r *Runner) Next() (time.Time, bool) {
	if ill := r.health.retryAt; !ill.IsZero() {
		return ill, true
	}
	if r.mem == nil || r.kick || r.inbox.waits() {
		return time.Time{}, true
	}
	at, ok := r.mem.timers.next()
	ok = ok && !r.still()
	if r.mem.owes() {
		if drop := r.mem.since.Add(confirmedPause); !ok || drop.Before(at) {
			return drop, true
		}
	}
	return at, ok
}

// Turn takes what waits and brings it into the store. Only a deposed manager
// gets an error.
func (r *Runner) Turn(ctx context.Context) error {
	now := r.now()
	if now.Before(r.health.retryAt) {
		refuseAll(r.inbox.takeCalls(), r.health.why())
		return nil
	}
	r.health.retryAt = time.Time{}
	if r.health.cause != nil {
		// Whether it can be used again is not for a caller to try.
		if err := r.probe(ctx, now); errors.Is(err, store.ErrDeposed) {
			refuseAll(r.inbox.takeCalls(), errStopped)
			return err
		} else if err != nil {
			r.ail(err)
			refuseAll(r.inbox.takeCalls(), r.health.why())
			return nil
		}
	}
	if r.mem == nil {
		if err := r.rebuild(ctx); err != nil {
			r.ail(err)
			refuseAll(r.inbox.takeCalls(), r.health.why())
			return nil
		}
	}
	r.kick = false
	ins, dropped := r.inbox.take(maxBatch)
	if dropped > 0 {
		r.log.Warn("too many reports of hosts wait; the hosts will tell them again", "dropped", dropped)
	}
	if !r.still() {
		for _, k := range r.mem.timers.due(now, maxBatch) {
			ins = append(ins, wakeIn{k})
		}
	}
	unread, err := r.surely(ctx, ins, (*batch).place)
	if err == nil {
		r.later(unread)
		return nil
	}
	if errors.Is(err, store.ErrDeposed) {
		refuseAll(ins, errStopped)
		return err
	}
	r.log.Warn("a transaction failed; its inputs are tried one by one", "inputs", len(ins), "error", err)
	return r.oneByOne(ctx, ins)
}

// later keeps inputs that could not be judged until the store is well again.
func (r *Runner) later(u unread) {
	if len(u.ins) > 0 {
		r.inbox.putBack(u.ins)
		r.ail(u.err)
	}
}

func refuseAll(ins []input, err error) {
	for _, in := range ins {
		in.refuse(err)
	}
}
