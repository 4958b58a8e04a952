//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/pgtest"
)

func rowHistory() Row {
	return Row{
		Name: "history", On: both(), Slow: true, Run: runHistory,
		Work: "10 million ended attempts of 500,000 trackers in 400 days: every list and search page of the API; a month of it is archived and dropped while others work",
	}
}

// The past: so many jobnets in so many folders, so many jobs in each.
const (
	historyJobnets  = 200
	historyFolders  = 20
	historyJobs     = 20
	historyAttempts = 10_000_000
	historyDays     = 400
	historyMonth    = 30 * 24 * time.Hour
)

// history is what a run of the row works with.
type history struct {
	e        *Env
	h        *House
	trackers int // that are there
	oldest   time.Time
	newest   time.Time
	ids      []banto.TrackerID // some of them
}

func runHistory(ctx context.Context, e *Env) ([]Measure, error) {
	h := &history{e: e}
	attempts, calls := historyAttempts, 100
	if e.Short {
		attempts, calls = 50_000, 10
	}
	if err := h.open(ctx, attempts); err != nil {
		return nil, err
	}
	if err := h.look(ctx); err != nil {
		return nil, err
	}
	archive := filepath.Join(h.h.Data, fmt.Sprintf("archive-%d", time.Now().Unix()))
	h.h.args = append(h.h.args, "--archive", archive)
	from := time.Now()
	if err := h.h.StartServer(ctx); err != nil {
		return nil, err
	}
	started := time.Now()
	ready := started.Sub(from)
	if err := h.h.StartAgent(ctx); err != nil {
		return nil, err
	}
	size, err := h.size(ctx)
	if err != nil {
		return nil, err
	}
	out := []Measure{{What: "start of the manager", Value: ready.Seconds(), Unit: "s", Note: fmt.Sprintf("%d trackers, %d attempts; the store has %.1f GiB", h.trackers, h.trackers*historyJobs, size/(1<<30))}}
	pages, err := h.pages(ctx, calls)
	if err != nil {
		return nil, err
	}
	out = append(out, pages...)
	if e.Short {
		return out, nil
	}
	purge, err := h.purge(ctx, archive, started)
	return append(out, purge...), err
}

// open makes the house with its past, or takes it from the cache. One that was
// not finished is gone on with.
func (h *history) open(ctx context.Context, attempts int) error {
	dir, err := h.place(ctx, attempts)
	if err != nil {
		return err
	}
	base := time.Now()
	if begun, err := os.Stat(filepath.Join(dir, "begun")); err == nil && dir != "" {
		base = begun.ModTime()
		h.e.Say("the past is taken from %s", dir)
	} else if err := h.begin(ctx); err != nil {
		return fmt.Errorf("cannot begin a past: %w", err)
	}
	if dir != "" {
		if err := touch(filepath.Join(dir, "begun"), base); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, "whole")); err == nil {
			return nil
		}
	}
	if err := h.grow(ctx, base, attempts/historyJobs); err != nil {
		return fmt.Errorf("cannot make a past: %w", err)
	}
	if dir == "" {
		return nil
	}
	return touch(filepath.Join(dir, "whole"), base)
}

// touch makes a file of a time, once.
func touch(path string, at time.Time) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}

// place prepares the house, in the cache if there is one, whose directory it
// gives.
func (h *history) place(ctx context.Context, attempts int) (dir string, err error) {
	if h.e.Cache == "" {
		h.h, err = h.e.Manager(ctx)
		if err != nil {
			return "", err
		}
		return "", h.h.Server.Stop()
	}
	root, err := filepath.Abs(h.e.Cache)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(root, fmt.Sprintf("history-%s-%d", h.e.Store, attempts))
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	api, err := freeAddr(ctx)
	if err != nil {
		return "", err
	}
	fabric, err := freeAddr(ctx)
	if err != nil {
		return "", err
	}
	h.h = &House{env: h.e, URL: "http://" + api, Fabric: fabric, Data: dir, args: []string{"server", "--data", dir, "--http", api, "--fabric", fabric}}
	if h.e.Store != "postgres" {
		return dir, nil
	}
	s, err := pgtest.Open(pgtest.Options{Settings: settings(), Dir: dir + "-server"})
	if err != nil {
		return "", err
	}
	h.e.After(s.Close)
	h.h.args = append(h.h.args, "--store", s.URL("postgres"))
	return dir, nil
}

