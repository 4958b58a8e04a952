package runner

import (
	"context"
	"fmt"
	"sync"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// DropMark is the store's mark that names the tracker that is being dropped, or
// was the last to be: one that was dropped half way must not be taken up again
// after a restart, and is the first to be gone on with.
const DropMark = "dropping"

// dropIn says that a tracker is about to be dropped from the store.
type dropIn struct {
	caller
	id       banto.TrackerID
	revision int64
	what     string
}

// Drop says that a tracker that has ended is about to be dropped from the store,
// piece by piece: when it returns, no move takes it up again, also after a
// restart. It is refused (conflict) for one that has not ended, or whose
// revision is not the one that the caller has seen; and (unavailable) while
// another is not all dropped, or a recovery waits for its confirmation.
func (r *Runner) Drop(ctx context.Context, id banto.TrackerID, revision int64) error {
	in := &dropIn{caller: newCaller(), id: id, revision: revision, what: "cannot drop " + string(id)}
	_, err := r.call(ctx, in.what, in.caller, in)
	return err
}

func (in *dropIn) step(b *batch) error {
	if ok, err := b.asSeen(in, in.what, in.id, in.revision); err != nil || !ok {
		return err
	}
	last := b.mem.dropping
	if last != "" && last != in.id {
		row, known, err := b.row(last)
		if err != nil {
			return err
		}
		if known && row.State.Ended() {
			b.refuse(in, banto.Fail(banto.KindUnavailable, in.what, string(last)+" is not all dropped yet", "it is gone on with first"))
			return nil
		}
	}
	if last != in.id {
		b.mem.dropping, b.drop = in.id, in.id
	}
	b.after(func() { in.answer(answer{}) })
	return nil
}

// asSeen says whether a tracker has ended and is as the caller has seen it, or
// is gone. Otherwise the caller is refused.
func (b *batch) asSeen(in input, what string, id banto.TrackerID, revision int64) (bool, error) {
	if b.r.held() {
		b.refuse(in, unconfirmed(what))
		return false, nil
	}
	row, known, err := b.row(id)
	switch {
	case err != nil:
		return false, err
	case known && !row.State.Ended():
		b.refuse(in, banto.Fail(banto.KindConflict, what, "it has not ended", ""))
	case known && row.Revision != revision:
		b.refuse(in, banto.Fail(banto.KindConflict, what, "it has changed meanwhile", ""))
	default:
		return true, nil
	}
	return false, nil
}

// writeDrop puts on record which tracker is being dropped.
func (b *batch) writeDrop(tx store.Tx) error {
	if b.drop == "" {
		return nil
	}
	return tx.PutMark(DropMark, string(b.drop))
}

// rebuildDrop reads which tracker was being dropped.
func (r *Runner) rebuildDrop(ctx context.Context, m *memory) error {
	id, err := r.opt.Store.Mark(ctx, DropMark)
	if err != nil {
		return fmt.Errorf("cannot read which tracker is being dropped: %w", err)
	}
	m.dropping = banto.TrackerID(id)
	return nil
}

// atRest is a tracker that has ended and that nobody takes up now. It is no part
// of memory: it outlives a rebuild, and ends with the process.
type atRest struct {
	mu sync.Mutex
	by *atRestIn // nil: there is none
}

// atRestIn asks that a tracker stays as it is.
type atRestIn struct {
	caller
	id       banto.TrackerID
	revision int64
	what     string
	over     bool // under atRest.mu: it was given back, or its caller does not wait any more
}

// WhileEnded calls do while nobody takes up a tracker that has ended and is kept:
// a move is told to try again. One at a time; it is refused as Drop is. Nothing
// of it is on record.
func (r *Runner) WhileEnded(ctx context.Context, id banto.TrackerID, revision int64, do func() error) error {
	in := &atRestIn{caller: newCaller(), id: id, revision: revision, what: "cannot remove what " + string(id) + " has printed"}
	defer r.atRest.giveBack(in)
	if _, err := r.call(ctx, in.what, in.caller, in); err != nil {
		return err
	}
	return do()
}

func (in *atRestIn) step(b *batch) error {
	if ok, err := b.asSeen(in, in.what, in.id, in.revision); err != nil || !ok {
		return err
	}
	if !b.r.atRest.take(in) {
		b.refuse(in, banto.Fail(banto.KindUnavailable, in.what, "another one is at it", "try again"))
		return nil
	}
	b.after(func() { in.answer(answer{}) })
	return nil
}

func (c *atRest) take(in *atRestIn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.over || c.by != nil && c.by != in {
		return false
	}
	c.by = in
	return true
}

func (c *atRest) giveBack(in *atRestIn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in.over = true
	if c.by == in {
		c.by = nil
	}
}

func (c *atRest) has(id banto.TrackerID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by != nil && c.by.id == id
}

// goes says why a tracker that has ended cannot be taken up now; nil: it can.
func (b *batch) goes(id banto.TrackerID, what string) error {
	switch {
	case id == b.mem.dropping:
		return banto.Fail(banto.KindConflict, what, "the time for which its folder keeps it is over, and it is being dropped", "submit its jobnet anew")
	case b.r.atRest.has(id):
		return banto.Fail(banto.KindUnavailable, what, "what it has printed is old and is being removed just now", "try again")
	}
	return nil
}
