package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

const (
	one = banto.TrackerID("20261121-0000001")
	two = banto.TrackerID("20261121-0000002")
)

func testParts(b *bed) {
	var all []banto.Part
	b.write(func(tx store.Tx) error {
		errs := []error{tx.PutTracker(tracker(string(one))), tx.PutTracker(tracker(string(two)))}
		for i := range 60 {
			p := banto.Part{Tracker: one, Key: banto.PartKey(fmt.Sprintf("p%d[%d]/部品", i%9, i)), State: banto.PartRunning, Revision: int64(i * 37 % 60)}
			all = append(all, p)
			errs = append(errs, tx.PutPart(p))
			p.Tracker = two
			errs = append(errs, tx.PutPart(p))
		}
		return errors.Join(errs...)
	})
	slices.SortFunc(all, func(x, y banto.Part) int { return strings.Compare(string(x.Key), string(y.Key)) })
	for _, since := range []int64{-1, 0, 1, 30, 58, 59} {
		var want []banto.Part
		for _, p := range all {
			if p.Revision > since || since <= 0 {
				want = append(want, p)
			}
		}
		for _, limit := range []int{0, 1, 7, 60, 100} {
			var got []banto.Part
			after := banto.PartKey("")
			for {
				page := must(b.s.Parts(b.Context(), one, since, after, limit))(b)
				got = append(got, page...)
				if limit == 0 || len(page) < limit {
					break
				}
				after = page[len(page)-1].Key
			}
			b.same(fmt.Sprintf("since %d by %d", since, limit), got, want)
		}
	}
}

// testPartsByKey asks for pages of many lengths, with keys among them that
// have no row.
func testPartsByKey(b *bed) {
	const parts = 1500
	key := func(i int) banto.PartKey { return banto.PartKey(fmt.Sprintf("部品-%d", i)) }
	b.write(func(tx store.Tx) error {
		errs := []error{tx.PutTracker(tracker(string(one))), tx.PutTracker(tracker(string(two)))}
		for i := range parts {
			for _, id := range []banto.TrackerID{one, two} {
				errs = append(errs, tx.PutPart(banto.Part{Tracker: id, Key: key(i), Revision: int64(i)}))
			}
		}
		return errors.Join(errs...)
	})
	for _, n := range []int{0, 1, 2, 3, 100, 511, 512, 513, 1499, 1500, 1501} {
		keys := []banto.PartKey{"none", "", "\x00", "\xff"}
		var want []banto.Part
		for i := range n {
			keys = append(keys, key(parts-i)) // the first of them has no row
			if i > 0 {
				want = append(want, banto.Part{Tracker: one, Key: key(parts - i), Revision: int64(parts - i)})
			}
		}
		got := must(b.s.PartsByKey(b.Context(), one, keys))(b)
		byRevision := func(x, y banto.Part) int { return int(x.Revision - y.Revision) }
		slices.SortFunc(got, byRevision)
		slices.SortFunc(want, byRevision)
		b.same(fmt.Sprint(n, " keys"), got, want)
	}
}

func testAttempts(b *bed) {
	var all, ofPart []banto.Attempt
	b.write(func(tx store.Tx) error {
		errs := []error{tx.PutTracker(tracker(string(one))), tx.PutTracker(tracker(string(two)))}
		for i := range 50 {
			a := attempt(one, i+1, fmt.Sprintf("p%d", i%3), banto.AttemptOK)
			all = append(all, a)
			if a.Part == "p1" {
				ofPart = append(ofPart, a)
			}
			errs = append(errs, tx.PutAttempt(a), tx.PutAttempt(attempt(two, i+1, "p1", banto.AttemptOK)))
		}
		return errors.Join(errs...)
	})
	for part, want := range map[banto.PartKey][]banto.Attempt{"": all, "p1": ofPart, "p": nil} {
		for _, limit := range []int{0, 1, 7, 100} {
			var got []banto.Attempt
			after := 0
			for {
				page := must(b.s.Attempts(b.Context(), one, part, after, limit))(b)
				got = append(got, page...)
				if limit == 0 || len(page) < limit {
					break
				}
				after = page[len(page)-1].Seq
			}
			b.same(fmt.Sprintf("part %q by %d", part, limit), got, want)
		}
	}
	wrong := attempt(one, 3, "p", banto.AttemptOK)
	wrong.ID = banto.NewAttemptID(two, 3)
	if b.tryWrite(func(tx store.Tx) error { return tx.PutAttempt(wrong) }) == nil {
		b.Error("an attempt under another tracker's ID was stored")
	}
}

func attempt(id banto.TrackerID, seq int, part string, state banto.AttemptState) banto.Attempt {
	return banto.Attempt{
		ID: banto.NewAttemptID(id, seq), Tracker: id, Seq: seq, Part: banto.PartKey(part), State: state, CreatedAt: at(seq),
	}
}

// testUnfinished writes a tracker in every state, with an attempt in every
// state, and wants back those that have not ended; also after they changed.
func testUnfinished(b *bed) {
	attemptStates := []banto.AttemptState{
		banto.AttemptStarting, banto.AttemptRunning, banto.AttemptLost,
		banto.AttemptOK, banto.AttemptWarning, banto.AttemptError, banto.AttemptCancelled,
	}
	for round := range len(states) {
		want := map[banto.TrackerID]engine.Records{}
		b.write(func(tx store.Tx) error {
			var errs []error
			for i, state := range slices.Concat(states[round:], states[:round]) {
				t := tracker(fmt.Sprintf("20261121-%07d", i))
				t.State = state
				r := engine.Records{Tracker: t}
				errs = append(errs, tx.PutTracker(t))
				for n, state := range attemptStates {
					a := attempt(t.ID, n+1, fmt.Sprint("p", n), attemptStates[(n+round)%len(attemptStates)])
					p := banto.Part{Tracker: t.ID, Key: a.Part, State: banto.PartState(state), AttemptID: a.ID}
					r.Parts = append(r.Parts, p)
					if !a.State.Ended() {
						r.Attempts = append(r.Attempts, a)
					}
					errs = append(errs, tx.PutPart(p), tx.PutAttempt(a))
				}
				want[t.ID] = r
			}
			return errors.Join(errs...)
		})
		for id, r := range want {
			b.same("Records", must(b.s.Records(b.Context(), id))(b), r)
			if r.Tracker.State.Ended() {
				delete(want, id)
			}
		}
		got := map[banto.TrackerID]engine.Records{}
		err := b.s.Unfinished(b.Context(), func(r engine.Records) error {
			got[r.Tracker.ID] = r
			// Other reads must be possible meanwhile.
			_, err := b.s.Tracker(b.Context(), r.Tracker.ID)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		b.same("Unfinished", got, want)
	}
	stop, calls := errors.New("enough"), 0
	err := b.s.Unfinished(b.Context(), func(engine.Records) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		b.Errorf("got %v after %d calls, want the callback's error after one", err, calls)
	}
}
