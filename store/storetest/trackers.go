package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// states are those that lists are tried with.
var states = []banto.TrackerState{
	banto.TrackerPlanned, banto.TrackerQueued, banto.TrackerRunning, banto.TrackerHeld, banto.TrackerBlocked,
	banto.TrackerOK, banto.TrackerWarning, banto.TrackerError, banto.TrackerCancelled,
}

// testTrackerLists writes trackers with every mixture of jobnet, state and
// time, some of them twice with another state, and compares random queries,
// page by page, to a filter over all of them.
func testTrackerLists(b *bed) {
	jobnets := []string{"top", "a/b", "a/bc", "a/b/c", "a/b/c/d", "a-b/c", "a0", "夜間/締め", "%/_"}
	var all []banto.Tracker
	for i := range 200 {
		t := tracker(fmt.Sprintf("20261121-%07d", i))
		t.Jobnet, t.State = jobnets[i*7%len(jobnets)], states[i%3]
		// The clock goes on in leaps, stands still, and goes back.
		t.SubmittedAt = at(i/10*3 - i%4)
		t.Message = fmt.Sprint("tracker ", i)
		all = append(all, t)
	}
	put := func(from, to int) {
		b.write(func(tx store.Tx) error {
			var errs []error
			for _, t := range all[from:to] {
				errs = append(errs, tx.PutTracker(t))
			}
			return errors.Join(errs...)
		})
	}
	put(0, 70)
	put(70, 200)
	for i := range all {
		all[i].State = states[i*5%len(states)]
	}
	put(0, 200)
	order := slices.Clone(all)
	// Newest first; of one instant, the one that was put first is the oldest.
	slices.SortStableFunc(order, func(x, y banto.Tracker) int { return x.SubmittedAt.Compare(y.SubmittedAt) })
	slices.Reverse(order)
	rapid.Check(b.T, func(t *rapid.T) {
		q := store.TrackerQuery{
			Jobnet: rapid.SampledFrom([]string{"", "/", "top", "top/", "a/b", "a/b/", "a/", "a/b/c/", "a-b/", "夜間/", "夜間/締め", "%/", "none"}).Draw(t, "jobnet"),
			States: rapid.SliceOfN(rapid.SampledFrom(states), 0, 4).Draw(t, "states"),
			Limit:  rapid.SampledFrom([]int{0, 1, 2, 3, 7, 50, 1000}).Draw(t, "limit"),
		}
		moment := rapid.OneOf(rapid.Just(time.Time{}), rapid.Custom(func(t *rapid.T) time.Time { return at(rapid.IntRange(-5, 65).Draw(t, "s")) }))
		q.From, q.To = moment.Draw(t, "from"), moment.Draw(t, "to")
		var want []string
		for _, r := range order {
			if matches(r, q) {
				want = append(want, r.Message)
			}
		}
		got := b.pages(t, q)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\n got %q\nwant %q", q, got, want)
		}
	})
}

// matches is the query, said again in the simplest way.
func matches(t banto.Tracker, q store.TrackerQuery) bool {
	switch {
	case q.Jobnet == "" || q.Jobnet == "/":
	case strings.HasSuffix(q.Jobnet, "/"):
		if !strings.HasPrefix(t.Jobnet, q.Jobnet) {
			return false
		}
	case t.Jobnet != q.Jobnet:
		return false
	}
	return (len(q.States) == 0 || slices.Contains(q.States, t.State)) &&
		(q.From.IsZero() || !t.SubmittedAt.Before(q.From)) && (q.To.IsZero() || t.SubmittedAt.Before(q.To))
}

// pages reads a list to its end, and gives the trackers' messages.
func (b *bed) pages(t *rapid.T, q store.TrackerQuery) []string {
	var out []string
	for {
		page, err := b.s.ListTrackers(background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			out = append(out, r.Message)
		}
		if q.Limit > 0 && len(page) > q.Limit {
			t.Fatalf("%d rows for a limit of %d", len(page), q.Limit)
		}
		if q.Limit == 0 || len(page) < q.Limit {
			return out
		}
		q.Before = page[len(page)-1].Cursor
	}
}

// testTrackersOfOneInstant: a burst that one clock reading submits is listed
// in its order, and one that comes later, or is told of later, does not
// disturb a page.
func testTrackersOfOneInstant(b *bed) {
	const n = 3000
	b.write(func(tx store.Tx) error {
		for i := range n {
			if err := tx.PutTracker(tracker(fmt.Sprintf("20261121-%07d", i))); err != nil {
				return err
			}
		}
		return nil
	})
	first := must(b.s.ListTrackers(b.Context(), store.TrackerQuery{Limit: 2}))(b)
	b.write(func(tx store.Tx) error {
		t := tracker("20261121-zzzzzzz")
		t.SubmittedAt = at(1)
		return tx.PutTracker(t)
	})
	rest := must(b.s.ListTrackers(b.Context(), store.TrackerQuery{Before: first[1].Cursor}))(b)
	all := append(first, rest...)
	if len(all) != n {
		b.Fatalf("got %d, want %d", len(all), n)
	}
	for i, r := range all {
		if want := banto.TrackerID(fmt.Sprintf("20261121-%07d", n-1-i)); r.ID != want {
			b.Fatalf("place %d: got %s, want %s", i, r.ID, want)
		}
	}
	exact := store.TrackerQuery{From: epoch0, To: epoch0.Add(time.Microsecond)}
	if got := len(must(b.s.ListTrackers(b.Context(), exact))(b)); got != n {
		b.Errorf("of that very instant: got %d, want %d", got, n)
	}
	exact.From, exact.To = exact.To, exact.To.Add(time.Microsecond)
	if got := len(must(b.s.ListTrackers(b.Context(), exact))(b)); got != 0 {
		b.Errorf("of the next microsecond: got %d, want none", got)
	}
}

