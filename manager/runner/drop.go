package runner

import (
	"context"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// dropMark is the store's mark that names the tracker that is being dropped:
// one that was dropped half way must not be taken up again after a restart.
const dropMark = "dropping"

// dropIn says that a tracker is about to be dropped from the store.
type dropIn struct {
	caller
	id   banto.TrackerID
	what string
}

// Drop says that a tracker that has ended is about to be dropped from the store,
// piece by piece: when it returns, no move takes it up again. One at a time:
// the next one takes its place. It is refused for a tracker that has not ended.
func (r *Runner) Drop(ctx context.Context, id banto.TrackerID) error {
	in := &dropIn{caller: newCaller(), id: id, what: "cannot drop " + string(id)}
	_, err := r.call(ctx, in.what, in.caller, in)
	return err
}

func (in *dropIn) step(b *batch) error {
	row, known, err := b.row(in.id)
	if err != nil {
		return err
	}
	if known && !row.State.Ended() {
		b.refuse(in, banto.Fail(banto.KindConflict, in.what, "it has not ended", ""))
		return nil
	}
	if b.mem.dropping != in.id {
		b.mem.dropping, b.drop = in.id, in.id
	}
	b.after(func() { in.answer(answer{tracker: row}) })
	return nil
}

// writeDrop puts on record which tracker is being dropped.
func (b *batch) writeDrop(tx store.Tx) error {
	if b.drop == "" {
		return nil
	}
	return tx.PutMark(dropMark, string(b.drop))
}

// rebuildDrop reads which tracker was being dropped.
func (r *Runner) rebuildDrop(ctx context.Context, m *memory) error {
	id, err := r.opt.Store.Mark(ctx, dropMark)
	if err != nil {
		return fmt.Errorf("cannot read which tracker is being dropped: %w", err)
	}
	m.dropping = banto.TrackerID(id)
	return nil
}

// beingDropped says that a tracker cannot be taken up again.
func beingDropped(what string) *banto.ErrorInfo {
	return banto.Fail(banto.KindConflict, what, "the time for which its folder keeps it is over, and it is being dropped", "submit its jobnet anew")
}
