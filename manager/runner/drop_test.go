package runner

import (
	"testing"

	"github.com/bantoops/banto"
)

// A tracker that is being dropped is not taken up again, also not after a
// restart; one that lives is not dropped.
func TestATrackerThatIsBeingDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		if err := w.r.Drop(t.Context(), id); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("one that lives: %v", err)
		}
		w.move(id, banto.MoveRequest{Move: banto.MoveKill})
		if err := w.r.Drop(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		refused := func(when string) {
			t.Helper()
			_, err := w.r.Move(t.Context(), operator, id, Move{Request: banto.MoveRequest{Move: banto.MoveRerun}})
			if banto.KindOf(err) != banto.KindConflict {
				t.Errorf("a rerun %s: %v", when, err)
			}
		}
		refused("while it is dropped")
		w.end()
		w.begin()
		w.run()
		refused("after a restart")
		if err := w.r.Drop(t.Context(), "20261121-zzzzzzz"); err != nil {
			t.Errorf("one that is not there: %v", err)
		}
	})
}
