//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// rowLarge measures that a large jobnet costs no more than it must.
func rowLarge() Row {
	return Row{
		Name: "large", On: both(), Run: runLarge,
		Work: "A jobnet of 100,000 parts: `banto check`; from a submission to the first process; and the time from job to job in jobnets of 1,000, 10,000 and 100,000 parts.",
	}
}

// run200 is how many jobs in a row stand before the parts that wait.
const run200 = 200

func runLarge(ctx context.Context, e *Env) ([]Measure, error) {
	sizes := []int{1000, 10_000, 100_000}
	h, err := e.House(ctx)
	if err != nil {
		return nil, err
	}
	var out []Measure
	for _, n := range sizes {
		from := time.Now()
		if err := h.Apply(ctx, large(n)); err != nil {
			return nil, err
		}
		if n == sizes[2] {
			out = append(out, Measure{What: "apply", Value: time.Since(from).Seconds(), Unit: "s"})
		}
	}
	checked, err := e.check(ctx, large(sizes[2]))
	if err != nil {
		return nil, err
	}
	out = append(out, Measure{What: "check", Value: checked.Seconds(), Unit: "s", Goal: atMost(2), Note: "median of 3"})
	if err := h.forget(ctx); err != nil {
		return nil, err
	}
	steps, firsts, err := h.heads(ctx, sizes)
	if err != nil {
		return nil, err
	}
	rss, err := h.Server.PeakRSS()
	if err != nil {
		return nil, err
	}
	small := float64(median(steps[sizes[0]]))
	out = append(out,
		Measure{What: "submit to first start, cold", Value: firsts[0].Seconds(), Unit: "s", Goal: atMost(1), Note: "the first tracker of a manager that has just started"},
		Measure{What: "submit to first start, again", Value: median(firsts[1:]).Seconds(), Unit: "s", Goal: atMost(1)})
	for _, n := range sizes[1:] {
		out = append(out, Measure{
			What: fmt.Sprintf("step in %s parts, of that in 1,000", number(float64(n))), Value: float64(median(steps[n])) / small, Unit: "×", Goal: atMost(1.25),
			Beside: fmt.Sprintf("%s; in 1,000 parts %s", ms(median(steps[n])), ms(median(steps[sizes[0]]))),
		})
	}
	out = append(out, Measure{What: "manager's memory at most", Value: float64(rss) / (1 << 20), Unit: "MiB", Note: "resident, with all this"})
	waiting, err := h.waiting(ctx, sizes[2])
	return append(out, waiting...), err
}

// forget ends the manager and starts it anew: what it has seen of the flows is
// forgotten.
func (h *House) forget(ctx context.Context) error {
	h.Server.Kill()
	return h.StartServer(ctx)
}

// heads runs the jobs in a row of the jobnets of these sizes, by turns, and gives
// their steps, and after how long each tracker of the largest had its first start.
func (h *House) heads(ctx context.Context, sizes []int) (steps map[int][]time.Duration, firsts []time.Duration, err error) {
	steps = map[int][]time.Duration{}
	for i := range 3 {
		for at := len(sizes) - 1; at >= 0; at-- { // the largest first: nothing has come before it
			n := sizes[at]
			id, first, these, err := h.headOf(ctx, n)
			if err != nil {
				return nil, nil, err
			}
			if err := h.dismiss(ctx, id); err != nil {
				return nil, nil, err
			}
			steps[n] = append(steps[n], these...)
			if at == len(sizes)-1 {
				firsts = append(firsts, first)
			}
			h.env.Say("round %d: %s parts: first start after %s, step %s", i+1, number(float64(n)), ms(first), ms(median(these)))
		}
	}
	return steps, firsts, nil
}

