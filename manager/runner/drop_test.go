package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/store"
)

// ended makes a tracker that has ended.
func (w *world) ended() banto.Tracker {
	w.t.Helper()
	id := w.running("p1")
	w.move(id, banto.MoveRequest{Move: banto.MoveKill})
	settled()
	return w.tracker(id)
}

func (w *world) rerun(id banto.TrackerID) error {
	_, err := w.r.Move(w.t.Context(), operator, id, Move{Request: banto.MoveRequest{Move: banto.MoveRerun}})
	return err
}

// deleted deletes the rows of a tracker, at most so many.
func (w *world) deleted(id banto.TrackerID, limit int) (left bool) {
	w.t.Helper()
	err := w.store.Write(context.Background(), func(tx store.Tx) (err error) {
		left, err = tx.DeleteTracker(id, limit)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return left
}

// A tracker that is being dropped is not taken up again, also not after a
// restart; one that lives, or has changed, is not dropped.
func TestATrackerThatIsBeingDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		lives := w.tracker(w.running("p1"))
		if err := w.r.Drop(t.Context(), lives.ID, lives.Revision); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("one that lives: %v", err)
		}
		old := w.ended()
		if err := w.r.Drop(t.Context(), old.ID, old.Revision-1); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("one that has changed: %v", err)
		}
		if err := w.r.Drop(t.Context(), old.ID, old.Revision); err != nil {
			t.Fatal(err)
		}
		if err := w.rerun(old.ID); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("a rerun while it is dropped: %v", err)
		}
		w.end()
		w.begin()
		w.run()
		if err := w.rerun(old.ID); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("a rerun after a restart: %v", err)
		}
	})
}

// Drop takes one tracker after the other: half of one that it has left behind
// could be run again.
func TestOneIsDroppedAfterTheOther(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first, second := w.ended(), w.ended()
		if err := w.r.Drop(t.Context(), first.ID, first.Revision); err != nil {
			t.Fatal(err)
		}
		if !w.deleted(first.ID, 1) {
			t.Fatal("nothing is left")
		}
		if err := w.r.Drop(t.Context(), second.ID, second.Revision); banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("the second before the first is gone: %v", err)
		}
		if err := w.rerun(first.ID); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("a rerun of the first: %v", err)
		}
		if err := w.r.Drop(t.Context(), first.ID, first.Revision); err != nil {
			t.Errorf("the first again: %v", err)
		}
		for w.deleted(first.ID, 100) {
		}
		if err := w.r.Drop(t.Context(), first.ID, first.Revision); err != nil {
			t.Errorf("the first when it is gone: %v", err)
		}
		if err := w.r.Drop(t.Context(), second.ID, second.Revision); err != nil {
			t.Errorf("the second: %v", err)
		}
	})
}

// While outputs are removed a rerun waits; then it goes.
func TestDropOfOutputsAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.ended()
		while := func(revision int64, do func() error) error {
			return w.r.WhileEnded(t.Context(), old.ID, revision, do)
		}
		if err := while(old.Revision-1, func() error { t.Error("it is called"); return nil }); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("one that has changed: %v", err)
		}
		ours := errors.New("no outputs")
		err := while(old.Revision, func() error {
			if err := w.rerun(old.ID); banto.KindOf(err) != banto.KindUnavailable {
				t.Errorf("a rerun meanwhile: %v", err)
			}
			if err := while(old.Revision, func() error { return nil }); banto.KindOf(err) != banto.KindUnavailable {
				t.Errorf("another meanwhile: %v", err)
			}
			return ours
		})
		if !errors.Is(err, ours) {
			t.Error(err)
		}
		if err := w.rerun(old.ID); err != nil {
			t.Errorf("a rerun afterwards: %v", err)
		}
		if err := while(old.Revision, func() error { t.Error("it is called"); return nil }); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("one that runs again: %v", err)
		}
	})
}

// One whose caller does not wait any more claims nothing.
func TestDropOfOutputsThatIsGivenUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.ended()
		open := w.held()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.r.WhileEnded(ctx, old.ID, old.Revision, func() error { t.Error("it is called"); return nil }); banto.KindOf(err) != banto.KindUnavailable {
			t.Error(err)
		}
		open()
		settled()
		if err := w.rerun(old.ID); err != nil {
			t.Error(err)
		}
	})
}

// While a recovery is held nothing is dropped. A number that no attempt can have
// is not kept free.
func TestDropAndRecallInARestoredStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.upAll()
		w.field.result = runsOn
		old := w.ended()
		since := time.Now()
		w.end()
		dir := w.backup()
		w.cutAll()
		w.restore(dir, since)
		w.run()
		defer w.close()
		if err := w.r.Drop(t.Context(), old.ID, old.Revision); banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("drop: %v", err)
		}
		err := w.r.WhileEnded(t.Context(), old.ID, old.Revision, func() error { t.Error("it is called"); return nil })
		if banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("outputs: %v", err)
		}
		w.upAll()
		for _, number := range []int{1<<63 - 1, old.Attempts + maxAhead + 1, old.Attempts + maxAhead} {
			w.r.Recalled(hostA, []fabric.RecalledAttempt{{Attempt: banto.NewAttemptID(old.ID, number), State: recalledRunning}}, true, true)
		}
		settled()
		wantItems(t, w.r.Recovery(t.Context()), "0000001.1 ended p1 local: nothing: its result is in the store", string(banto.NewAttemptID(old.ID, old.Attempts+maxAhead))[len("20000101-"):]+" after  local runs: it runs on, and nobody takes its result")
		if _, err := w.r.Confirm(t.Context(), operator, banto.RecoveryConfirm{}); err != nil {
			t.Fatal(err)
		}
		settled()
		if n := w.tracker(old.ID).Attempts; n != old.Attempts+maxAhead {
			t.Errorf("%d attempts", n)
		}
	})
}