// testTrackerIdentity: an ID that is taken is not taken over.
func testTrackerIdentity(b *bed) {
	b.write(func(tx store.Tx) error { return tx.PutTracker(tracker("20261121-0000000")) })
	other := tracker("20261121-0000000")
	other.SubmittedAt = at(1)
	elsewhere := tracker("20261121-0000000")
	elsewhere.Jobnet = "other"
	for _, t := range []banto.Tracker{other, elsewhere} {
		err := b.tryWrite(func(tx store.Tx) error { return tx.PutTracker(t) })
		if !errors.Is(err, store.ErrDuplicate) {
			b.Errorf("got %v, want ErrDuplicate", err)
		}
	}
	b.same("the first one", must(b.s.Tracker(b.Context(), "20261121-0000000"))(b), tracker("20261121-0000000"))
}

// testManySubmissions asks for many trackers and keys at once, with some among them
// that are not there, or that no store can keep.
func testManySubmissions(b *bed) {
	ctx := b.Context()
	made := map[string]banto.TrackerID{}
	b.write(func(tx store.Tx) error {
		var errs []error
		for i := range 5 {
			t := tracker(fmt.Sprintf("20261121-many%d", i))
			key := fmt.Sprint("key-", i)
			made[key] = t.ID
			errs = append(errs, tx.PutTracker(t), tx.PutSubmitted("ops", key, "hash "+key, t.ID, epoch0))
		}
		return errors.Join(errs...)
	})
	for n := range 8 {
		var ids []banto.TrackerID
		var keys []string
		for i := range n {
			ids = append(ids, banto.TrackerID(fmt.Sprintf("20261121-many%d", i)))
			keys = append(keys, fmt.Sprint("key-", i))
		}
		there := must(b.s.TrackersThere(ctx, append(ids, "no\x00such", "none")))(b)
		slices.Sort(there)
		b.same("trackers", there, ids[:min(n, 5)])
		got := must(b.s.SubmittedKeys(ctx, "ops", append(keys, "no\x00such", "none")))(b)
		if len(got) != min(n, 5) {
			b.Errorf("%d keys of %d have made something: %v", len(got), n, got)
		}
		for _, s := range got {
			b.same("of a key", s, store.Submission{Key: s.Key, Tracker: made[s.Key], RequestHash: "hash " + s.Key})
		}
		if others := must(b.s.SubmittedKeys(ctx, "somebody", keys))(b); len(others) != 0 {
			b.Errorf("another's keys have made %v", others)
		}
	}
}

// testAfterTheLook writes what was looked for and not found, and then the same keys
// and IDs again: what was known before is not believed any more.
func testAfterTheLook(b *bed) {
	ctx := b.Context()
	ids := []banto.TrackerID{"20261121-looked0", "20261121-looked1", "20261121-looked2"}
	keys := []string{"looked-0", "looked-1", "looked-2"}
	look := func() int {
		return len(must(b.s.TrackersThere(ctx, ids))(b)) + len(must(b.s.SubmittedKeys(ctx, "ops", keys))(b))
	}
	put := func(jobnet string) error {
		return b.tryWrite(func(tx store.Tx) error {
			var errs []error
			for i, id := range ids {
				t := tracker(string(id))
				t.Jobnet = jobnet
				errs = append(errs, tx.PutTracker(t), tx.PutSubmitted("ops", keys[i], "hash", id, epoch0))
			}
			return errors.Join(errs...)
		})
	}
	if n := look(); n != 0 {
		b.Errorf("%d are there before they are written", n)
	}
	if err := put("a/b"); err != nil {
		b.Fatal(err)
	}
	if err := put("a/c"); !errors.Is(err, store.ErrDuplicate) {
		b.Errorf("written twice: got %v, want ErrDuplicate", err)
	}
	if n := look(); n != len(ids)+len(keys) {
		b.Errorf("%d are there, want %d", n, len(ids)+len(keys))
	}
	if err := put("a/c"); !errors.Is(err, store.ErrDuplicate) {
		b.Errorf("written again after they were seen: got %v, want ErrDuplicate", err)
	}
	var listed []banto.TrackerID
	for _, row := range must(b.s.ListTrackers(ctx, store.TrackerQuery{Jobnet: "a/b"}))(b) {
		listed = append(listed, row.ID)
	}
	b.same("listed", listed, []banto.TrackerID{ids[2], ids[1], ids[0]})
}
