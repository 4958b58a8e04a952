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
		Work: "One jobnet of 5,000 independent jobs `true` through manager, fabric, agent and keeper, every change of state durable, output captured; beside `seq 5000 | xargs -P \"$(nproc)\" -n1 true`, by turns. And of 5,000 scripts `true; true`, which need a shell, beside xargs with that shell.",
	}
}

// flood is a jobnet of many jobs at once, and what xargs starts beside it.
type flood struct {
	name   string // as it is told
	jobnet string
	part   string // as it is defined
	bare   string // the same work, as xargs starts it
	rates  []float64
}

// The rounds of all sides alternate, so that what disturbs the machine for a
// while disturbs all.
func runThroughput(ctx context.Context, e *Env) ([]Measure, error) {
	jobs, rounds := e.sizes(5000, 500)
	floods := []*flood{
		{name: "`job: true`", jobnet: "bench/plain", part: "job: 'true'", bare: "true"},
		{name: "`run: [true]`", jobnet: "bench/program", part: "run: ['true']", bare: "true"},
		{name: "`job: true; true`", jobnet: "bench/shell", part: "job: 'true; true'", bare: "sh -c 'true; true'"},
	}
	var texts []string
	for _, f := range floods {
		texts = append(texts, flat(f.jobnet, jobs, f.part))
	}
	h, err := e.ready(ctx, strings.Join(texts, "---\n"))
	if err != nil {
		return nil, err
	}
	bare := map[string][]float64{}
	syncs := e.Syncs()
	for i := range rounds {
		said := fmt.Sprintf("round %d:", i+1)
		for _, f := range floods {
			if len(bare[f.bare]) == i {
				took, err := xargs(ctx, jobs, f.bare)
				if err != nil {
					return nil, err
				}
				bare[f.bare] = append(bare[f.bare], float64(jobs)/took.Seconds())
				said += fmt.Sprintf(" xargs %s %s jobs/s;", f.bare, number(bare[f.bare][i]))
			}
			rate, err := h.rate(ctx, f.jobnet, jobs)
			if err != nil {
				return nil, err
			}
			f.rates = append(f.rates, rate)
			said += fmt.Sprintf(" %s %s jobs/s;", f.name, number(rate))
		}
		e.Say("%s", strings.TrimSuffix(said, ";"))
	}
	durable, err := syncs(ctx, len(floods)*rounds*jobs)
	return append(e.floodMeasures(floods, bare, jobs), durable...), err
}

// floodMeasures are what the row tells. The goal is for what xargs does without
// a shell.
func (e *Env) floodMeasures(floods []*flood, bare map[string][]float64, jobs int) []Measure {
	goal := atLeast(1)
	if e.Store == "postgres" {
		goal = atLeast(0.8)
	}
	var ratios, rates []Measure
	for _, f := range floods {
		m := ratio(f.name+", of xargs", f.rates, bare[f.bare], Goal{})
		rate := Measure{What: f.name, Value: median(f.rates), Unit: "jobs/s", Beside: "xargs " + f.bare + ": " + number(median(bare[f.bare])) + " jobs/s"}
		if f.bare == "true" {
			m.Goal = e.unlessSlow(goal)
		} else {
			m.Beside = "xargs starts " + f.bare
		}
		ratios, rates = append(ratios, m), append(rates, rate)
	}
	rates[0].Note = fmt.Sprintf("%d jobs, median of %d rounds", jobs, len(floods[0].rates))
	return append(ratios, rates...)
}

// rate runs a jobnet of so many jobs, and gives how many a second there were.
func (h *House) rate(ctx context.Context, jobnet string, jobs int) (float64, error) {
	t, took, err := h.Run(ctx, jobnet, nil)
	if err != nil {
		return 0, err
	}
	if t.Counts[banto.PartOK] != jobs {
		return 0, fmt.Errorf("%d of %d jobs of %s ended well", t.Counts[banto.PartOK], jobs, jobnet)
	}
	return float64(jobs) / took.Seconds(), nil
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
func xargs(ctx context.Context, jobs int, command string) (time.Duration, error) {
	line := fmt.Sprintf("seq %d | xargs -P %d -n1 %s", jobs, runtime.NumCPU(), command)
	from := time.Now()
	out, err := exec.CommandContext(ctx, "sh", "-c", line).CombinedOutput() //nolint:gosec // a line of our own
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return time.Since(from), nil
}

// sizes gives how many jobs a row that repeats the same has, and how often it
// does it.
func (e *Env) sizes(whole, short int) (jobs, rounds int) {
	jobs, rounds = whole, 5
	if e.Short {
		jobs, rounds = short, 3
	}
	if e.Rounds > 0 {
		rounds = e.Rounds
	}
	return jobs, rounds
}

// ready starts a house that is warm and has definitions.
func (e *Env) ready(ctx context.Context, definitions string) (*House, error) {
	h, err := e.House(ctx)
	if err == nil {
		err = e.warm(ctx, h)
	}
	if err == nil {
		err = h.Apply(ctx, definitions)
	}
	return h, err
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
