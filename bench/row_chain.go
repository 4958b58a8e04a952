//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// rowChain measures how soon a job follows the one before it.
func rowChain() Row {
	return Row{
		Name: "chain", On: both(), Smoke: true, Sync: true, Run: runChain,
		Work: "A jobnet of 500 jobs in a row, each `date +%s%N`; a step is the time between two that follow each other, as they wrote it themselves; beside a shell loop of the same 500 commands, by turns.",
	}
}

func runChain(ctx context.Context, e *Env) ([]Measure, error) {
	jobs, rounds := e.sizes(500, 100)
	h, err := e.ready(ctx, inRow("bench/shell", jobs, "job: date +%s%N")+"---\n"+inRow("bench/program", jobs, "run: [date, +%s%N]"))
	if err != nil {
		return nil, err
	}
	var loop, shell, program []time.Duration
	syncs := e.Syncs()
	for i := range rounds {
		bare, err := shellLoop(ctx, jobs)
		if err != nil {
			return nil, err
		}
		said := fmt.Sprintf("round %d: the loop %s", i+1, ms(median(bare)))
		loop = append(loop, bare...)
		for _, kind := range []struct {
			jobnet string
			all    *[]time.Duration
		}{{"bench/shell", &shell}, {"bench/program", &program}} {
			t, _, err := h.Run(ctx, kind.jobnet, nil)
			if err != nil {
				return nil, err
			}
			steps, err := h.steps(ctx, t.ID, jobs)
			if err != nil {
				return nil, err
			}
			*kind.all = append(*kind.all, steps...)
			said += fmt.Sprintf("; %s %s", kind.jobnet, ms(median(steps)))
		}
		e.Say("%s", said)
	}
	durable, err := syncs(ctx, 2*rounds*jobs)
	return slices.Concat(e.against("`job:`", shell, loop), e.against("`run:`", program, loop), durable), err
}

// against compares steps with those of the bare loop.
func (e *Env) against(what string, ours, loop []time.Duration) []Measure {
	unit := float64(median(loop))
	p50, p99 := median(ours), percentile(sorted(ours), 99)
	return []Measure{
		{
			What: what + " median step, of the loop's", Value: float64(p50) / unit, Unit: "×", Goal: e.unlessSlow(atMost(2)),
			Beside: fmt.Sprintf("%s; the loop %s", ms(p50), ms(median(loop))), Note: fmt.Sprintf("%d steps", len(ours)),
		},
		{
			What: what + " p99 step, of the loop's median", Value: float64(p99) / unit, Unit: "×", Goal: e.unlessSlow(atMost(6)),
			Beside: fmt.Sprintf("%s; the loop's p99 %s", ms(p99), ms(percentile(sorted(loop), 99))),
		},
	}
}

// inRow is a jobnet of jobs that each wait for the one before.
func inRow(name string, jobs int, what string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "jobnet: %s\nparts:\n  p0: {%s}\n", name, what)
	for i := 1; i < jobs; i++ {
		fmt.Fprintf(&b, "  p%d: {after: p%d, %s}\n", i, i-1, what)
	}
	return b.String()
}

// shellLoop runs the same commands as a shell does.
func shellLoop(ctx context.Context, jobs int) ([]time.Duration, error) {
	out, err := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do date +%%s%%N; i=$((i+1)); done", jobs)).Output() //nolint:gosec // a line of our own
	if err != nil {
		return nil, fmt.Errorf("the shell loop: %w", err)
	}
	var times []int64
	for _, line := range strings.Fields(string(out)) {
		ns, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			return nil, err
		}
		times = append(times, ns)
	}
	return between(times, jobs)
}

// between gives the times from each to the next.
func between(times []int64, want int) ([]time.Duration, error) {
	if len(times) != want {
		return nil, fmt.Errorf("%d jobs wrote %d times", want, len(times))
	}
	slices.Sort(times)
	steps := make([]time.Duration, 0, len(times))
	for i := 1; i < len(times); i++ {
		steps = append(steps, time.Duration(times[i]-times[i-1]))
	}
	return steps, nil
}

// steps reads the times that the jobs of a tracker wrote.
func (h *House) steps(ctx context.Context, id banto.TrackerID, jobs int) ([]time.Duration, error) {
	attempts, err := h.Client.Attempts(ctx, id, "")
	if err != nil {
		return nil, err
	}
	var times []int64
	for _, a := range attempts {
		if a.State == banto.AttemptRunning {
			continue // it holds the rest up, and says nothing
		}
		at, err := h.wrote(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		times = append(times, at)
	}
	return between(times, jobs)
}

// wrote gives the time that an attempt has printed.
func (h *House) wrote(ctx context.Context, id banto.AttemptID) (int64, error) {
	out, err := h.Client.OutputText(ctx, id, 0, 5*time.Second)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(out.Data), "\n")
	return strconv.ParseInt(line, 10, 64)
}
