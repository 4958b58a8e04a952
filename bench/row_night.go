//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

func rowNight() Row {
	return Row{
		Name: "night", On: both(), Slow: true, Smoke: true, Run: runNight,
		Work: "5,000 jobnets of 10 jobs in a night of 8 hours at 60 × speed, on 50 simulated agents; most are due on the hour; submitted through the API at their due times",
	}
}

// night is what a run of the row works with.
type night struct {
	e       *Env
	h       *House
	jobnets int
	agents  int
	lasts   time.Duration // of wall time
	minute  time.Duration // of the night, in wall time
	due     []time.Duration
	from    time.Time

	mu       sync.Mutex
	trackers []banto.TrackerID // by jobnet; empty: it was not submitted
	missed   []error
}

// jobsOfNight is how many jobs each jobnet has.
const jobsOfNight = 10

func runNight(ctx context.Context, e *Env) ([]Measure, error) {
	n := &night{e: e, jobnets: 5000, agents: 50, lasts: 8 * time.Minute}
	if e.Short {
		n.jobnets, n.agents, n.lasts = 100, 10, 8*time.Second
	}
	if e.Minutes > 0 && !e.Short { // a shorter night, as full as the whole one
		n.jobnets, n.lasts = n.jobnets*e.Minutes/8, time.Duration(e.Minutes)*time.Minute
	}
	n.minute = time.Second
	n.plan()
	if err := n.open(ctx); err != nil {
		return nil, err
	}
	cpu, err := n.h.Server.CPU()
	if err != nil {
		return nil, err
	}
	n.run(ctx)
	late, err := n.judge(ctx)
	if err != nil {
		return nil, err
	}
	after, err := n.h.Server.CPU()
	if err != nil {
		return nil, err
	}
	rss, err := n.h.Server.PeakRSS()
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("start of the first job against the due time, in wall time, of %d jobnets; the longest %.0f ms", len(late), late[len(late)-1])
	return []Measure{
		{What: "lateness p50", Value: percentile(late, 50), Unit: "ms"},
		{What: "lateness p99", Value: percentile(late, 99), Unit: "ms", Goal: atMost(1000), Note: note},
		{What: "ran whole", Value: float64(n.jobnets - len(n.missed)), Unit: "jobnets", Goal: atLeast(float64(n.jobnets)), Note: n.why()},
		{What: "processor of the manager", Value: 100 * (after - cpu).Seconds() / time.Since(n.from).Seconds(), Unit: "% of a core",
			Note: fmt.Sprintf("%d jobs; at most %.0f MiB", n.jobnets*jobsOfNight, mib(rss))},
	}, nil
}

// why says what was missed first.
func (n *night) why() string {
	if len(n.missed) == 0 {
		return "every jobnet was submitted, ran all of its jobs and ended ok"
	}
	return "the first: " + n.missed[0].Error()
}

// plan gives each jobnet its due time: half of them on the hour, a quarter on the
// quarter hour, the others at any minute, as people write schedules. The last
// minutes are left to what runs.
func (n *night) plan() {
	chance := rand.New(rand.NewPCG(8, 60)) //nolint:gosec // the same night each time
	minutes := max(1, int(n.lasts/n.minute)-5)
	for i := range n.jobnets {
		at := chance.IntN(minutes)
		switch i % 4 {
		case 0, 1:
			at = at / 60 * 60
		case 2:
			at = at / 15 * 15
		}
		n.due = append(n.due, time.Duration(at)*n.minute)
	}
	n.trackers = make([]banto.TrackerID, n.jobnets)
}

// open starts the house with its agents and applies the jobnets.
func (n *night) open(ctx context.Context) error {
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if n.h, err = n.e.Manager(ctx, "--fabric", "0.0.0.0:"+port, "--san", "127.0.0.1"); err != nil {
		return err
	}
	agents, err := n.e.simFleet(n.h, simOrder{Count: n.agents, Prefix: "night", Labels: map[string]string{"night": "bench"}, Slots: 64, TakesMS: 200, Prints: 100})
	if err != nil {
		return err
	}
	if err := agents.connected(ctx, n.agents, time.Minute); err != nil {
		return err
	}
	from := time.Now()
	const atOnce = 500
	for i := 0; i < n.jobnets; i += atOnce {
		if err := n.h.Apply(ctx, n.documents(i, min(i+atOnce, n.jobnets))); err != nil {
			return err
		}
	}
	n.e.Say("%d jobnets were applied in %.1f s", n.jobnets, time.Since(from).Seconds())
	return nil
}

// documents writes jobnets: three lanes of three jobs, and one job behind them.
func (n *night) documents(from, to int) string {
	var b strings.Builder
	b.WriteString("group: night\nhosts: {labels: {night: bench}}\npick: least-loaded\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "---\njobnet: %s\ndefaults: {host: night}\nparts:\n", nightPath(i))
		for _, lane := range []string{"a", "b", "c"} {
			fmt.Fprintf(&b, "  %s1: {job: echo one}\n  %s2: {after: %s1, job: echo two}\n  %s3: {after: %s2, job: echo three}\n", lane, lane, lane, lane, lane)
		}
		b.WriteString("  z: {after: [a3, b3, c3], job: echo end}\n")
	}
	return b.String()
}

func nightPath(i int) string { return fmt.Sprintf("night/area%02d/net%04d", i%40, i) }

// run submits each jobnet when it is due.
func (n *night) run(ctx context.Context) {
	order := make([]int, n.jobnets)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(n.due[a] - n.due[b]) })
	api := callerOf(n.h.URL, n.h.Token, "")
	var submits sync.WaitGroup
	atOnce := make(chan struct{}, enrolAtOnce)
	n.from = time.Now().Add(time.Second)
	for _, i := range order {
		if n.e.idle(ctx, time.Until(n.from.Add(n.due[i]))) != nil {
			break
		}
		atOnce <- struct{}{}
		submits.Go(func() {
			defer func() { <-atOnce }()
			t, _, err := api.Submit(ctx, banto.SubmitRequest{Jobnet: nightPath(i)}, client.NewKey())
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.trackers[i] = t.ID; err != nil {
				n.missed = append(n.missed, err)
			}
		})
	}
	submits.Wait()
	n.e.Say("all were submitted")
}

// judge reads when each jobnet's first job started, and sees that all has run.
func (n *night) judge(ctx context.Context) ([]float64, error) {
	var late []float64
	for i, id := range n.trackers {
		if id == "" {
			continue // it is missed already
		}
		t, err := n.h.Ended(ctx, id, 100*time.Millisecond)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && t.Attempts != jobsOfNight {
			err = fmt.Errorf("%s ran %d jobs", t.Jobnet, t.Attempts)
		}
		if err != nil {
			n.missed = append(n.missed, err)
			continue
		}
		attempts, err := n.h.Client.Attempts(ctx, id, "")
		if err != nil {
			return nil, err
		}
		first := time.Time{}
		for _, a := range attempts {
			if a.StartedAt != nil && (first.IsZero() || a.StartedAt.Before(first)) {
				first = *a.StartedAt
			}
		}
		late = append(late, float64(first.Sub(n.from.Add(n.due[i]).Round(0)).Microseconds())/1000)
	}
	if len(late) == 0 {
		return nil, errors.Join(append(n.missed, errors.New("nothing of the night has run"))...)
	}
	slices.Sort(late)
	return late, nil
}
