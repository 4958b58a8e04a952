//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

func rowFleet() Row {
	return Row{
		Name: "fleet", On: both(), Slow: true, Smoke: true, Run: runFleet,
		Work: "10,000 simulated agents, each with its own key and TLS connection: they join, stand idle, all run one command, and come back after kill -9 of the manager",
	}
}

// fleetJobnet runs one command on every host of the fleet.
const fleetJobnet = `
group: fleet
hosts: {labels: {fleet: bench}}
pick: all
---
jobnet: bench/everywhere
parts:
  command:
    job: "true"
    host: fleet
`

// fleetSize is how many agents the goals are for.
const fleetSize = 10_000

// fleet is what a run of the row works with.
type fleet struct {
	e      *Env
	h      *House
	agents *simFleet
	n      int
	bare   int64 // memory of the manager before the first agent
}

func runFleet(ctx context.Context, e *Env) ([]Measure, error) {
	f := &fleet{e: e, n: fleetSize}
	// The garbage of 10,000 handshakes is collected within a minute or so of the
	// last one: that belongs to the join.
	idle, settle := time.Minute, 2*time.Minute
	if e.Short {
		f.n, idle, settle = 200, time.Second, 500*time.Millisecond
	}
	if e.Agents > 0 {
		f.n = e.Agents
	}
	raiseFiles()
	joined, err := f.join(ctx)
	if err != nil {
		return nil, err
	}
	e.Say("%d agents have joined in %.1f s", f.n, joined.Seconds())
	out := []Measure{{What: "join", Value: joined.Seconds(), Unit: "s", Note: fmt.Sprintf("%d agents, from the first token to the last session: %.0f a second", f.n, float64(f.n)/joined.Seconds())}}
	standing, err := f.idle(ctx, settle, idle)
	if err != nil {
		return nil, err
	}
	command, err := f.command(ctx)
	if err != nil {
		return nil, err
	}
	back, err := f.restart(ctx)
	if err != nil {
		return nil, err
	}
	out = append(append(out, standing...), command...)
	return append(out, back...), nil
}

// goal is one for the whole fleet alone.
func (f *fleet) goal(limit float64) Goal {
	if f.n < fleetSize {
		return Goal{}
	}
	return atMost(limit)
}

// join starts a manager that others than this machine could reach, so that the
// agents speak TLS, and lets them all join.
func (f *fleet) join(ctx context.Context) (time.Duration, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	if f.h, err = f.e.Manager(ctx, "--fabric", "0.0.0.0:"+port, "--san", "127.0.0.1"); err != nil {
		return 0, err
	}
	if f.bare, err = f.h.Server.RSS(); err != nil {
		return 0, err
	}
	from := time.Now()
	f.agents, err = f.e.simFleet(f.h, simOrder{Count: f.n, Prefix: "sim", Labels: map[string]string{"fleet": "bench"}, Slots: 4})
	if err != nil {
		return 0, err
	}
	if err = f.agents.connected(ctx, f.n, 20*time.Minute); err != nil {
		return 0, err
	}
	took := time.Since(from)
	one, err := f.h.Client.Host(ctx, "sim00000")
	if err == nil && !strings.HasPrefix(one.Endpoint, "tls://") {
		err = fmt.Errorf("the agents are connected by %q: they are to use TLS", one.Endpoint)
	}
	return took, err
}

