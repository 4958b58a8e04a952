package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// testDeleteTracker: a tracker that has ended goes with all that belongs to
// it, piece by piece; one that has not stays.
func testDeleteTracker(b *bed) {
	const parts = 25
	fillUp := func(id banto.TrackerID, state banto.TrackerState) {
		t := tracker(string(id))
		t.State = state
		b.write(func(tx store.Tx) error {
			errs := []error{tx.PutTracker(t), tx.PutSubmitted("p", "k-"+string(id), "h", id, epoch0)}
			for i := range parts {
				errs = append(errs, tx.PutPart(banto.Part{Tracker: id, Key: banto.PartKey(fmt.Sprint("p", i))}),
					tx.PutAttempt(attempt(id, i+1, "p", banto.AttemptOK)))
			}
			return errors.Join(errs...)
		})
	}
	fillUp(one, banto.TrackerOK)
	fillUp(two, banto.TrackerRunning)
	drop := func(id banto.TrackerID, limit int) (left bool) {
		b.write(func(tx store.Tx) (err error) {
			left, err = tx.DeleteTracker(id, limit)
			return err
		})
		return left
	}
	for _, id := range []banto.TrackerID{two, "none"} {
		if drop(id, 1000) {
			b.Errorf("something of %s is left to be dropped", id)
		}
	}
	b.same("one that has not ended", len(must(b.s.Parts(b.Context(), two, 0, "", 0))(b)), parts)
	pieces := 1
	for drop(one, 10) {
		pieces++
		if rows := len(must(b.s.Parts(b.Context(), one, 0, "", 0))(b)) + len(must(b.s.Attempts(b.Context(), one, "", 0, 0))(b)); rows > 2*parts-10 {
			b.Fatalf("%d rows are left after %d pieces", rows, pieces)
		}
		must(b.s.Tracker(b.Context(), one))(b) // its own row goes last
	}
	if pieces < 4 {
		b.Errorf("it went in %d pieces", pieces)
	}
	_, err1 := b.s.Tracker(b.Context(), one)
	_, _, err2 := b.s.Submitted(b.Context(), "p", "k-"+string(one))
	if !errors.Is(err1, store.ErrNotFound) || !errors.Is(err2, store.ErrNotFound) {
		b.Errorf("its own row: %v, its key: %v, want ErrNotFound", err1, err2)
	}
	b.same("its rows", len(must(b.s.Attempts(b.Context(), one, "", 0, 0))(b))+len(must(b.s.Parts(b.Context(), one, 0, "", 0))(b)), 0)
	b.same("listed in its folder", len(must(b.s.ListTrackers(b.Context(), store.TrackerQuery{Jobnet: "backup/"}))(b)), 1)
	fillUp(one, banto.TrackerError) // as if it had never been
	if drop(one, 0) {
		b.Error("without a limit something is left")
	}
	b.same("all at once", len(must(b.s.Parts(b.Context(), one, 0, "", 0))(b)), 0)
}

// testEnded: what a purge asks for.
func testEnded(b *bed) {
	a, ok := b.s.(store.Archive)
	if !ok {
		b.Log("this store has no archive")
		return
	}
	var want []banto.TrackerID
	b.write(func(tx store.Tx) error {
		var errs []error
		for i := range 40 {
			t := tracker(fmt.Sprintf("20261121-%07d", i))
			t.SubmittedAt = at(i)
			if i%4 != 0 { // the others still run
				t.State = banto.TrackerOK
				ended := at(i + 1 + i%3*100)
				t.EndedAt = &ended
				if ended.Before(at(30)) {
					want = append(want, t.ID)
				}
			}
			errs = append(errs, tx.PutTracker(t))
		}
		return errors.Join(errs...)
	})
	if len(want) < 5 {
		b.Fatalf("only %d are wanted", len(want))
	}
	for _, limit := range []int{0, 1, 3, 100} {
		var got []banto.TrackerID
		after := int64(0)
		for {
			page := must(a.Ended(b.Context(), at(30), after, limit))(b)
			for _, t := range page {
				got = append(got, t.ID)
			}
			if limit == 0 || len(page) < limit {
				break
			}
			after = page[len(page)-1].Cursor
		}
		b.same(fmt.Sprint("by ", limit), got, want)
	}
	b.same("before all", len(must(a.Ended(b.Context(), epoch0.Add(-time.Hour), 0, 0))(b)), 0)
}
