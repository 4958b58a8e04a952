package retention

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// Store is what retention needs of a store.
type Store interface {
	store.Archive
	Records
	Tracker(ctx context.Context, id banto.TrackerID) (banto.Tracker, error)
	Mark(ctx context.Context, name string) (string, error)
	Lease(ctx context.Context) (store.Lease, error)
	Write(ctx context.Context, fn func(store.Tx) error) error
}

// Options are what a Retention works with. Store, Outputs, Keep, Claim and
// WhileEnded must be set.
type Options struct {
	Store   Store
	Outputs store.Outputs
	// Keep says how long what belongs to a jobnet is kept; zero: for ever.
	Keep func(ctx context.Context, jobnetPath string) (jobnet.Keep, error)
	// Claim says that a tracker that has ended is about to be dropped: when it
	// returns, nobody takes it up again. A conflict says that it is not as it was
	// at that revision: it stays until the next round.
	Claim func(ctx context.Context, id banto.TrackerID, revision int64) error
	// WhileEnded calls do while nobody takes up the tracker, which is kept; it
	// refuses as Claim does.
	WhileEnded func(ctx context.Context, id banto.TrackerID, revision int64, do func() error) error
	Archive    string // the directory into which trackers go before; empty: they just go
	Now        func() time.Time
	// Boot is a clock that nobody sets; nil: internal/boottime.
	Boot func() time.Duration
	Log  *slog.Logger
	// Pause is made after every few hundred rows, at least; 0: 20 ms.
	Pause time.Duration
}

// Times and sizes of a round.
const (
	firstRound = 5 * time.Minute
	everyRound = time.Hour
	page       = 200
	rowsAtOnce = 500 // that one transaction drops, and trackers that are archived together have, about
	restShare  = 4   // of the time that dropping takes, one such share is left to others besides
)

// Retention drops what is old, round after round.
type Retention struct {
	opt     Options
	removed map[string]outputsOf // of each jobnet, what was done in the last round
	whole   map[string]bool      // files of the archive that were read through
	zip     *gzip.Writer         // of the archive; made once, as it is large
	clock   clock
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
	if o.Boot == nil {
		o.Boot = boottime.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pause == 0 {
		o.Pause = 20 * time.Millisecond
	}
	return &Retention{
		opt: o, removed: map[string]outputsOf{}, whole: map[string]bool{},
		clock: clock{wall: o.Now().Round(0), boot: o.Boot()},
	}
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
		if ctx.Err() != nil {
			return nil
		}
		if done.Trackers+done.Outputs > 0 {
			r.opt.Log.Info("what is old was dropped", "trackers", done.Trackers, "outputs", done.Outputs)
		}
		if err != nil {
			r.opt.Log.Error("what is old is not all dropped; it is tried again", "error", err)
		}
		wait.Reset(everyRound)
	}
}

// Done says what a round has dropped.
type Done struct {
	Trackers int
	Outputs  int // trackers whose outputs were removed, and that are kept themselves
}

// round is what one round knows.
type round struct {
	now   time.Time
	keeps map[string]*kept // by jobnet
	done  Done
	errs  []error // of jobnets that were passed over
	due   []due   // trackers that are about to be dropped, together
	rows  int     // that these have, about
}

// due is a tracker that is old enough to go.
type due struct {
	banto.Tracker
	keep *kept
}

// kept says how long what belongs to a jobnet is kept.
type kept struct {
	jobnet.Keep
	unknown bool // it cannot be told
	left    bool // an output of it stayed although it is old
}

// Round drops all that is old now, after what was being dropped when the last
// round ended. It does nothing while the clock cannot be believed.
func (r *Retention) Round(ctx context.Context) (Done, error) {
	now, believed, err := r.believe(ctx)
	if err != nil || !believed {
		return Done{}, err
	}
	in := &round{now: now, keeps: map[string]*kept{}}
	if err := r.unfinished(ctx, in); err != nil {
		return in.done, err
	}
	if err := r.walk(ctx, in); err != nil {
		return in.done, errors.Join(append(in.errs, err)...)
	}
	for path, keep := range in.keeps {
		if keep.Output > 0 && !keep.left {
			r.removed[path] = outputsOf{keep: keep.Output, until: now}
		}
	}
	return in.done, errors.Join(in.errs...)
}

// unfinished goes on with the tracker that was claimed last, whatever its folder
// says now: rows of it may be gone.
func (r *Retention) unfinished(ctx context.Context, in *round) error {
	id, err := r.opt.Store.Mark(ctx, runner.DropMark)
	if err != nil {
		return fmt.Errorf("cannot read which tracker is being dropped: %w", err)
	}
	if id == "" {
		return nil
	}
	t, err := r.opt.Store.Tracker(ctx, banto.TrackerID(id))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // its row goes last
	case err != nil:
		return fmt.Errorf("cannot read the tracker %s, which is being dropped: %w", id, err)
	case !t.State.Ended():
		return nil
	}
	if err := r.opt.Claim(ctx, t.ID, t.Revision); err != nil {
		return err
	}
	if err := r.archive(ctx, []due{{Tracker: t}}); err != nil {
		return err
	}
	if err := r.drop(ctx, t.ID); err != nil {
		return err
	}
	in.done.Trackers++
	return nil
}