// begin lets the product run each jobnet once.
func (h *history) begin(ctx context.Context) error {
	err := h.h.StartServer(ctx)
	if err == nil {
		err = h.h.StartAgent(ctx)
	}
	if err == nil {
		err = h.h.Apply(ctx, historyDocuments(0))
	}
	if err == nil {
		err = h.runEach(ctx)
	}
	if err == nil {
		err = h.h.Agent.Stop()
	}
	if err == nil {
		err = h.h.Server.Stop()
	}
	return err
}

// grow copies what came of it until there is enough.
func (h *history) grow(ctx context.Context, base time.Time, count int) error {
	g, err := openGrower(ctx, h.e, h.h, base.AddDate(0, 0, -1))
	if err != nil {
		return err
	}
	defer g.close()
	what := growth{from: base.AddDate(0, 0, -historyDays), until: base.AddDate(0, 0, -2), trackers: count}
	if what.done, err = h.olderThan(ctx, 24*time.Hour); err != nil {
		return err
	}
	from, told := time.Now(), what.done*10/count
	what.each = func(done int) {
		if tenth := done * 10 / count; tenth > told {
			told = tenth
			h.e.Say("%d of %d trackers are made, after %.0f s", done, count, time.Since(from).Seconds())
		}
	}
	return g.grow(ctx, what)
}

// historyDocuments writes the jobnets; of some an error is expected. days says
// how long trackers are kept; zero: for ever.
func historyDocuments(days int) string {
	var b strings.Builder
	b.WriteString("folder: history\n")
	if days > 0 {
		fmt.Fprintf(&b, "keep: {trackers: %dd}\n", days)
	}
	b.WriteString("---\njobnet: beside/one\nparts:\n  a: {job: \"true\"}\n")
	for i := range historyJobnets {
		fmt.Fprintf(&b, "---\njobnet: %s\nparts:\n", historyPath(i))
		for j := range historyJobs {
			job := "true"
			if i%20 == 7 && j == historyJobs-1 {
				job = "exit 3"
			}
			fmt.Fprintf(&b, "  job%02d: {job: \"%s\"}\n", j, job)
		}
	}
	return b.String()
}

func historyPath(i int) string {
	return fmt.Sprintf("history/area%02d/net%03d", i%historyFolders, i)
}

// runEach runs each jobnet once.
func (h *history) runEach(ctx context.Context) error {
	var ids []banto.TrackerID
	for i := range historyJobnets {
		t, _, err := h.h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: historyPath(i), Reason: "made for the past"}, client.NewKey())
		if err != nil {
			return err
		}
		ids = append(ids, t.ID)
	}
	return until(ctx, "each jobnet has run", 100*time.Millisecond, 2*time.Minute, func() bool {
		page, err := h.h.Client.Trackers(ctx, client.TrackerQuery{States: []banto.TrackerState{banto.TrackerQueued, banto.TrackerRunning}, Limit: 1})
		return err == nil && len(page.Items) == 0 && len(ids) == historyJobnets
	})
}

// look finds out what past there is.
func (h *history) look(ctx context.Context) error {
	db, err := h.e.openSQL(ctx, h.h)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it was only read
	var oldest, newest int64
	if err := db.QueryRowContext(ctx, "SELECT count(*), min(seq), max(seq) FROM trackers").Scan(&h.trackers, &oldest, &newest); err != nil {
		return err
	}
	h.oldest, h.newest = time.UnixMicro(oldest), time.UnixMicro(newest)
	for k := range 500 {
		var id string
		at := oldest + (newest-oldest)/500*int64(k)
		if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT id FROM trackers WHERE seq >= %d AND attempts = %d ORDER BY seq LIMIT 1", at, historyJobs)).Scan(&id); err != nil {
			return err
		}
		h.ids = append(h.ids, banto.TrackerID(id))
	}
	slices.Sort(h.ids)
	h.ids = slices.Compact(h.ids)
	return nil
}

func (h *history) size(ctx context.Context) (float64, error) {
	ask, err := h.e.storeBytes(ctx, h.h)
	if err != nil {
		return 0, err
	}
	return ask(ctx)
}
