//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func factsOf(hour int) Facts {
	return Facts{Date: time.Date(2026, 11, 22, hour, 30, 0, 0, time.UTC), Values: [][2]string{{"machine", "a small one"}, {"system", "Linux"}}}
}

// A run of some rows replaces their lines on the stores on which it ran, and
// nothing else; runs that no line is of any more go.
func TestResultsAreMerged(t *testing.T) {
	all := []Row{{Name: "throughput", Work: "Many."}, {Name: "chain", Work: "In a row."}, {Name: "start", Work: "A start."}}
	first := merge("", all, factsOf(8), example())
	golden(t, "results.md", first)
	if again := merge(first, all, factsOf(8), example()); again != first {
		t.Errorf("the same results change the file:\n%s", again)
	}
	second := merge(first, all, factsOf(9), []Result{
		{Row: "chain", Store: "postgres", Measures: []Measure{{What: "median step, of the loop's", Value: 1.9, Unit: "×", Goal: atMost(2)}}},
		{Row: "throughput", Store: "sqlite", Measures: []Measure{{What: "rate", Value: 4321, Unit: "jobs/s"}}},
	})
	golden(t, "merged.md", second)
	third := merge(second, all, factsOf(10), example())
	if strings.Contains(third, "08:30") || !strings.Contains(third, "09:30") {
		t.Errorf("runs are kept that no line is of, or lost:\n%s", third)
	}
}

func TestResultsOfNoFileYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	for range 2 {
		if err := update(path, []Row{{Name: "start"}}, factsOf(8), example()); err != nil {
			t.Fatal(err)
		}
	}
}

// What the crash harness prints is read as it prints it.
func TestHarnessIsRead(t *testing.T) {
	lines := strings.Split(`=== RUN   TestTakeOverOfAKilledManager
    world_test.go:101: seed 1795
    takeover_test.go:120: round 0: 23 trackers; the other was active after 310ms, the first new job started after 420ms
    takeover_test.go:123: first new job after: median 420ms, longest 1.28s
--- PASS: TestTakeOverOfAKilledManager (14.51s)`, "\n")
	m, err := takeover(lines, 1)
	if err != nil || m.Value != 1.28 || m.Beside != "median 0.420 s" {
		t.Errorf("%+v %v", m, err)
	}
	if !passed(lines, "TestTakeOverOfAKilledManager") || passed(lines, "TestTakeOver") {
		t.Error("whether it passed")
	}
	if _, err := takeover(lines[:2], 1); err == nil {
		t.Error("nothing was said, and nobody says so")
	}
	good, kills := crashes([]string{
		"    crash_test.go:117: round 0: 300 jobs, each once; killed: m0, link, a1 stopped",
		"    crash_test.go:117: round 1: 300 jobs, each once; killed: a0", "    world_test.go:101: seed 7",
	})
	if good != 2 || kills != 4 {
		t.Errorf("%d rounds, %d kills", good, kills)
	}
}
