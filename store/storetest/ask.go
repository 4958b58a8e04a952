package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// AskEverything calls each read with each combination of filters, and gives
// the least number of different statements that takes.
func AskEverything(ctx context.Context, t *testing.T, s interface {
	store.Store
	store.Archive
}) int {
	t.Helper()
	asked := askTrackers(ctx, t, s)
	for _, text := range []string{"", "x"} {
		_, err1 := s.ListDefinitions(ctx, store.KindJobnet, text, "a", 50)
		_, err2 := s.Parts(ctx, "t", int64(len(text)), "a", 50)
		_, err3 := s.Attempts(ctx, "t", banto.PartKey(text), 3, 50)
		_, err4 := s.ListAudit(ctx, text, 7, 50)
		_, _ = s.Definition(ctx, store.KindJobnet, "a", len(text))
		for _, err := range []error{err1, err2, err3, err4} {
			if err != nil {
				t.Fatal(err)
			}
		}
		asked += 5
	}
	for n := range 20 {
		if _, err := s.PartsByKey(ctx, "t", make([]banto.PartKey, n)); err != nil {
			t.Fatal(err)
		}
	}
	asked += 6 // 1, 2, 4, 8, 16, 32
	_, _ = s.TrackersThere(ctx, []banto.TrackerID{"x", "y"})
	_, _ = s.SubmittedKeys(ctx, "x", []string{"y", "z"})
	asked += 2
	// These find nothing; what counts is how they would look for it.
	_, _ = s.Versions(ctx, store.KindJobnet, "a", 9)
	_, _ = s.Flow(ctx, "x")
	_, _ = s.Tracker(ctx, "x")
	_, _ = s.Attempt(ctx, "x.1")
	_, _, _ = s.Submitted(ctx, "x", "y")
	_, _ = s.Host(ctx, "x")
	_, _ = s.HostByID(ctx, "x")
	_, _ = s.ListHosts(ctx, "x", 9)
	_, _ = s.Token(ctx, "x")
	_, _ = s.Script(ctx, "x")
	_, _ = s.Join(ctx, "x")
	_, _ = s.Revoked(ctx)
	_, _ = s.AccountStates(ctx)
	_, _ = s.Outbox(ctx)
	if err := s.Unfinished(ctx, func(engine.Records) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ended(ctx, time.Unix(1, 0), 3, 9); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Kept(ctx, "x")
	_, _ = s.Mark(ctx, "x")
	return asked
}

// askTrackers asks for lists of trackers.
func askTrackers(ctx context.Context, t *testing.T, s store.Store) int {
	t.Helper()
	asked := 0
	for _, jobnet := range []string{"", "a/b", "a/"} {
		for n := range 4 {
			for _, from := range []time.Time{{}, time.Unix(1, 0)} {
				for _, to := range []time.Time{{}, time.Unix(2, 0)} {
					states := []banto.TrackerState{"running", "held", "ok"}[:min(n, 3)]
					_, err := s.ListTrackers(ctx, store.TrackerQuery{Jobnet: jobnet, States: states, From: from, To: to, Limit: 50})
					if err != nil {
						t.Fatal(err)
					}
					asked++
				}
			}
		}
	}
	return asked - 4*3 + 16 // n=3 and n=2 differ, Before never does
}
