//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// rowRecovery measures how long a manager that died is away.
func rowRecovery() Row {
	return Row{
		Name: "recovery", On: both(), Run: runRecovery,
		Work: "1,000 trackers of 100 parts run, each with 19 parts ended, one process running and 80 parts waiting; the manager is killed (kill -9) and started again; a submission waits for it.",
	}
}

func runRecovery(ctx context.Context, e *Env) ([]Measure, error) {
	const trackers, done = 1000, 19
	rounds := 3
	if e.Rounds > 0 {
		rounds = e.Rounds
	}
	h, err := e.Manager(ctx, "--submit-rate", "1000000", "--max-trackers", "1000000")
	if err != nil {
		return nil, err
	}
	if err := h.StartAgent(ctx, "--slots", "1200"); err != nil {
		return nil, err
	}
	if err := h.Apply(ctx, hundredParts("bench/long", done)+"---\njobnet: bench/probe\nparts: {only: {run: [date, +%s%N]}}\n"); err != nil {
		return nil, err
	}
	ids := make([]banto.TrackerID, trackers)
	err = inParallel(ctx, trackers, func(ctx context.Context, i int) error {
		t, _, err := h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: "bench/long"}, client.NewKey())
		ids[i] = t.ID
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := h.allRun(ctx, ids); err != nil {
		return nil, err
	}
	e.Say("%d trackers run", trackers)
	var answers, dispatches []float64
	for i := range rounds {
		answered, dispatched, err := h.restart(ctx)
		if err != nil {
			return nil, err
		}
		e.Say("round %d: answered after %s, a job ran after %s", i+1, answered.Round(time.Millisecond), dispatched.Round(time.Millisecond))
		answers, dispatches = append(answers, answered.Seconds()), append(dispatches, dispatched.Seconds())
		if err := h.allRun(ctx, ids); err != nil {
			return nil, fmt.Errorf("after the restart: %w", err)
		}
	}
	return []Measure{
		{What: "dispatches again", Value: median(dispatches), Unit: "s", Goal: atMost(2), Note: fmt.Sprintf("from the start of the process to that of a job's; median of %d restarts, longest %s s", rounds, number(percentile(sorted(dispatches), 100)))},
		{What: "answers again", Value: median(answers), Unit: "s"},
	}, nil
}

// hundredParts is a jobnet in which some parts end at once, then one takes an
// hour, and the rest waits for it.
func hundredParts(name string, done int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "jobnet: %s\nparts:\n", name)
	var before []string
	for i := range done {
		fmt.Fprintf(&b, "  done%d: {run: ['true']}\n", i)
		before = append(before, fmt.Sprintf("done%d", i))
	}
	fmt.Fprintf(&b, "  long: {after: [%s], run: [sleep, '3600']}\n", strings.Join(before, ", "))
	for i := range 99 - done {
		fmt.Fprintf(&b, "  rest%d: {after: long, run: ['true']}\n", i)
	}
	return b.String()
}

// allRun waits until each tracker has one process, and says when one has ended.
func (h *House) allRun(ctx context.Context, ids []banto.TrackerID) error {
	var failed error
	running := make([]bool, len(ids))
	err := until(ctx, "the process of each tracker runs", 500*time.Millisecond, 5*time.Minute, func() bool {
		failed = inParallel(ctx, len(ids), func(ctx context.Context, i int) error {
			t, err := h.Client.Tracker(ctx, ids[i])
			if err == nil && t.State != banto.TrackerRunning {
				err = fmt.Errorf("the tracker %s is %s: %s", t.ID, t.State, t.Message)
			}
			running[i] = t.Counts[banto.PartRunning] == 1
			return err
		})
		for _, r := range running {
			if !r {
				return failed != nil
			}
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}

// restart kills the manager, starts it again, and gives how long it takes from
// the start of its process until it answers, and until a job has started that
// was submitted meanwhile.
func (h *House) restart(ctx context.Context) (answered, dispatched time.Duration, err error) {
	h.Server.Kill()
	from := time.Now()
	if err := h.StartServer(ctx); err != nil {
		return 0, 0, err
	}
	answered = time.Since(from)
	t, _, err := h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: "bench/probe"}, client.NewKey())
	if err != nil {
		return 0, 0, err
	}
	if _, err = h.Ended(ctx, t.ID, 20*time.Millisecond); err != nil {
		return 0, 0, err
	}
	attempts, err := h.Client.Attempts(ctx, t.ID, "")
	if err != nil || len(attempts) != 1 {
		return 0, 0, fmt.Errorf("the probe has %d attempts: %w", len(attempts), err)
	}
	at, err := h.wrote(ctx, attempts[0].ID)
	return answered, time.Unix(0, at).Sub(from.Round(0)), err
}
