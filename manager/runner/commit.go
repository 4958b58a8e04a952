package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/store"
)

// uncertain is how often a transaction is tried again because an earlier one
// may have been written without an answer.
const uncertain = 3

// surely is transact for inputs that may be stepped again. A store that has
// written an earlier transaction without an answer says so once: then memory is
// behind, and the same inputs are stepped again on one that is not. Nobody is
// told of that.
func (r *Runner) surely(ctx context.Context, ins []input, then func(*batch)) (unread, error) {
	for tries := 0; ; tries++ {
		if r.mem == nil {
			if err := r.rebuild(ctx); err != nil {
				return unread{}, err
			}
		}
		unread, err := r.transact(ctx, ins, r.now(), then)
		if !errors.Is(err, store.ErrUncertain) || tries == uncertain {
			return unread, err
		}
		r.log.Warn("an earlier transaction was written without an answer; the trackers are read again", "inputs", len(ins))
	}
}

// transact steps inputs, writes what came of them in one transaction, and
// carries out the rest. On an error nothing was told to anyone, and memory is
// gone. then comes behind the inputs, such as the placing of parts; nil for
// nothing. unread are inputs of hosts that could not be judged, and why.
func (r *Runner) transact(ctx context.Context, ins []input, now time.Time, then func(*batch)) (unread unread, err error) {
	b := &batch{r: r, ctx: ctx, mem: r.mem, now: now.UTC().Truncate(time.Microsecond)} // as a store keeps it
	if r.opt.Observer != nil {
		b.seen = &seen{}
	}
	b.foresee(ins)
	for _, in := range ins {
		b.take(in)
	}
	if then != nil {
		then(b)
	}
	b.dropConfirmed()
	wrote, start := !b.empty(), r.now()
	if wrote {
		if err := r.opt.Store.Write(store.Remembering(ctx), b.write); err != nil {
			r.mem = nil
			return unread, err
		}
		if r.health.failures > 0 {
			r.seldom.Over(storeAway, "the store can be used again")
		}
		r.health.wrote(now)
		r.state.set(func(s *state) { s.illness = nil })
		r.ailing(nil)
	}
	took := r.now().Sub(start)
	r.carryOut(b)
	r.observed(b, len(ins), wrote, took)
	r.count()
	return b.unread, nil
}

// unread are inputs of hosts that wait until the store can be read again.
type unread struct {
	ins []fromHost
	err error
}

// take steps one input. One that cannot be judged is told so, or waits with
// all that its host says after it.
func (b *batch) take(in input) {
	report, fromHost := in.(fromHost)
	if fromHost && b.stuck[report.from()] {
		b.unread.ins = append(b.unread.ins, report)
		return
	}
	err := in.step(b)
	if err == nil {
		return
	}
	if !fromHost {
		b.after(func() { in.refuse(unavailable(err)) })
		return
	}
	b.unread.ins, b.unread.err = append(b.unread.ins, report), err
	if b.stuck == nil {
		b.stuck = make(map[banto.HostID]bool)
	}
	b.stuck[report.from()] = true
}

// carryOut does what was to be done once the batch is durable.
func (r *Runner) carryOut(b *batch) {
	for hash, i := range b.flows.index {
		r.flows.put(hash, b.flows.vals[i].flow)
	}
	r.keepScripts(b)
	for _, up := range b.up {
		if up.session != nil {
			r.sessions[up.id] = *up.session
		} else {
			delete(r.sessions, up.id)
		}
	}
	r.tell(b)
	r.acknowledge(b) // before the orders, so that both go in one frame
	r.deliver(b)
	for _, do := range b.afters {
		do()
	}
	for i, id := range b.trackers.keys {
		if b.trackers.vals[i].State.Ended() {
			b.mem.forget(id)
		}
	}
	r.watches.signal(b.trackers.keys)
}

// deliver hands the new orders over, those of a host together and in order.
func (r *Runner) deliver(b *batch) {
	if r.still() {
		return
	}
	var byHost rows[banto.HostID, []fabric.Order]
	for _, o := range b.orders.vals {
		if o.order == nil {
			continue
		}
		list, _ := byHost.get(o.host)
		byHost.put(o.host, append(list, *o.order))
	}
	for i, host := range byHost.keys {
		r.opt.Hosts.Deliver(host, byHost.vals[i])
	}
}

// acknowledge tells the hosts which of their results are committed.
func (r *Runner) acknowledge(b *batch) {
	var byHost rows[banto.HostID, []banto.AttemptID]
	for _, k := range b.acks.keys {
		list, _ := byHost.get(k.host)
		byHost.put(k.host, append(list, k.attempt))
	}
	for i, host := range byHost.keys {
		r.opt.Hosts.Acknowledge(host, byHost.vals[i])
	}
}

// health says whether the store can be written.
type health struct {
	failures int
	retryAt  time.Time // until then nothing is tried; zero when all is well
	cause    error
	lastOK   time.Time // of the last transaction that was written
	suspects map[ackKey]suspect
}

// suspect is a result that could not be stored when it was tried alone.
type suspect struct {
	times       int
	first, last time.Time
}

// How a failing store is tried again.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// storeAway is said while the store fails, now and then.
const storeAway = "the store cannot be used; it is tried again"

// ail notes that the store fails; it is tried again after a pause, which grows.
func (r *Runner) ail(err error) {
	h := &r.health
	pause := min(firstPause<<min(h.failures, 10), longPause)
	h.failures++
	h.cause = err
	h.retryAt = r.now().Add(pause)
	r.state.set(func(s *state) {
		if s.illness == nil {
			s.since = r.now()
		}
		s.illness = err
	})
	r.ailing(err)
	r.seldom.Warn(storeAway, "in", pause, "error", err)
}

// probe tries whether the store that failed can be written again.
func (r *Runner) probe(ctx context.Context, now time.Time) error {
	err := r.opt.Store.Write(store.Remembering(ctx), func(store.Tx) error { return nil })
	if errors.Is(err, store.ErrUncertain) {
		r.mem, err = nil, nil
	}
	if err != nil {
		return err
	}
	r.health.cause, r.health.lastOK = nil, now // the pauses still grow until something is written
	r.state.set(func(s *state) { s.illness = nil })
	r.ailing(nil)
	return nil
}

// wrote notes that a transaction was written.
func (h *health) wrote(now time.Time) {
	h.failures, h.cause, h.lastOK = 0, nil, now
}

// why says to callers that the store cannot be used now.
func (h *health) why() error { return unavailable(h.cause) }

// storeWait is when trying again makes sense when the store cannot be used.
const storeWait = 2 * time.Second

func unavailable(err error) *banto.ErrorInfo {
	return banto.Fail(banto.KindUnavailable, "cannot do what was asked",
		fmt.Sprintf("the manager's store cannot be used now: %v", err),
		storeHint(err)).Because(err).After(storeWait)
}
