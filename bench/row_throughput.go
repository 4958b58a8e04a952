//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// rowThroughput measures how many jobs a second go through everything.
func rowThroughput() Row {
	return Row{
		Name: "throughput", On: both(), Smoke: true, Sync: true, Run: runThroughput,
		Work: "One jobnet of 5,000 independent jobs `true` through manager, fabric, agent and keeper, every change of state durable, output captured; beside `seq 5000 | xargs -P \"$(nproc)\" -n1 true`, by turns.",
	}
}

// The rounds of both sides alternate, so that what disturbs the machine for a
// while disturbs both.
func runThroughput(ctx context.Context, e *Env) ([]Measure, error) {
	jobs, rounds := 5000, 5
	if e.Short {
		jobs, rounds = 500, 3
	}
	if e.Rounds > 0 {
		rounds = e.Rounds
	}
	h, err := e.House(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.warm(ctx, h); err != nil {
		return nil, err
	}
	if err := h.Apply(ctx, flat("bench/shell", jobs, "job: 'true'")+"---\n"+flat("bench/program", jobs, "run: ['true']")); err != nil {
		return nil, err
	}
	var bare, shell, program []float64
	syncs := e.Syncs()
	for i := range rounds {
		took, err := xargs(ctx, jobs)
		if err != nil {
			return nil, err
		}
		bare = append(bare, float64(jobs)/took.Seconds())
		for _, kind := range []struct {
			jobnet string
			rates  *[]float64
		}{{"bench/shell", &shell}, {"bench/program", &program}} {
			t, took, err := h.Run(ctx, kind.jobnet, nil)
			if err != nil {
				return nil, err
			}
			if t.Counts[banto.PartOK] != jobs {
				return nil, fmt.Errorf("%d of %d jobs ended well", t.Counts[banto.PartOK], jobs)
			}
			*kind.rates = append(*kind.rates, float64(jobs)/took.Seconds())
		}
		e.Say("round %d: xargs %s jobs/s; job: true %s jobs/s; run: [true] %s jobs/s", i+1, number(bare[i]), number(shell[i]), number(program[i]))
	}
	goal := atLeast(1)
	if e.Store == "postgres" {
		goal = atLeast(0.8)
	}
	durable, err := syncs(ctx, 2*rounds*jobs)
	if err != nil {
		return nil, err
	}
	goal = e.unlessSlow(goal)
	return append([]Measure{
		ratio("`job: true`, of xargs", shell, bare, goal),
		ratio("`run: [true]`, of xargs", program, bare, goal),
		{What: "`job: true`", Value: median(shell), Unit: "jobs/s", Beside: "xargs " + number(median(bare)) + " jobs/s", Note: fmt.Sprintf("%d jobs, median of %d rounds", jobs, rounds)},
		{What: "`run: [true]`", Value: median(program), Unit: "jobs/s"},
	}, durable...), nil
}

// ratio divides the medians, and tells the worst and best round.
func ratio(what string, ours, theirs []float64, goal Goal) Measure {
	each := make([]float64, len(ours))
	for i := range ours {
		each[i] = ours[i] / theirs[i]
	}
	return Measure{
		What: what, Value: median(ours) / median(theirs), Unit: "×", Goal: goal,
		Note: fmt.Sprintf("single rounds %s to %s", number(percentile(sorted(each), 0)), number(percentile(sorted(each), 100))),
	}
}

// flat is a jobnet of independent jobs.
func flat(name string, jobs int, what string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "jobnet: %s\nparts:\n", name)
	for i := range jobs {
		fmt.Fprintf(&b, "  p%d: {%s}\n", i, what)
	}
	return b.String()
}

// xargs runs as many processes the way a shell would.
func xargs(ctx context.Context, jobs int) (time.Duration, error) {
	line := fmt.Sprintf("seq %d | xargs -P %d -n1 true", jobs, runtime.NumCPU())
	from := time.Now()
	out, err := exec.CommandContext(ctx, "sh", "-c", line).CombinedOutput() //nolint:gosec // a line of our own
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return time.Since(from), nil
}

// warm runs a few jobs that say who they are, and looks whether all that they
// printed was kept: what comes behind it measures the same path.
func (e *Env) warm(ctx context.Context, h *House) error {
	const jobs = 200
	if err := h.Apply(ctx, flat("bench/warm", jobs, `job: 'echo "this is $BANTO_PART"'`)); err != nil {
		return err
	}
	t, _, err := h.Run(ctx, "bench/warm", nil)
	if err != nil {
		return err
	}
	attempts, err := h.Client.Attempts(ctx, t.ID, "")
	if err != nil {
		return err
	}
	if len(attempts) != jobs {
		return fmt.Errorf("%d jobs have %d attempts", jobs, len(attempts))
	}
	for _, a := range attempts {
		out, err := h.Client.OutputText(ctx, a.ID, 0, 5*time.Second)
		if err != nil {
			return err
		}
		if want := "this is " + string(a.Part) + "\n"; string(out.Data) != want {
			return fmt.Errorf("the output of %s is %q, not %q", a.Part, out.Data, want)
		}
	}
	return nil
}
