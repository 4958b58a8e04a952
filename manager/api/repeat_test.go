package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/runner"
)

// forgetful is a store that may be unable to look up keys.
type forgetful struct {
	Store
	fail atomic.Bool
}

func (f *forgetful) Submitted(ctx context.Context, principal, key string) (banto.TrackerID, string, error) {
	if f.fail.Load() {
		return "", "", errors.New("the disk does not answer")
	}
	return f.Store.Submitted(ctx, principal, key)
}

// flooded is a loop for which too much waits; it counts what it refuses.
type flooded struct {
	Runner
	refused atomic.Int32
}

func (f *flooded) Submit(_ context.Context, s runner.Submit) (banto.Tracker, bool, error) {
	if !s.Repeats() {
		f.refused.Add(1)
	}
	return banto.Tracker{}, false, banto.Fail(banto.KindTooMany, "cannot submit", "too many wait", "try again")
}

// A submission that is repeated is told its tracker, or to try again; never that
// there is nothing.
func TestARepeatIsNeverToldThatNothingIsThere(t *testing.T) {
	w := newWorld(t)
	s := &forgetful{Store: w.store}
	w.server.Store = s
	w.apply("jobnet: ops/wait\nparts: {a: {job: wait}}\n")
	again := func(key string) (int, string) {
		status, _, text := w.call("POST", "/api/v1/trackers", `{"jobnet":"ops/wait"}`, "Idempotency-Key", key)
		return status, text
	}
	if status, text := again("k"); status != http.StatusCreated {
		t.Fatalf("%d: %s", status, text)
	}

	loop := &flooded{Runner: w.server.Runner}
	w.server.Runner = loop
	if status, text := again("k"); status != http.StatusOK || loop.refused.Load() != 0 {
		t.Errorf("under a flood %d, refused %d: %s", status, loop.refused.Load(), text)
	}
	if status, text := again("other"); status != http.StatusTooManyRequests || loop.refused.Load() != 1 {
		t.Errorf("another under a flood %d, refused %d: %s", status, loop.refused.Load(), text)
	}
	s.fail.Store(true)
	if status, text := again("k"); status != http.StatusTooManyRequests {
		t.Errorf("under a flood, while keys cannot be looked up %d: %s", status, text)
	}
	w.server.Runner = loop.Runner

	if err := w.client.DeleteJobnet(t.Context(), "ops/wait"); err != nil {
		t.Fatal(err)
	}
	if status, text := again("k"); status != http.StatusServiceUnavailable || !strings.Contains(text, "with the same key") {
		t.Errorf("while keys cannot be looked up %d: %s", status, text)
	}
	s.fail.Store(false)
	if status, text := again("k"); status != http.StatusOK {
		t.Errorf("of a jobnet that was deleted %d: %s", status, text)
	}
	if status, text := again("other"); status != http.StatusNotFound {
		t.Errorf("another of a jobnet that was deleted %d: %s", status, text)
	}
}
