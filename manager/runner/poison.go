package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// oneByOne tries the inputs of a failed batch again, each in a transaction of
// its own, so that one that cannot be stored is refused alone. When two in a
// row fail for other causes the store is ill: the rest is not tried.
func (r *Runner) oneByOne(ctx context.Context, ins []input) error {
	var kept []fromHost
	stuck := make(map[banto.HostID]bool)
	ill := 0
	var cause error
	for i, in := range ins {
		host, fromHost := in.(fromHost)
		if ill == 2 || fromHost && stuck[host.from()] {
			kept = r.keep(kept, in, cause)
			continue
		}
		err := r.alone(ctx, in)
		switch {
		case err == nil:
			ill = 0
		case errors.Is(err, store.ErrDeposed):
			refuseAll(ins[i:], errStopped)
			return err
		case errors.Is(err, store.ErrPoison) || !errors.Is(err, store.ErrFull) && r.suspected(in):
			if err := r.refusePoison(ctx, in, err); err != nil {
				refuseAll(ins[i+1:], errStopped)
				return err
			}
		default:
			ill++
			cause = err
			if fromHost && !host.droppable() {
				stuck[host.from()] = true
			}
			kept = r.keep(kept, in, err)
		}
	}
	r.inbox.putBack(kept)
	if cause != nil {
		r.ail(cause)
	}
	if ill > 0 {
		return nil
	}
	return r.placeOneByOne(ctx)
}

// keep puts aside what is to be tried again. Callers are told to try again
// themselves; results are told again by their hosts, and timers are set by the
// rebuild.
func (r *Runner) keep(kept []fromHost, in input, cause error) []fromHost {
	switch in := in.(type) {
	case endedIn, wakeIn:
	case fromHost:
		return append(kept, in)
	default:
		in.refuse(unavailable(cause))
	}
	return kept
}

// alone runs one input as a batch of its own, and places nothing.
func (r *Runner) alone(ctx context.Context, in input) error {
	unread, err := r.surely(ctx, []input{in}, nil)
	if err == nil {
		err = unread.err
	}
	return err
}

// When a result that fails alone, while others are written, counts as one that
// cannot be stored at all.
const (
	suspectTimes = 3
	suspectFor   = time.Minute
)

// suspected notes that an input failed alone for a cause that the store does
// not call poison. A result must not be given up when the disk is full for an
// hour, nor be tried for ever when it is the result that is at fault.
func (r *Runner) suspected(in input) bool {
	e, ok := in.(endedIn)
	if !ok {
		return false
	}
	if r.health.suspects == nil || len(r.health.suspects) > maxBatch {
		r.health.suspects = make(map[ackKey]suspect)
	}
	k, now := ackKey{e.host, e.report.Attempt}, r.now()
	s, known := r.health.suspects[k]
	if !known {
		s.first = now
	}
	guilty := s.times+1 >= suspectTimes && now.Sub(s.first) >= suspectFor && r.health.lastOK.After(s.last)
	s.times++
	s.last = now
	r.health.suspects[k] = s
	if guilty {
		delete(r.health.suspects, k)
	}
	return guilty
}

// refusePoison ends an input that cannot be stored: a caller is told, a result
// becomes one that says so. Only a deposed manager gets an error.
func (r *Runner) refusePoison(ctx context.Context, in input, cause error) error {
	r.log.Error("an input cannot be stored, and is refused alone", "input", fmt.Sprintf("%T", in), "error", cause)
	e, ok := in.(endedIn)
	if !ok {
		in.refuse(banto.Fail(banto.KindInvalid, "cannot do what was asked",
			"it holds a value that cannot be stored", "send plain text").Because(cause))
		return nil
	}
	err := r.alone(ctx, endedIn{host: e.host, report: bare(e.report)})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrDeposed):
		return err
	case errors.Is(err, store.ErrPoison):
		r.log.Error("a result cannot be stored in any form, and is given up", "attempt", e.report.Attempt, "error", err)
		r.opt.Hosts.Acknowledge(e.host, []banto.AttemptID{e.report.Attempt})
		return nil
	}
	r.ail(err) // the host tells it again
	return nil
}

// bare is a result without all that may be at fault: it ends in error.
func bare(e engine.Ended) engine.Ended {
	b := engine.Ended{
		Attempt: e.Attempt, StartedAt: e.StartedAt, At: e.At, Exit: e.Exit,
		OutputSize: e.OutputSize, OutputLost: e.OutputLost,
		Reason: banto.ReasonVariables, Message: "what it handed back cannot be stored",
	}
	if e.StartedAt == nil {
		b.Reason = banto.ReasonNotStarted
	}
	return b
}

// placeOneByOne gives places with a transaction for each, after a batch has
// failed: what cannot be stored may be what a part was about to start with.
func (r *Runner) placeOneByOne(ctx context.Context) error {
	refused := make(map[partKey]bool)
	for {
		if r.mem == nil {
			if err := r.rebuild(ctx); err != nil {
				r.ail(err)
				return nil
			}
		}
		if r.still() {
			return nil
		}
		decided := r.mem.board.Next()
		if len(decided) == 0 {
			return nil
		}
		for _, p := range decided {
			k := partKey{p.Want.Tracker, p.Want.Part}
			if refused[k] {
				p.Reason, p.Message = banto.ReasonNotStarted, "what it was to start with cannot be stored"
			}
			_, err := r.transact(ctx, nil, r.now(), func(b *batch) { b.placeOne(p) })
			if err == nil {
				continue
			}
			if errors.Is(err, store.ErrDeposed) {
				return err
			}
			if errors.Is(err, store.ErrUncertain) {
				break
			}
			if !errors.Is(err, store.ErrPoison) || refused[k] {
				r.ail(err)
				return nil
			}
			r.log.Error("a part cannot be started: what it starts with cannot be stored", "tracker", k.tracker, "part", k.part, "error", err)
			refused[k] = true
			break // memory is gone, and with it the other decisions
		}
	}
}
