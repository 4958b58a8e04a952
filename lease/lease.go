package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/internal/seldom"
	"github.com/bantoops/banto/store"
)

// ErrGivenUp says that the lease could not be proved for too long.
var ErrGivenUp = errors.New("lease: it could not be proved in time")

// Store is what a lease stands on.
type Store interface {
	store.Leases
	Lease(ctx context.Context) (store.Lease, error)
	Write(ctx context.Context, fn func(store.Tx) error) error
}

// Options say who wants the lease. Store, Holder and Name must be set.
type Options struct {
	Store  Store
	Holder string // names this process
	Name   string // of the manager, for hand-over
	URL    string // where its API answers
	Times  Times  // zero: the defaults
	// Clock is boottime.Now, but in tests.
	Clock func() time.Duration
	Log   *slog.Logger
}

// Holder stands for the lease. Leading and Left are safe from any goroutine;
// the rest belongs to one.
type Holder struct {
	opt    Options
	watch  watch
	seldom *seldom.Log
}

// New makes a Holder, or says which times do not fit.
func New(o Options) (*Holder, error) {
	if o.Times == (Times{}) {
		o.Times = DefaultTimes()
	}
	if err := o.Times.Check(); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = boottime.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Holder{opt: o, seldom: seldom.New(o.Log, o.Clock)}, nil
}

// Wait returns with an epoch once this process is the active manager. looked is
// called after each look at the lease, with what was seen or why nothing was;
// nil for nobody.
func (h *Holder) Wait(ctx context.Context, looked func(store.Lease, error)) (int64, error) {
	poll := time.NewTicker(h.opt.Times.Poll)
	defer poll.Stop()
	h.watch = watch{}
	for {
		epoch, err := h.Look(ctx, looked)
		if err == nil {
			return epoch, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-poll.C:
		}
	}
}

// Look looks at the lease once, and takes it if it is free: Wait is made of it. It
// gives store.ErrHeld if the lease is another's, and why it could not be seen or
// taken.
func (h *Holder) Look(ctx context.Context, looked func(store.Lease, error)) (int64, error) {
	l, err := h.look(ctx)
	if looked != nil {
		looked(l, err)
	}
	if err != nil {
		return 0, err
	}
	if !h.watch.free(l, h.opt, h.opt.Clock()) {
		return 0, store.ErrHeld
	}
	epoch, err := h.take(ctx, h.watch.force)
	const trouble = "the lease cannot be taken"
	if err != nil && !errors.Is(err, store.ErrHeld) {
		h.seldom.Warn(trouble, "error", err)
	} else {
		h.seldom.Over(trouble, "the lease can be taken again")
	}
	return epoch, err
}

const notRenewed = "the lease is not renewed; it is tried again"

// callLimit bounds each call to the store, so that one that hangs is tried anew.
const callLimit = 3 * time.Second

func (h *Holder) look(ctx context.Context) (store.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return h.opt.Store.Lease(ctx)
}

func (h *Holder) take(ctx context.Context, force bool) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*callLimit)
	defer cancel()
	return h.opt.Store.Take(ctx, store.TakeOver{
		Holder: h.opt.Holder, URL: h.opt.URL, Name: h.opt.Name, After: h.opt.Times.TTL, Force: force,
	})
}

// watch is what a standby has seen of the lease.
type watch struct {
	epoch int64
	gone  time.Duration // since when the holder's session is not there; 0: it is
	freed time.Duration // since when the lease has no holder; 0: it has
	force bool          // it is to be taken though it is young: its holder has died
}

// free says whether the lease may be taken now.
func (w *watch) free(l store.Lease, o Options, now time.Duration) bool {
	if l.Epoch != w.epoch {
		*w = watch{epoch: l.Epoch}
	}
	w.force = false
	if l.Epoch == 0 {
		return true // nobody has ever been active
	}
	if l.Holder == "" {
		if w.freed == 0 {
			w.freed = now
		}
		// The one that was named comes first; if it does not come, anybody.
		return l.Next == "" || l.Next == o.Name || now-w.freed >= o.Times.Grace
	}
	w.freed = 0
	if l.Age >= o.Times.TTL {
		return true
	}
	if !l.Gone {
		w.gone = 0
		return false
	}
	if w.gone == 0 {
		w.gone = now
	}
	// A holder that lives and has only lost its session renews meanwhile.
	w.force = now-w.gone >= o.Times.Grace && l.Age >= o.Times.Renew+o.Times.Grace
	return w.force
}

// Leading says whether this process may speak as the active manager: it has
// proved its lease a short while ago.
func (h *Holder) Leading() bool { return h.Left() > 0 }

// Left is how long the last proof is good for; not more than zero: it is over.
func (h *Holder) Left() time.Duration {
	proved := h.opt.Store.ProvedAt()
	if proved == 0 {
		return 0
	}
	return proved + h.opt.Times.GiveUp - h.opt.Clock()
}

// Keep renews the lease until ctx ends, and gives nil then. It gives
// store.ErrDeposed when another manager is active, and ErrGivenUp when the lease
// could not be proved in time; both wrapped.
func (h *Holder) Keep(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tick := time.NewTicker(h.opt.Times.Renew / 4)
	defer tick.Stop()
	results := make(chan error, 1)
	busy := false
	for {
		left := h.Left()
		if left <= 0 {
			return fmt.Errorf("cannot go on as the active manager: %w", ErrGivenUp)
		}
		// Transactions of work renew it too. One renewal at a time is under way:
		// while it hangs the lease runs out all the same. Nobody waits for it
		// then: it ends with its transaction, at the latest when the store is closed.
		if !busy && h.opt.Times.GiveUp-left >= h.opt.Times.Renew {
			busy = true
			go func() { results <- h.renew(ctx) }()
		}
		select {
		case <-ctx.Done():
			if busy { // one that works has ended before the lease is given up
				select {
				case <-results:
				case <-time.After(callLimit):
				}
			}
			return nil
		case <-tick.C:
		case err := <-results:
			busy = false
			switch {
			case errors.Is(err, store.ErrDeposed):
				return fmt.Errorf("cannot go on as the active manager: %w", err)
			case err != nil && ctx.Err() == nil:
				h.seldom.Warn(notRenewed, "left", h.Left().Round(100*time.Millisecond), "error", err)
			case err == nil:
				h.seldom.Over(notRenewed, "the lease is renewed again")
			}
		}
	}
}

// renew writes nothing, which proves the lease.
func (h *Holder) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.opt.Times.GiveUp)
	defer cancel()
	return h.opt.Store.Write(ctx, func(store.Tx) error { return nil })
}

// Release gives the lease up, for another to take at once.
func (h *Holder) Release(ctx context.Context, next string) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return h.opt.Store.Release(ctx, next)
}
