//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// How long is looked at others while a purge goes on, and how long is waited for
// one: the manager begins the first five minutes after its start.
const (
	purgeLooked = 2 * time.Minute
	purgeAll    = 30 * time.Minute // with -all: until it is over
	purgeQuiet  = 30 * time.Second
	purgeWaited = 8 * time.Minute
)

// purge lets a month become old enough, and looks at how others fare while it
// is archived and dropped.
func (h *history) purge(ctx context.Context, archive string, started time.Time) ([]Measure, error) {
	keep := int((time.Since(h.oldest) - historyMonth).Hours() / 24)
	if err := h.h.Apply(ctx, historyDocuments(keep)); err != nil {
		return nil, err
	}
	before, err := h.others(ctx, purgeQuiet, nil)
	if err != nil {
		return nil, err
	}
	h.e.Say("without a purge: p99 %.1f ms, longest %.1f ms of %d calls", percentile(before, 99), before[len(before)-1], len(before))
	old, err := h.olderThan(ctx, time.Duration(keep)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	h.e.Say("waiting for the purge of %d trackers, which begins five minutes after the start", old)
	begun := func() bool {
		files, err := filepath.Glob(filepath.Join(archive, "*.jsonl.gz"))
		return err == nil && len(files) > 0
	}
	if err := until(ctx, "a purge begins", 50*time.Millisecond, purgeWaited-time.Since(started), begun); err != nil {
		return nil, err
	}
	from := time.Now()
	left := old
	looked := purgeLooked
	if h.e.All {
		looked = purgeAll
	}
	during, err := h.others(ctx, looked, func() bool {
		if n, err := h.olderThan(ctx, time.Duration(keep)*24*time.Hour); err == nil {
			left = n
		}
		return left == 0
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(from)
	size := int64(0)
	if files, err := os.ReadDir(archive); err == nil && len(files) > 0 {
		size = dirBytes(ctx, archive)
	}
	beside := fmt.Sprintf("the same calls without a purge: p99 %.1f ms, longest %.1f ms", percentile(before, 99), before[len(before)-1])
	done := old - left
	note := fmt.Sprintf("of %d submissions, lists and readings while %d of %d trackers of a month were archived (%.0f MiB) and dropped, in %.0f s", len(during), done, old, mib(size), took.Seconds())
	return []Measure{
		{What: "longest stall in a purge", Value: during[len(during)-1], Unit: "ms", Goal: atMost(100), Beside: beside, Note: note},
		{What: "calls in a purge p99", Value: percentile(during, 99), Unit: "ms"},
		{What: "purge", Value: float64(done*historyJobs) / took.Seconds(), Unit: "attempts/s"},
	}, nil
}

// olderThan counts trackers that are old enough to go.
func (h *history) olderThan(ctx context.Context, age time.Duration) (n int, err error) {
	db, err := h.e.openSQL(ctx, h.h)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }() // it was only read
	err = db.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM trackers WHERE seq < %d", time.Now().Add(-age).UnixMicro())).Scan(&n)
	return n, err
}

// others submits, lists and reads all the time, and gives how long each call
// took, in order. It ends after a time, or when over says so.
func (h *history) others(ctx context.Context, lasts time.Duration, over func() bool) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	calls := []func(context.Context) error{
		func(ctx context.Context) error {
			_, _, err := h.h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: "beside/one"}, client.NewKey())
			return err
		},
		func(ctx context.Context) error { _, err := h.h.page(ctx, "trackers"); return err },
		func(ctx context.Context) error { _, err := h.h.page(ctx, "trackers?state=error"); return err },
		func(ctx context.Context) error {
			_, err := h.h.page(ctx, "trackers/"+string(h.ids[len(h.ids)-1])+"/attempts")
			return err
		},
	}
	var mu sync.Mutex
	var took []float64
	var failed error
	var running sync.WaitGroup
	for _, call := range calls {
		running.Go(func() {
			tick := time.NewTicker(25 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				from := time.Now()
				err := call(ctx)
				d := float64(time.Since(from).Microseconds()) / 1000
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				if took = append(took, d); err != nil {
					failed = err
				}
				mu.Unlock()
				if err != nil {
					cancel()
				}
			}
		})
	}
	if over != nil {
		_ = until(ctx, "the purge ends", 5*time.Second, lasts, over) // or the time does
		cancel()
	}
	running.Wait()
	slices.Sort(took)
	if failed == nil && len(took) == 0 {
		failed = ctx.Err()
	}
	return took, failed
}
