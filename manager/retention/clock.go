package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/bantoops/banto/store"
)

// apart is by how much clocks may differ. What a clock that was set wrongly says
// to be old would be dropped for good.
const apart = time.Hour

// clock is how the clocks stood when the Retention was made.
type clock struct {
	wall time.Time     // without Go's own monotonic reading
	boot time.Duration // by a clock that nobody sets
	said bool          // that a round was left out
}

// believe gives the time, and says whether it can be believed: the clock on the
// wall has gone as the one that nobody sets, and as the store's.
func (r *Retention) believe(ctx context.Context) (time.Time, bool, error) {
	now := r.opt.Now()
	moved := now.Round(0).Sub(r.clock.wall) - (r.opt.Boot() - r.clock.boot)
	behind, err := r.behindStore(ctx)
	if err != nil {
		return now, false, err
	}
	if moved.Abs() <= apart && behind.Abs() <= apart {
		r.clock.said = false
		return now, true, nil
	}
	if !r.clock.said {
		r.clock.said = true
		r.opt.Log.Error("nothing old is dropped: this machine's clock was set, or is not the store's; if it is right, restart the manager",
			"moved", moved.Round(time.Second), "ahead_of_store", behind.Round(time.Second))
	}
	return now, false, nil
}

// behindStore says by how much the store's clock is behind this one: a
// transaction that writes nothing is renewed by that.
func (r *Retention) behindStore(ctx context.Context) (time.Duration, error) {
	err := r.opt.Store.Write(ctx, func(store.Tx) error { return nil })
	if err != nil {
		return 0, fmt.Errorf("cannot compare the clocks: %w", err)
	}
	l, err := r.opt.Store.Lease(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot compare the clocks: %w", err)
	}
	return r.opt.Now().Round(0).Sub(l.RenewedAt), nil
}
