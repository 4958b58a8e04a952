//go:build linux

package main

import (
	"context"
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
	var agent float64
	for _, p := range []*Process{h.Server, h.Agent, keeper} {
		rss, err := p.RSS()
		if err != nil {
			return nil, err
		}
		mb := float64(rss) / 1e6
		switch p {
		case h.Server:
			out = append(out, Measure{What: "idle manager", Value: mb, Unit: "MB", Goal: atMost(80), Note: fmt.Sprintf("resident, after %s of nothing", settle)})
		case h.Agent:
			agent = mb
		default:
			out = append(out, Measure{What: "idle agent", Value: agent + mb, Unit: "MB", Goal: atMost(30), Beside: fmt.Sprintf("agent %s MB, keeper %s MB", number(agent), number(mb)), Note: "agent and keeper together"})
		}
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
