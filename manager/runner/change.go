package runner

import (
	"errors"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// changeIn is a cancel or a rerun that waits for the loop. revision is the
// tracker's after it was tried: a transaction whose answer was lost may have
// been written all the same, and a rerun must not happen twice.
type changeIn struct {
	caller
	by       banto.Principal
	id       banto.TrackerID
	action   audit.Action
	what     string // for errors
	reason   string
	input    engine.Input
	flowHash string
	flow     *jobnet.Flow
	flowBody []byte
	revision int64
}

// step changes the tracker, which is brought back from the store if it has
// ended.
func (in *changeIn) step(b *batch) error {
	if b.mem.isUnusable(in.id) {
		why := b.mem.unusable[in.id]
		b.after(func() {
			in.refuse(banto.Fail(banto.KindInternal, in.what, why.Error(), "it stays as it is; the manager's log says more").Because(why))
		})
		return nil
	}
	t, loaded, err := b.tracker(in.id)
	if err != nil {
		return err
	}
	if t == nil {
		b.after(func() { in.refuse(noTracker(in.what)) })
		return nil
	}
	if in.revision > 0 && t.Row().Revision >= in.revision {
		b.after(func() { in.answer(answer{tracker: t.Row()}) })
		return nil
	}
	if refusal := b.stepTracker(in.id, t, in.input); refusal != nil {
		b.after(func() { in.refuse(refusal) })
		return nil //nolint:nilerr // it was judged
	}
	in.revision = t.Row().Revision
	if loaded {
		b.mem.trackers[in.id] = t
	}
	if in.flow != nil && b.r.flows.get(in.flowHash) == nil {
		b.flows.put(in.flowHash, newFlow{flow: in.flow, body: in.flowBody})
	}
	b.audit(in.by, in.action, in.id, t.Flow().Jobnet, in.reason)
	b.after(func() { in.answer(answer{tracker: t.Row()}) })
	return nil
}

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
		return nil, false, fmt.Errorf("cannot restore the tracker %s: %w", id, err)
	}
	return t, true, nil
}
