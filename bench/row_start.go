//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// rowStart measures what a person meets first: a start on nothing, the size of
// what was downloaded, and what it takes while it does nothing.
func rowStart() Row {
	return Row{
		Name: "start", Smoke: true, Run: runStart,
		Work: "`banto up` on an empty directory until it first answers; the binary; memory of manager, agent and keeper that do nothing.",
	}
}

func runStart(ctx context.Context, e *Env) ([]Measure, error) {
	rounds := 7
	if e.Short {
		rounds = 3
	}
	var took []time.Duration
	for range rounds {
		d, err := e.coldStart(ctx)
		if err != nil {
			return nil, err
		}
		took = append(took, d)
	}
	info, err := os.Stat(e.Binary)
	if err != nil {
		return nil, err
	}
	out := []Measure{
		{What: "first answer", Value: median(took).Seconds() * 1000, Unit: "ms", Goal: atMost(500), Note: fmt.Sprintf("median of %d starts, each on an empty directory", rounds)},
		{What: "binary", Value: float64(info.Size()) / 1e6, Unit: "MB", Goal: atMost(80)},
	}
	h, err := e.House(ctx)
	if err != nil {
		return nil, err
	}
	settle := 10 * time.Second
	if e.Short {
		settle = time.Second
	}
	if err := e.idle(ctx, settle); err != nil {
		return nil, err
	}
	keeper, err := h.Keeper()
	if err != nil {
		return nil, err
	}
	idle, err := memories(h.Server, h.Agent, keeper)
	if err != nil {
		return nil, err
	}
	manager, agent, both := idle[0], idle[1], idle[1].with(idle[2])
	return append(out,
		Measure{What: "idle manager", Value: manager.total(), Unit: "MB", Goal: atMost(80), Note: fmt.Sprintf("resident, after %s of nothing", settle)},
		Measure{What: "idle agent", Value: agent.total(), Unit: "MB", Goal: atMost(30), Beside: "its keeper " + number(idle[2].total()) + " MB"},
		Measure{What: "idle agent and keeper", Value: both.total(), Unit: "MB", Note: "the pages of the binary, which they share, counted once"}), nil
}

// memory is what a process has resident, in MB: its own, and of files.
type memory struct{ own, files float64 }

func (m memory) total() float64 { return m.own + m.files }

// with counts what two processes of one binary share once.
func (m memory) with(o memory) memory { return memory{m.own + o.own, max(m.files, o.files)} }

func memories(of ...*Process) ([]memory, error) {
	var out []memory
	for _, p := range of {
		own, err1 := p.status("RssAnon:")
		files, err2 := p.status("RssFile:")
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		out = append(out, memory{float64(own) / 1e6, float64(files) / 1e6})
	}
	return out, nil
}

// coldStart starts everything in one process on an empty directory, and gives
// the time until the first answer of the API.
func (e *Env) coldStart(ctx context.Context) (time.Duration, error) {
	dir, err := e.newDir("up")
	if err != nil {
		return 0, err
	}
	api, err := freeAddr(ctx)
	if err != nil {
		return 0, err
	}
	args := []string{"up", "--data", dir, "--http", api, "--fabric", "127.0.0.1:0"}
	from := time.Now()
	p, err := e.Start("up", args, "BANTO_CONFIG="+dir+"/caller.json")
	if err != nil {
		return 0, err
	}
	var took time.Duration
	err = until(ctx, "banto up answers", time.Millisecond, time.Minute, func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+api+"/api/v1/version", http.NoBody)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		resp.Body.Close()
		took = time.Since(from)
		return resp.StatusCode == http.StatusOK
	})
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, p.Tail())
	}
	return took, p.Stop()
}

// idle waits, as nothing is to be done.
func (e *Env) idle(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
