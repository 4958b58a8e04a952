package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// define compiles parts written as structs.
func define(tb testing.TB, parts ...jobnet.Part) *jobnet.Flow {
	tb.Helper()
	for i := range parts {
		parts[i].Kind, parts[i].Script = jobnet.KindJob, "true"
	}
	flow, problems := jobnet.Compile(&jobnet.Jobnet{Path: "test/flow", Parts: parts}, nil)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return flow
}

func after(names ...string) []jobnet.After {
	var out []jobnet.After
	for _, n := range names {
		part, outlet, ok := strings.Cut(n, ".")
		if !ok {
			outlet = "done"
		}
		out = append(out, jobnet.After{Part: part, Outlet: jobnet.Outlet(outlet)})
	}
	return out
}

// rows collects what effects save.
func rows(effects []engine.Effect) map[banto.PartKey]banto.Part {
	out := map[banto.PartKey]banto.Part{}
	for _, e := range effects {
		if s, ok := e.(engine.SavePart); ok {
			out[s.Part.Key] = s.Part
		}
	}
	return out
}

func TestAFlowWithoutPartsEndsAtOnce(t *testing.T) {
	tracker, effects := submit(&jobnet.Flow{Jobnet: "test/empty", OnError: jobnet.OnErrorEnd})
	if s := tracker.Row().State; s != banto.TrackerOK {
		t.Errorf("the tracker is %s", s)
	}
	if len(effects) != 2 {
		t.Errorf("effects: %v", effects)
	}
}

func TestEffectsStayAsTheyWere(t *testing.T) {
	flow := define(t, jobnet.Part{Name: "a", Retry: &jobnet.Retry{Attempts: 2}}, jobnet.Part{Name: "b", After: after("a.error")})
	tracker, effects := submit(flow)
	type kept struct {
		effect engine.Effect
		text   string
	}
	var all []kept
	keep := func(effects []engine.Effect) {
		for _, e := range effects {
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kept{e, string(b)})
		}
	}
	keep(effects)
	keep(pass(t, tracker, "a", 1))
	keep(step(t, tracker, engine.Wake{Part: "a"}))
	keep(pass(t, tracker, "a", 1))
	keep(pass(t, tracker, "b", 0))
	keep(step(t, tracker, engine.Rerun{By: "me"}))
	keep(step(t, tracker, engine.Cancel{By: "me"}))
	for _, k := range all {
		b, err := json.Marshal(k.effect)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(k.text, string(b)); diff != "" {
			t.Errorf("%T changed after it was given away:\n%s", k.effect, diff)
		}
	}
}

func TestADeepFlowThatIsNotTaken(t *testing.T) {
	const n = 50_000
	flow := chain(t, n)
	parts := make([]jobnet.Part, n)
	for i := range parts {
		parts[i].Name = flow.Parts[i].Name
		if i > 0 {
			parts[i].After = after(flow.Parts[i-1].Name + ".ended")
		}
	}
	parts[0].When = "1 > 2"
	tracker, effects := submit(define(t, parts...))
	if s := tracker.Row().State; s != banto.TrackerOK {
		t.Errorf("the tracker is %s", s)
	}
	if got := len(rows(effects)); got != n {
		t.Errorf("%d parts were saved", got)
	}
}