// waiting measures what parts that wait take of the memory of a manager.
func (h *House) waiting(ctx context.Context, parts int) ([]Measure, error) {
	if err := h.forget(ctx); err != nil {
		return nil, err
	}
	var ids []banto.TrackerID
	before, err := h.heap(ctx)
	if err != nil {
		return nil, err
	}
	var grown []float64
	for range 2 {
		id, _, _, err := h.headOf(ctx, parts)
		if err != nil {
			return nil, err
		}
		now, err := h.heap(ctx)
		if err != nil {
			return nil, err
		}
		ids, grown, before = append(ids, id), append(grown, (now-before)/float64(parts)), now
	}
	return []Measure{
		{What: "memory of a part that waits", Value: grown[0], Unit: "bytes", Goal: atMost(1000), Note: "of the heap, with its share of the jobnet, which all trackers of it have in common"},
		{What: "in each further tracker", Value: grown[1], Unit: "bytes", Goal: atMost(200)},
	}, h.dismiss(ctx, ids...)
}

// large is a jobnet of so many parts: some in a row, one that takes an hour, and
// the rest behind that.
func large(parts int) string {
	var b strings.Builder
	b.WriteString(inRow(fmt.Sprintf("bench/n%d", parts), run200, "run: [date, +%s%N]"))
	fmt.Fprintf(&b, "  gate: {after: p%d, run: [sleep, '3600']}\n", run200-1)
	for i := range parts - run200 - 1 {
		if i < 100 {
			fmt.Fprintf(&b, "  w%d: {after: gate, run: ['true']}\n", i)
		} else {
			fmt.Fprintf(&b, "  w%d: {after: [w%d, w%d], run: ['true']}\n", i, i-100, i-99)
		}
	}
	return b.String()
}

// check lets the command judge a file, as a designer does.
func (e *Env) check(ctx context.Context, text string) (time.Duration, error) {
	file := filepath.Join(e.Dir, "large.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return 0, err
	}
	var took []time.Duration
	for range 3 {
		from := time.Now()
		if out, err := exec.CommandContext(ctx, e.Binary, "check", file).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("banto check: %w\n%s", err, out)
		}
		took = append(took, time.Since(from))
	}
	return median(took), nil
}

// heap gives how many bytes the manager holds in memory, garbage aside.
func (h *House) heap(ctx context.Context) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/debug/pprof/heap?gc=1", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body) // only that it is collected counts
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, err
	}
	held, ok := (&sampler{h: h}).metrics(ctx)["go_memstats_heap_alloc_bytes"]
	if !ok {
		return 0, errors.New("the manager does not tell of its heap")
	}
	return held, nil
}

// headOf runs the jobs in a row of a large jobnet, and gives how long the first
// start took and the steps. The rest waits.
func (h *House) headOf(ctx context.Context, parts int) (id banto.TrackerID, first time.Duration, steps []time.Duration, err error) {
	from := time.Now()
	t, _, err := h.Client.Submit(ctx, banto.SubmitRequest{Jobnet: fmt.Sprintf("bench/n%d", parts)}, client.NewKey())
	if err != nil {
		return "", 0, nil, err
	}
	err = until(ctx, "the jobs in a row have ended", 100*time.Millisecond, 5*time.Minute, func() bool {
		now, err := h.Client.Tracker(ctx, t.ID)
		return err == nil && now.Attempts > run200 && now.Counts[banto.PartOK] == run200 && now.Counts[banto.PartRunning] == 1
	})
	if err != nil {
		return "", 0, nil, err
	}
	attempts, err := h.Client.Attempts(ctx, t.ID, "p0")
	if err != nil || len(attempts) != 1 {
		return "", 0, nil, fmt.Errorf("the first job has %d attempts: %w", len(attempts), err)
	}
	at, err := h.wrote(ctx, attempts[0].ID)
	if err != nil {
		return "", 0, nil, err
	}
	if steps, err = h.steps(ctx, t.ID, run200); err != nil {
		return "", 0, nil, err
	}
	return t.ID, time.Unix(0, at).Sub(from.Round(0)), steps, nil
}

// dismiss cancels trackers.
func (h *House) dismiss(ctx context.Context, ids ...banto.TrackerID) error {
	for _, id := range ids {
		if _, err := h.Client.Cancel(ctx, id, banto.CancelRequest{Reason: "measured"}); err != nil {
			return err
		}
	}
	return h.allEnded(ctx)
}
