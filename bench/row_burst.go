//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// rowBurst measures what happens when everything is due at once.
func rowBurst() Row {
	return Row{
		Name: "burst", On: both(), Run: runBurst,
		Work: "10,000 submissions of small jobnets at once, each durable when it is answered, and each with a job that runs. They come through the API, over 64 connections, which costs a request, a check of the caller and an idempotency key each that schedules will not.",
	}
}

const (
	burst       = 10_000
	burstNets   = 100 // jobnets that they are of
	connections = 64
)

func runBurst(ctx context.Context, e *Env) ([]Measure, error) {
	h, err := e.House(ctx, "--submit-rate", "1000000", "--max-trackers", "1000000")
	if err != nil {
		return nil, err
	}
	var nets string
	for i := range burstNets {
		nets += fmt.Sprintf("jobnet: burst/n%d\nparts: {only: {run: ['true']}}\n---\n", i)
	}
	if err := h.Apply(ctx, nets); err != nil {
		return nil, err
	}
	if err := e.warm(ctx, h); err != nil {
		return nil, err
	}
	self := &Process{PID: os.Getpid()}
	manager0, err0 := h.Server.CPU()
	self0, err1 := self.CPU()
	from := time.Now()
	ids, err := h.submitAll(ctx, burst)
	if err != nil {
		return nil, err
	}
	durable := time.Since(from)
	manager1, err2 := h.Server.CPU()
	self1, err3 := self.CPU()
	if err := errors.Join(err0, err1, err2, err3); err != nil {
		return nil, err
	}
	e.Say("all were durable after %s", durable.Round(time.Millisecond))
	if err := h.allEnded(ctx); err != nil {
		return nil, err
	}
	last, err := h.lastStart(ctx, ids)
	if err != nil {
		return nil, err
	}
	bare, err := xargs(ctx, burst, "true")
	if err != nil {
		return nil, err
	}
	return []Measure{
		{What: "all durable", Value: durable.Seconds(), Unit: "s", Goal: atMost(3), Beside: fmt.Sprintf("time of processors: manager %s s, whoever submits %s s", number((manager1 - manager0).Seconds()), number((self1 - self0).Seconds())), Note: fmt.Sprintf("%d submissions over %d connections, from the first request to the last answer", burst, connections)},
		{What: "latest start", Value: last.Sub(from).Seconds(), Unit: "s", Goal: atMost(5), Beside: fmt.Sprintf("as many processes by xargs, and nothing else: %s s", number(bare.Seconds())), Note: "of a process, from the first request"},
	}, nil
}

// submitAll submits at once, and gives the trackers.
func (h *House) submitAll(ctx context.Context, n int) ([]banto.TrackerID, error) {
	ids := make([]banto.TrackerID, n)
	err := inParallel(ctx, n, func(ctx context.Context, i int) error {
		t, _, err := h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: fmt.Sprintf("burst/n%d", i%burstNets)}, client.NewKey())
		ids[i] = t.ID
		return err
	})
	return ids, err
}

// inParallel calls f for each number below n, over as many connections as a
// burst has, until one of them fails.
func inParallel(ctx context.Context, n int, f func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// allEnded waits until no tracker is open.
func (h *House) allEnded(ctx context.Context) error {
	open := []banto.TrackerState{banto.TrackerQueued, banto.TrackerRunning, banto.TrackerHeld, banto.TrackerBlocked}
	return until(ctx, "all trackers have ended", 250*time.Millisecond, 5*time.Minute, func() bool {
		page, err := h.Client.Trackers(ctx, client.TrackerQuery{States: open, Limit: 1})
		return err == nil && len(page.Items) == 0
	})
}

// lastStart gives when the last of the trackers' processes started, and looks
// whether each ran once and well.
func (h *House) lastStart(ctx context.Context, ids []banto.TrackerID) (time.Time, error) {
	starts := make([]time.Time, len(ids))
	err := inParallel(ctx, len(ids), func(ctx context.Context, i int) error {
		attempts, err := h.Client.Attempts(ctx, ids[i], "")
		if err != nil {
			return err
		}
		if len(attempts) != 1 || attempts[0].State != banto.AttemptOK || attempts[0].StartedAt == nil {
			return fmt.Errorf("the tracker %s did not run once and well: %v", ids[i], attempts)
		}
		starts[i] = *attempts[0].StartedAt
		return nil
	})
	last := time.Time{}
	for _, at := range starts {
		if at.After(last) {
			last = at
		}
	}
	return last, err
}
