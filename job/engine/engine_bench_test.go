package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

var start = time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)

// chain makes a flow of n parts in a row.
func chain(tb testing.TB, n int) *jobnet.Flow {
	tb.Helper()
	j := &jobnet.Jobnet{Path: "bench/chain"}
	for i := range n {
		p := jobnet.Part{Name: fmt.Sprintf("p%d", i), Kind: jobnet.KindJob, Script: "true"}
		if i > 0 {
			p.After = []jobnet.After{{Part: fmt.Sprintf("p%d", i-1), Outlet: jobnet.OutletDone}}
		}
		j.Parts = append(j.Parts, p)
	}
	flow, problems := jobnet.Compile(j, nil)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return flow
}

func submit(flow *jobnet.Flow) (*engine.Tracker, []engine.Effect) {
	return engine.New(engine.Submission{ID: "20261121-0000001", Flow: flow, FlowHash: "h", Version: 1, By: "me"}, start)
}

// pass takes the part through one attempt that ends with the exit code.
func pass(tb testing.TB, t *engine.Tracker, part banto.PartKey, exit int) []engine.Effect {
	tb.Helper()
	var id banto.AttemptID
	for _, e := range step(tb, t, engine.Placed{Part: part, Host: "db01", HostID: "h-1"}) {
		if s, ok := e.(engine.Start); ok {
			id = s.Attempt.ID
		}
	}
	step(tb, t, engine.Started{Attempt: id, At: start})
	return step(tb, t, engine.Ended{Attempt: id, StartedAt: &start, At: start, Exit: &exit})
}

func step(tb testing.TB, t *engine.Tracker, in engine.Input) []engine.Effect {
	tb.Helper()
	effects, err := t.Step(in, start)
	if err != nil {
		tb.Fatal(err)
	}
	return effects
}

// BenchmarkPart takes one part after the other through its attempt. Its cost
// must be the same in a flow of 100 parts and in one of 100,000.
func BenchmarkPart(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			flow := chain(b, n)
			var t *engine.Tracker
			next := n
			b.ReportAllocs()
			for b.Loop() {
				if next >= n-1 { // the last part ends the tracker, which may cost more
					b.StopTimer()
					t, _ = submit(flow)
					next = 0
					b.StartTimer()
				}
				pass(b, t, banto.PartKey(flow.Parts[next].Name), 0)
				next++
			}
		})
	}
}

// BenchmarkLarge submits, ends and restores trackers of 100,000 parts.
func BenchmarkLarge(b *testing.B) {
	flow := chain(b, 100_000)
	b.Run("submit", func(b *testing.B) {
		for b.Loop() {
			submit(flow)
		}
	})
	b.Run("end", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			t, _ := submit(flow)
			b.StartTimer()
			pass(b, t, "p0", 1) // leaves all others unreached
		}
	})
	b.Run("restore", func(b *testing.B) {
		t, effects := submit(flow)
		r := engine.Records{Tracker: t.Row()}
		for _, e := range append(effects, pass(b, t, "p0", 1)...) {
			if s, ok := e.(engine.SavePart); ok {
				r.Parts = append(r.Parts, s.Part)
			}
		}
		for b.Loop() {
			if _, err := engine.Restore(flow, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
