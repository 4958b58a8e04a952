package runner

import (
	"errors"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// changeIn is a move that waits for the loop. revision is the tracker's after
// it was tried: a transaction whose answer was lost may have been written all
// the same, and a move must not happen twice. changes is what it did then.
type changeIn struct {
	caller
	Move
	by       banto.Principal
	id       banto.TrackerID
	what     string // for errors
	input    engine.Input
	revision int64
	changes  []banto.MoveChange
}

// step changes the tracker, which is brought back from the store if it has
// ended.
func (in *changeIn) step(b *batch) error {
	if why, bad := b.mem.unusable[in.id]; bad {
		b.refuse(in, banto.Fail(banto.KindInternal, in.what, why.Error(), "it stays as it is; the manager's log says more").Because(why))
		return nil
	}
	t, loaded, err := b.tracker(in.id)
	if err != nil {
		return err
	}
	if t == nil {
		b.refuse(in, noTracker(in.what))
		return nil
	}
	if why := b.goes(in.id, in.what); loaded && why != nil {
		b.refuse(in, why)
		return nil //nolint:nilerr // it was judged
	}
	if in.revision > 0 && t.Row().Revision >= in.revision {
		in.done(b, t)
		return nil
	}
	if in.Request.DryRun {
		in.plan(b, t)
		return nil
	}
	if b.r.held() {
		b.refuse(in, unconfirmed(in.what))
		return nil
	}
	all, refusal, err := b.allAbove(in.what, t.Row())
	if err == nil {
		err = in.keepCalls(b)
	}
	if err != nil {
		return err
	}
	if refusal != nil {
		b.refuse(in, refusal)
		return nil
	}
	in.act(b, t, loaded, all)
	return nil
}

// keepCalls keeps the jobnets that a new flow may run.
func (in *changeIn) keepCalls(b *batch) (err error) {
	if rerun, ok := in.input.(engine.Rerun); ok && in.Flow != nil {
		rerun.Calls, err = b.keepCalls(in.Calls)
		in.input = rerun
	}
	return err
}

// act makes the move, and has the trackers above go on with one that had ended.
func (in *changeIn) act(b *batch, t *engine.Tracker, loaded bool, all []above) {
	was, ended := t.Row().Revision, t.Row().EndedAt
	b.mem.keep(in.id, t)
	changes, refusal := b.moveTracker(in.id, t, in.input)
	if _, saved := b.trackers.get(in.id); loaded && !saved {
		b.mem.drop(in.id) // it has ended, and nothing has changed that
	}
	if refusal != nil {
		b.refuse(in, refusal)
		return
	}
	in.changes = changes
	b.reserveLate(in.id, t, ended)
	b.resumed(t, all)
	if now := t.Row().Revision; now > was {
		in.revision = now
	}
	if in.Flow != nil && b.r.flows.get(in.FlowHash) == nil {
		b.flows.put(in.FlowHash, newFlow{flow: in.Flow, body: in.FlowBody})
	}
	b.audit(in.by, audit.OfMove(in.Request.Move), string(in.id), in.detail(t.Flow().Jobnet), in.Request.Reason)
	in.done(b, t)
}

// plan answers what the move would do, and changes nothing.
func (in *changeIn) plan(b *batch, t *engine.Tracker) {
	changes, refusal := t.Plan(in.input, b.now)
	if refusal != nil {
		b.refuse(in, refusal)
		return
	}
	in.changes = changes
	in.done(b, t)
}

func (in *changeIn) done(b *batch, t *engine.Tracker) {
	b.after(func() { in.answer(answer{tracker: t.Row(), changes: in.changes}) })
}

// refuse answers a caller with why not, once the batch is durable: it may
// follow from what the batch holds.
func (b *batch) refuse(in input, why error) { b.after(func() { in.refuse(why) }) }

// tracker gives a tracker from memory, or brings it back from the store; nil
// when there is none.
func (b *batch) tracker(id banto.TrackerID) (t *engine.Tracker, loaded bool, err error) {
	if t := b.mem.trackers[id]; t != nil {
		return t, false, nil
	}
	records, err := b.r.opt.Store.Records(b.ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot read the tracker %s: %w", id, err)
	}
	flow, err := b.r.flows.load(b.ctx, b.r.opt.Store, records.Tracker.Flow)
	if err != nil {
		return nil, false, err
	}
	t, err = engine.Restore(flow, records)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errUnusable, err)
	}
	return t, true, nil
}

// commentIn is a comment on a tracker. It leaves an audit row, and changes
// nothing else.
type commentIn struct {
	caller
	by    banto.Principal
	id    banto.TrackerID
	what  string
	text  string
	dry   bool
	proof proof
}

func (in *commentIn) step(b *batch) error {
	row, known, err := b.row(in.id)
	if err != nil {
		return err
	}
	if !known {
		b.refuse(in, noTracker(in.what))
		return nil
	}
	written, err := in.proof.written(b)
	if err != nil {
		return err
	}
	if !written && !in.dry {
		in.proof.keep(b.audit(in.by, audit.TrackerComment, string(in.id), "", in.text))
	}
	b.after(func() { in.answer(answer{tracker: row}) })
	return nil
}

// row gives the row of a tracker, also of one that has ended.
func (b *batch) row(id banto.TrackerID) (banto.Tracker, bool, error) {
	if t := b.mem.trackers[id]; t != nil {
		return t.Row(), true, nil
	}
	row, err := b.r.opt.Store.Tracker(b.ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return banto.Tracker{}, false, nil
	}
	if err != nil {
		return banto.Tracker{}, false, fmt.Errorf("cannot read the tracker %s: %w", id, err)
	}
	return row, true, nil
}