// idle tells what agents cost the manager that have nothing to do.
func (f *fleet) idle(ctx context.Context, settle, lasts time.Duration) ([]Measure, error) {
	if err := f.e.idle(ctx, settle); err != nil {
		return nil, err
	}
	before, err := f.h.Server.CPU()
	if err != nil {
		return nil, err
	}
	beforeAgents, err := f.agents.CPU()
	if err != nil {
		return nil, err
	}
	from := time.Now()
	if err := f.e.idle(ctx, lasts); err != nil {
		return nil, err
	}
	after, err := f.h.Server.CPU()
	if err != nil {
		return nil, err
	}
	afterAgents, err := f.agents.CPU()
	if err != nil {
		return nil, err
	}
	took := time.Since(from)
	rss, err := f.h.Server.RSS()
	if err != nil {
		return nil, err
	}
	rssAgents, err := f.agents.RSS()
	if err != nil {
		return nil, err
	}
	share := 100 * (after - before).Seconds() / took.Seconds()
	f.e.Say("idle: %.1f %% of a core, %.0f MiB", share, mib(rss))
	beside := fmt.Sprintf("all %d simulated agents in their one process: %.0f %% of a core, %.0f MiB", f.n, 100*(afterAgents-beforeAgents).Seconds()/took.Seconds(), mib(rssAgents))
	return []Measure{
		{What: "idle processor", Value: share, Unit: "% of a core", Goal: f.goal(10), Beside: beside, Note: fmt.Sprintf("over %.0f s, %.0f s behind the last join", took.Seconds(), settle.Seconds())},
		{What: "idle memory", Value: mib(rss), Unit: "MiB", Goal: f.goal(1024), Note: fmt.Sprintf("resident; %.0f MiB of it before the first agent", mib(f.bare))},
		{What: "idle memory of an agent", Value: float64(rss-f.bare) / 1024 / float64(f.n), Unit: "KiB", Note: "in the manager: that divided by the agents, without what it takes before the first"},
	}, nil
}

// command runs one command on all agents, a few times.
func (f *fleet) command(ctx context.Context) ([]Measure, error) {
	if err := f.h.Apply(ctx, fleetJobnet); err != nil {
		return nil, err
	}
	var took []float64
	for range 3 {
		d, err := f.everywhere(ctx)
		if err != nil {
			return nil, err
		}
		f.e.Say("a command on all %d in %.2f s", f.n, d.Seconds())
		took = append(took, d.Seconds())
	}
	slices.Sort(took)
	return []Measure{{What: "command on all", Value: took[len(took)/2], Unit: "s", Goal: f.goal(5),
		Note: fmt.Sprintf("from before the submission to the end on record, the median of %d; the longest %.2f s; every result is on disk", len(took), took[len(took)-1])}}, nil
}

// everywhere runs the command once, and sees that it ran on each.
func (f *fleet) everywhere(ctx context.Context) (time.Duration, error) {
	from := time.Now()
	t, _, err := f.h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: "bench/everywhere"}, client.NewKey())
	if err != nil {
		return 0, err
	}
	if t, err = f.h.Ended(ctx, t.ID, 200*time.Millisecond); err != nil {
		return 0, err
	}
	if t.Attempts != f.n {
		return 0, fmt.Errorf("the command ran %d times on %d agents", t.Attempts, f.n)
	}
	return t.EndedAt.Sub(from.Round(0)), nil
}

// restart kills the manager and waits until all agents are back.
func (f *fleet) restart(ctx context.Context) ([]Measure, error) {
	from := time.Now()
	f.h.Server.Kill()
	gone := make(chan error, 1)
	go func() { // all have noticed before the first can be back
		gone <- f.agents.until(ctx, "the agents miss their manager", time.Minute, func(s simNews) bool { return s.Sessions < f.n/2 })
	}()
	if err := f.h.StartServer(ctx); err != nil {
		return nil, err
	}
	ready := time.Since(from)
	if err := <-gone; err != nil {
		return nil, err
	}
	if err := f.agents.connected(ctx, f.n, 5*time.Minute); err != nil {
		return nil, err
	}
	took := time.Since(from)
	f.e.Say("all are back %.1f s after the kill", took.Seconds())
	if _, err := f.everywhere(ctx); err != nil {
		return nil, fmt.Errorf("after the restart: %w", err)
	}
	return []Measure{{What: "all back after a kill", Value: took.Seconds(), Unit: "s", Goal: f.goal(30),
		Note: fmt.Sprintf("from the kill; the manager answered after %.1f s; the command then ran on all again", ready.Seconds())}}, nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