func TestOutletsOfASkippedPart(t *testing.T) {
	flow := define(t,
		jobnet.Part{Name: "a"},
		jobnet.Part{Name: "done", After: after("a")},
		jobnet.Part{Name: "ended", After: after("a.ended")},
		jobnet.Part{Name: "ok", After: after("a.ok")},
		jobnet.Part{Name: "warning", After: after("a.warning")},
		jobnet.Part{Name: "error", After: after("a.error")},
	)
	r := engine.Records{Tracker: banto.Tracker{ID: "20261121-0000001", State: banto.TrackerOK}}
	for i := range flow.Parts {
		r.Parts = append(r.Parts, banto.Part{Tracker: r.Tracker.ID, Key: banto.PartKey(flow.Parts[i].Name), State: banto.PartOK})
	}
	r.Parts[0].State, r.Parts[0].EndedAt = banto.PartSkipped, new(start)
	tracker, err := engine.Restore(flow, r)
	if err != nil {
		t.Fatal(err)
	}
	got := map[banto.PartKey]banto.PartState{}
	for k, p := range rows(step(t, tracker, engine.Rerun{From: []banto.PartKey{"done", "ended", "ok", "warning", "error"}})) {
		got[k] = p.State
	}
	want := map[banto.PartKey]banto.PartState{
		"done": banto.PartReady, "ended": banto.PartReady,
		"ok": banto.PartNotTaken, "warning": banto.PartNotTaken, "error": banto.PartNotTaken,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestHeldPartsAreCancelledAtOnce(t *testing.T) {
	flow := define(t, jobnet.Part{Name: "a"}, jobnet.Part{Name: "b", After: after("a")})
	tracker, err := engine.Restore(flow, engine.Records{
		Tracker: banto.Tracker{ID: "20261121-0000001", State: banto.TrackerRunning},
		Parts:   []banto.Part{{Key: "a", State: banto.PartHeld}},
	})
	if err != nil {
		t.Fatal(err)
	}
	step(t, tracker, engine.Cancel{By: "me"})
	if got := tracker.Row(); got.State != banto.TrackerCancelled || got.Counts[banto.PartCancelled] != 2 {
		t.Errorf("the tracker is %s: %v", got.State, got.Counts)
	}
}

func TestBackoffHasAnEnd(t *testing.T) {
	flow := define(t, jobnet.Part{Name: "a", Retry: &jobnet.Retry{Attempts: 1000, Wait: time.Hour, Backoff: 10}})
	tracker, _ := submit(flow)
	now := start
	for n := range 400 {
		var at time.Time
		effects, err := tracker.Step(engine.Placed{Part: "a", Host: "h", HostID: "h-1"}, now)
		if err != nil {
			t.Fatal(err)
		}
		var id banto.AttemptID
		for _, e := range effects {
			if s, ok := e.(engine.Start); ok {
				id = s.Attempt.ID
			}
		}
		effects, err = tracker.Step(engine.Ended{Attempt: id, Reason: banto.ReasonSignal, StartedAt: &now}, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range effects {
			if w, ok := e.(engine.WakeAt); ok {
				at = w.At
			}
		}
		if wait := at.Sub(now); wait <= 0 || wait > 30*24*time.Hour {
			t.Fatalf("after attempt %d it waits %s", n+1, wait)
		}
		now = at
		if _, err := tracker.Step(engine.Wake{Part: "a"}, now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOutputIsCutAtACharacter(t *testing.T) {
	flow := define(t, jobnet.Part{Name: "a"}, jobnet.Part{Name: "b", After: after("a"), When: `a.output == ""`})
	tracker, _ := submit(flow)
	var id banto.AttemptID
	for _, e := range step(t, tracker, engine.Placed{Part: "a", Host: "h", HostID: "h-1"}) {
		if s, ok := e.(engine.Start); ok {
			id = s.Attempt.ID
			if !s.Spec.WantOutput {
				t.Error("the output is not asked for")
			}
		}
	}
	zero := 0
	effects := step(t, tracker, engine.Ended{
		Attempt: id, StartedAt: &start, At: start, Exit: &zero, Output: "x" + strings.Repeat("番", banto.MaxOutputHead),
	})
	got := rows(effects)["a"].Output
	if len(got) > banto.MaxOutputHead || len(got) < banto.MaxOutputHead-3 || !utf8.ValidString(got) {
		t.Errorf("%d bytes are kept, valid: %t", len(got), utf8.ValidString(got))
	}
}

func TestTimesAreAsAStoreKeepsThem(t *testing.T) {
	now := time.Date(2026, 11, 21, 22, 0, 0, 123_456_789, time.FixedZone("Tokyo", 9*3600))
	tracker, _ := engine.New(engine.Submission{ID: "20261121-0000001", Flow: chain(t, 1)}, now)
	got := tracker.Row().SubmittedAt
	if want := time.Date(2026, 11, 21, 13, 0, 0, 123_456_000, time.UTC); got != want {
		t.Errorf("submitted at %v, want %v", got, want)
	}
}

func TestRestoreRefusesWhatCannotBe(t *testing.T) {
	flow := define(t, jobnet.Part{Name: "a"})
	running := banto.Part{Key: "a", State: banto.PartRunning, AttemptID: "20261121-0000001.1"}
	attempt := banto.Attempt{ID: "20261121-0000001.1", Part: "a", State: banto.AttemptRunning}
	for name, r := range map[string]engine.Records{
		"a part without its attempt":        {Parts: []banto.Part{running}},
		"an attempt without its part":       {Attempts: []banto.Attempt{attempt}},
		"an attempt of a part nobody knows": {Parts: []banto.Part{running}, Attempts: []banto.Attempt{attempt, {ID: "x", Part: "b"}}},
	} {
		if _, err := engine.Restore(flow, r); err == nil {
			t.Errorf("%s was restored", name)
		}
	}
	if _, err := engine.Restore(flow, engine.Records{
		Parts:    []banto.Part{running, {Key: "of an earlier flow", State: banto.PartOK}},
		Attempts: []banto.Attempt{attempt, {ID: "ended", Part: "b", State: banto.AttemptOK}},
	}); err != nil {
		t.Error(err)
	}
}

func TestWaitsForIsBounded(t *testing.T) {
	tracker, _ := submit(chain(t, 1000))
	got := tracker.WaitsFor()
	if len(got) != 21 || got[0].String() != "p0: wants a place on the host beside the manager" || got[20].String() != "980 more parts" {
		t.Errorf("%d lines: %q", len(got), got)
	}
}

func ExampleTracker_Step() {
	flow, _ := jobnet.Compile(&jobnet.Jobnet{Path: "backup", Parts: []jobnet.Part{
		{Name: "archive", Kind: jobnet.KindJob, Script: "tar -cf /tmp/x.tar ."},
	}}, nil)
	now := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
	tracker, _ := engine.New(engine.Submission{ID: "20261121-0000001", Flow: flow}, now)
	effects, _ := tracker.Step(engine.Placed{Part: "archive", Host: "db01", HostID: "h-1"}, now)
	for _, e := range effects {
		fmt.Printf("%T\n", e)
	}
	// Output:
	// engine.SaveTracker
	// engine.SavePart
	// engine.SaveAttempt
	// engine.Start
}
