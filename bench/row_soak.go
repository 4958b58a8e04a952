//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

func rowSoak() Row {
	return Row{
		Name: "soak", On: []string{"sqlite", "postgres"}, Slow: true, Run: runSoak,
		Work: "an hour of 200 real jobs a second with output, while what a day before has left behind is purged: memory, open files, goroutines, threads and the store over time",
	}
}

// The load: so many trackers a second of so many jobs each.
const (
	soakTrackers = 10
	soakJobs     = 20
	soakEvery    = 10 * time.Second // between samples
	soakOpen     = 300              // trackers that may be open before no more are submitted
)

// soakJobnet prints a little in each job. What has ended a day ago is dropped.
const soakJobnet = `
folder: soak
keep: {trackers: 1d, output: 1d}
---
jobnet: soak/load
parts:
`

// soak is what a run of the row works with.
type soak struct {
	e       *Env
	h       *House
	lasts   time.Duration
	sampler *sampler

	late   []float64 // of submissions against their time, in ms
	mu     sync.Mutex
	errs   []error
	open   atomic.Int64
	total  atomic.Int64
	behind int64        // most trackers that were open at once
	left   atomic.Int64 // that were not submitted, since too many were open
}

func runSoak(ctx context.Context, e *Env) ([]Measure, error) {
	s := &soak{e: e, lasts: time.Hour}
	if e.Minutes > 0 {
		s.lasts = time.Duration(e.Minutes) * time.Minute
	}
	text := soakJobnet
	for i := range soakJobs {
		text += fmt.Sprintf("  j%02d: {job: 'seq 1 %d'}\n", i, 20+i)
	}
	var err error
	if s.h, err = s.before(ctx, text); err != nil {
		return nil, err
	}
	if s.sampler, err = newSampler(ctx, e, s.h); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	out := append(s.figures(), s.sampler.slopes()...)
	if e.Beside == "" {
		return out, nil
	}
	name := "soak-" + e.Store
	out[0].Beside = name + ".svg, " + name + ".csv"
	return out, s.sampler.write(filepath.Join(e.Beside, name))
}

// load submits at the rate, is looked at now and then, and waits for the end of
// all.
func (s *soak) load(ctx context.Context) error {
	from := time.Now()
	looked := make(chan error, 1)
	over := make(chan struct{})
	go func() { looked <- s.look(ctx, from, over) }()
	err := s.submit(ctx, from)
	close(over)
	if err = errors.Join(err, <-looked); err != nil {
		return err
	}
	if len(s.errs) > 0 {
		s.e.Say("%d trackers failed, the first: %v", len(s.errs), s.errs[0])
	}
	if s.total.Load() == 0 {
		return errors.Join(append(s.errs, errors.New("nothing has run"))...)
	}
	return nil
}

// look takes samples until the load is over, and one at its end.
func (s *soak) look(ctx context.Context, from time.Time, over chan struct{}) error {
	files := make(chan struct{})
	walking, stop := context.WithCancel(ctx)
	go func() {
		defer close(files)
		s.sampler.walk(walking)
	}()
	defer func() { stop(); <-files }()
	every := time.NewTicker(soakEvery)
	defer every.Stop()
	for n := 0; ; n++ {
		if err := s.sampler.take(ctx, time.Since(from)); err != nil {
			return err
		}
		if n%6 == 0 {
			s.e.Say("%5.1f min: %d trackers have run, %d are open, %d failed, %d were left out", time.Since(from).Minutes(), s.total.Load(), s.open.Load(), s.failed(), s.left.Load())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return s.sampler.take(ctx, time.Since(from))
		case <-every.C:
		}
	}
}

// submit submits at the rate. What this process came too late for is caught up
// with, unless the machine has enough to do: then it is left out.
func (s *soak) submit(ctx context.Context, from time.Time) error {
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(time.Second / soakTrackers)
	defer tick.Stop()
	for next := from; time.Since(from) < s.lasts; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for ; !next.After(time.Now()); next = next.Add(time.Second / soakTrackers) {
			if s.open.Load() >= soakOpen {
				s.left.Add(1)
				continue
			}
			due := next
			s.behind = max(s.behind, s.open.Add(1))
			running.Go(func() { s.one(ctx, due) })
		}
	}
	return nil
}

// one submits a tracker and waits for its end.
func (s *soak) one(ctx context.Context, due time.Time) {
	defer s.open.Add(-1)
	t, _, err := s.h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: "soak/load"}, client.NewKey())
	late := float64(time.Since(due).Microseconds()) / 1000
	if err == nil {
		_, err = s.h.Ended(ctx, t.ID, time.Second)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = append(s.late, late)
	if err != nil {
		s.errs = append(s.errs, err)
		return
	}
	s.total.Add(1)
}

func (s *soak) failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.errs)
}

func (s *soak) figures() []Measure {
	slices.Sort(s.late)
	jobs := float64(s.total.Load() * soakJobs)
	return []Measure{
		{What: "rate", Value: jobs / s.lasts.Seconds(), Unit: "jobs/s", Note: fmt.Sprintf("%.0f jobs in %s, %d trackers failed, %d were left out because %d were open; at most %d were", jobs, s.lasts, len(s.errs), s.left.Load(), soakOpen, s.behind)},
		{What: "submission p99", Value: percentile(s.late, 99), Unit: "ms", Note: "answered, after its time in the load"},
	}
}

// before starts the house with a history: what the same load has left a day ago,
// that much of it that a purge has as much to drop as comes in.
func (s *soak) before(ctx context.Context, text string) (*House, error) {
	from := time.Now()
	h, err := s.e.House(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.Apply(ctx, text); err != nil {
		return nil, err
	}
	t, _, err := h.Run(ctx, "soak/load", nil)
	if err != nil {
		return nil, err
	}
	if err := h.Server.Stop(); err != nil {
		return nil, err
	}
	g, err := openGrower(ctx, s.e, h, from)
	if err != nil {
		return nil, err
	}
	defer g.close()
	now := time.Now()
	count := int(s.lasts.Seconds()) * soakTrackers
	if err := g.grow(ctx, growth{from: now.Add(-24*time.Hour - s.lasts), until: now.Add(-24 * time.Hour), trackers: count, outputs: true}); err != nil {
		return nil, err
	}
	s.e.Say("%d trackers of a day ago like %s", count, t.ID)
	return h, h.StartServer(ctx)
}
