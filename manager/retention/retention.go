package retention

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// Store is what retention needs of a store.
type Store interface {
	store.Archive
	Records
	Write(ctx context.Context, fn func(store.Tx) error) error
}

// Options are what a Retention works with. Store, Outputs, Keep and Claim must be
// set.
type Options struct {
	Store   Store
	Outputs store.Outputs
	// Keep says how long what belongs to a jobnet is kept; zero: for ever.
	Keep func(ctx context.Context, jobnetPath string) (jobnet.Keep, error)
	// Claim says that a tracker that has ended is about to be dropped: when it
	// returns, nobody takes it up again. An error lets it stay until the next round.
	Claim   func(ctx context.Context, id banto.TrackerID) error
	Archive string // the directory into which trackers go before; empty: they just go
	Now     func() time.Time
	Log     *slog.Logger
	// Pause is what lies between two transactions; 0: 20 ms.
	Pause time.Duration
}

// Times and sizes of a round.
const (
	firstRound = 5 * time.Minute
	everyRound = time.Hour
	page       = 200
	rowsAtOnce = 500 // that one transaction drops
)

// Retention drops what is old, round after round.
type Retention struct {
	opt     Options
	removed map[string]outputsOf // of each jobnet, what was done in the last round
	whole   map[string]bool      // files of the archive that were read through
}

// outputsOf says up to when outputs of a jobnet have been removed.
type outputsOf struct {
	keep  time.Duration
	until time.Time
}

// New makes a Retention.
func New(o Options) *Retention {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pause == 0 {
		o.Pause = 20 * time.Millisecond
	}
	return &Retention{opt: o, removed: map[string]outputsOf{}, whole: map[string]bool{}}
}

// Run makes a round now and then until ctx ends. A round that fails is said and
// made again the next time.
func (r *Retention) Run(ctx context.Context) error {
	wait := time.NewTimer(firstRound)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		done, err := r.Round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.opt.Log.Error("what is old is not all dropped; it is tried again", "error", err)
		case done.Trackers+done.Outputs > 0:
			r.opt.Log.Info("what is old was dropped", "trackers", done.Trackers, "outputs", done.Outputs)
		}
		wait.Reset(everyRound)
	}
}

// Done says what a round has dropped.
type Done struct {
	Trackers int
	Outputs  int // trackers whose outputs were removed, and that are kept themselves
}

// Round drops all that is old now.
func (r *Retention) Round(ctx context.Context) (Done, error) {
	var done Done
	now := r.opt.Now()
	keeps := map[string]jobnet.Keep{}
	var after int64
	for {
		rows, err := r.opt.Store.Ended(ctx, now.Add(-shortest), after, page)
		if err != nil {
			return done, fmt.Errorf("cannot look for what is old: %w", err)
		}
		for i := range rows {
			after = rows[i].Cursor
			if err := r.tracker(ctx, &rows[i].Tracker, keeps, now, &done); err != nil {
				return done, err
			}
		}
		if len(rows) < page {
			break
		}
		if err := r.rest(ctx); err != nil {
			return done, err
		}
	}
	for path, keep := range keeps {
		if keep.Output > 0 {
			r.removed[path] = outputsOf{keep: keep.Output, until: now}
		}
	}
	return done, nil
}

// shortest is less than the shortest time that a folder can say.
const shortest = 23 * time.Hour

// tracker drops what is old of one tracker.
func (r *Retention) tracker(ctx context.Context, t *banto.Tracker, keeps map[string]jobnet.Keep, now time.Time, done *Done) error {
	keep, known := keeps[t.Jobnet]
	if !known {
		var err error
		if keep, err = r.opt.Keep(ctx, t.Jobnet); err != nil {
			return fmt.Errorf("cannot tell how long %s is kept: %w", t.Jobnet, err)
		}
		keeps[t.Jobnet] = keep
	}
	if t.EndedAt == nil || !t.State.Ended() {
		return nil
	}
	age := now.Sub(*t.EndedAt)
	switch {
	case keep.Trackers > 0 && age >= keep.Trackers:
		if err := r.drop(ctx, t); err != nil {
			return err
		}
		done.Trackers++
	case keep.Output > 0 && age >= keep.Output && !r.wasRemoved(t, keep):
		if err := r.opt.Outputs.Remove(t.ID); err != nil {
			return err
		}
		done.Outputs++
	}
	return nil
}

// wasRemoved says whether an earlier round of this process has removed a
// tracker's outputs.
func (r *Retention) wasRemoved(t *banto.Tracker, keep jobnet.Keep) bool {
	before := r.removed[t.Jobnet]
	return before.keep == keep.Output && t.EndedAt.Add(keep.Output).Before(before.until)
}

// drop archives a tracker and drops it, its rows last of all.
func (r *Retention) drop(ctx context.Context, t *banto.Tracker) error {
	if err := r.opt.Claim(ctx, t.ID); err != nil {
		if banto.KindOf(err) == banto.KindConflict {
			return nil // it was taken up again meanwhile
		}
		return err
	}
	if r.opt.Archive != "" {
		if err := r.archive(ctx, t); err != nil {
			return err
		}
	}
	if err := r.opt.Outputs.Remove(t.ID); err != nil {
		return err
	}
	for left := true; left; {
		err := r.opt.Store.Write(ctx, func(tx store.Tx) (err error) {
			left, err = tx.DeleteTracker(t.ID, rowsAtOnce)
			return err
		})
		if err != nil {
			return fmt.Errorf("cannot drop the tracker %s: %w", t.ID, err)
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rest leaves the store to others for a moment.
func (r *Retention) rest(ctx context.Context) error {
	t := time.NewTimer(r.opt.Pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