// walk goes through the trackers that may be old enough.
func (r *Retention) walk(ctx context.Context, in *round) error {
	for after := int64(0); ; {
		rows, err := r.opt.Store.Ended(ctx, in.now.Add(-shortest), after, page)
		if err != nil {
			return fmt.Errorf("cannot look for what is old: %w", err)
		}
		for i := range rows {
			after = rows[i].Cursor
			if err := r.tracker(ctx, &rows[i].Tracker, in); err != nil {
				return err
			}
		}
		if err := r.dropDue(ctx, in); err != nil || len(rows) < page {
			return err
		}
		if err := r.rest(ctx, r.opt.Pause); err != nil {
			return err
		}
	}
}

// shortest is less than the shortest time that a folder can say.
const shortest = 23 * time.Hour

// tracker drops what is old of one tracker, or collects it to be dropped with
// others. One that was taken up again since it was looked at stays.
func (r *Retention) tracker(ctx context.Context, t *banto.Tracker, in *round) error {
	keep, err := r.kept(ctx, t.Jobnet, in)
	if err != nil || keep.unknown || t.EndedAt == nil || !t.State.Ended() {
		return err
	}
	age := in.now.Sub(*t.EndedAt)
	switch {
	case keep.Trackers > 0 && age >= keep.Trackers:
		in.due = append(in.due, due{*t, keep})
		if in.rows += t.Parts + t.Attempts; in.rows >= rowsAtOnce {
			return r.dropDue(ctx, in)
		}
	case keep.Output > 0 && age >= keep.Output && !r.wasRemoved(t, keep.Keep):
		err := r.opt.WhileEnded(ctx, t.ID, t.Revision, func() error { return r.opt.Outputs.Remove(t.ID) })
		if banto.KindOf(err) == banto.KindConflict {
			keep.left = true
			return nil
		}
		if err != nil {
			return err
		}
		in.done.Outputs++
	}
	return nil
}

// kept says how long what belongs to a jobnet is kept. A jobnet of which that
// cannot be told is passed over in this round.
func (r *Retention) kept(ctx context.Context, path string, in *round) (*kept, error) {
	if k := in.keeps[path]; k != nil {
		return k, nil
	}
	keep, err := r.opt.Keep(ctx, path)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	in.keeps[path] = &kept{Keep: keep}
	if err != nil {
		in.keeps[path] = &kept{unknown: true}
		in.errs = append(in.errs, fmt.Errorf("cannot tell how long %s is kept: %w", path, err))
		r.opt.Log.Warn("nothing of a jobnet is dropped: it cannot be told how long it is kept", "jobnet", path, "error", err)
	}
	return in.keeps[path], nil
}

// wasRemoved says whether an earlier round of this process has removed a
// tracker's outputs.
func (r *Retention) wasRemoved(t *banto.Tracker, keep jobnet.Keep) bool {
	before := r.removed[t.Jobnet]
	return before.keep == keep.Output && t.EndedAt.Add(keep.Output).Before(before.until)
}

// dropDue archives the trackers that were collected, in one piece, and drops them,
// each when it is claimed. Then it leaves the store to others: the longer it took,
// the longer.
func (r *Retention) dropDue(ctx context.Context, in *round) error {
	all := in.due
	if in.due, in.rows = nil, 0; len(all) == 0 {
		return nil
	}
	from := r.opt.Boot()
	if err := r.archive(ctx, all); err != nil {
		return err
	}
	for i := range all {
		t := &all[i]
		err := r.opt.Claim(ctx, t.ID, t.Revision)
		if banto.KindOf(err) == banto.KindConflict {
			t.keep.left = true
			continue
		}
		if err == nil {
			err = r.drop(ctx, t.ID)
		}
		if err != nil {
			return err
		}
		in.done.Trackers++
	}
	return r.rest(ctx, max(r.opt.Pause, (r.opt.Boot()-from)/restShare))
}

// drop drops a tracker that is archived and claimed, its row last of all.
func (r *Retention) drop(ctx context.Context, id banto.TrackerID) error {
	if err := r.opt.Outputs.Remove(id); err != nil {
		return err
	}
	for left := true; left; {
		from := r.opt.Boot()
		err := r.opt.Store.Write(ctx, func(tx store.Tx) (err error) {
			left, err = tx.DeleteTracker(id, rowsAtOnce)
			return err
		})
		if err != nil {
			return fmt.Errorf("cannot drop the tracker %s: %w", id, err)
		}
		if !left {
			break
		}
		if err := r.rest(ctx, max(r.opt.Pause, (r.opt.Boot()-from)/restShare)); err != nil {
			return err
		}
	}
	return nil
}

// rest leaves the store to others for a while.
func (r *Retention) rest(ctx context.Context, pause time.Duration) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
