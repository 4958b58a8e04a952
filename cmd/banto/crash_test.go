//go:build unix

package main_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// TestKillAndRestartRunsEachJobOnce kills `banto up` with SIGKILL at random
// moments of one tracker after another, starts it again each time, and reads
// from a history that the jobs write that each ran exactly once.
func TestKillAndRestartRunsEachJobOnce(t *testing.T) {
	w := newWorld(t)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	for round := range rounds(4) {
		edges := randomEdges(r, 200)
		name := "history-" + string(rune('a'+round%26)) + time.Now().Format("150405.000")
		w.must("apply", "-f", w.write("flow.yaml", flowYAML("round/crash", w.dir+"/"+name, edges)))
		tracker, _ := submitted(t, w.must("submit", "round/crash", "--json"))

		// The moment is a number of lines in the history, so that it falls
		// inside of the tracker on a fast machine and on a slow one.
		moment := 1 + r.IntN(380)
		w.until("the history has grown", func() bool { return len(w.lines(name)) >= moment })
		w.kill9()
		w.up()
		state := w.endOf(banto.TrackerID(tracker))
		if state != banto.TrackerOK {
			t.Fatalf("round %d, killed after %d lines: tracker %s ended %s", round, moment, tracker, state)
		}
		if err := checkHistory(w.lines(name), edges); err != nil {
			t.Fatalf("round %d, killed after %d lines: tracker %s: %v", round, moment, tracker, err)
		}
	}
}

// until waits for something that the world shows from outside.
func (w *world) until(what string, seen func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		if seen() {
			tick.Stop()
			return
		}
		select {
		case <-deadline:
			w.t.Fatalf("waited in vain: %s\n%s", what, w.log)
		case <-tick.C:
		}
	}
}

// endOf waits for the end of a tracker by its event stream.
func (w *world) endOf(id banto.TrackerID) banto.TrackerState {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last banto.TrackerState
	err := w.client().Watch(ctx, id, func(e banto.TrackerEvent) error {
		last = e.Tracker.State
		return nil
	})
	if err != nil {
		w.t.Fatalf("watching %s: %v (last state %s)", id, err, last)
	}
	return last
}
