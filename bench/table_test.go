//go:build linux

package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var rewrite = flag.Bool("update", false, "rewrite the goldens")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (go test ./bench -update rewrites it): got\n%s\nwant\n%s", path, got, want)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 5: "5", 1234: "1,234", 4210.4: "4,210", 1234567: "1,234,567", 123.4: "123", 99.96: "100.0", 12.34: "12.3", 1.2345: "1.23", 0.8: "0.800", 0.01234: "0.0123", 0.0000001: "0", -0.0000001: "0", -1234.5: "-1,234",
	} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, not %s", v, got, want)
		}
	}
}

func TestGoals(t *testing.T) {
	for _, c := range []struct {
		goal    Goal
		value   float64
		verdict string
		text    string
	}{
		{atLeast(1), 1, "reached", "≥ 1 ×"},
		{atLeast(0.8), 0.79, "missed", "≥ 0.800 ×"},
		{atMost(2), 2, "reached", "≤ 2 ×"},
		{atMost(2), 2.01, "missed", "≤ 2 ×"},
		{Goal{}, 9, "", ""},
	} {
		if got := (Measure{Value: c.value, Goal: c.goal}).verdict(); got != c.verdict {
			t.Errorf("%v of %+v: %q", c.value, c.goal, got)
		}
		if got := c.goal.text("×"); got != c.text {
			t.Errorf("%+v reads %q", c.goal, got)
		}
	}
	if (&Env{Sync: slowDisk}).unlessSlow(atMost(2)) != (Goal{}) || (&Env{}).unlessSlow(atMost(2)) != atMost(2) {
		t.Error("a goal is for the disk as it is")
	}
}

func TestPercentiles(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for p, want := range map[float64]int{0: 1, 1: 1, 50: 50, 50.1: 51, 95: 95, 99: 99, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("p%v is %d, not %d", p, got, want)
		}
	}
	if percentile([]int(nil), 50) != 0 || percentile([]int{7}, 99) != 7 {
		t.Error("of none, or of one")
	}
	unsorted := []float64{3, 1, 2}
	if median(unsorted) != 2 || unsorted[0] != 3 || median([]int{4, 1, 3, 2}) != 2 {
		t.Error("the median, or the order", unsorted)
	}
}

func TestRatioOfMedians(t *testing.T) {
	m := ratio("x", []float64{100, 300, 200}, []float64{100, 100, 400}, atLeast(1))
	if m.Value != 2 || m.Note != "single rounds 0.500 to 3" {
		t.Errorf("%+v", m)
	}
	steps, err := between([]int64{30, 10, 15}, 3)
	if err != nil || len(steps) != 2 || steps[0] != 5 || steps[1] != 15 {
		t.Errorf("%v %v", steps, err)
	}
	if _, err := between([]int64{1}, 2); err == nil {
		t.Error("a time is missing, and nobody says so")
	}
}

// example are results as a run gives them.
func example() []Result {
	return []Result{
		{Row: "chain", Store: "sqlite", Load: "0.31", Took: 90 * time.Second, Measures: []Measure{
			{What: "median step, of the loop's", Value: 1.871, Unit: "×", Goal: atMost(2), Beside: "1.42 ms; the loop 0.759 ms", Note: "2,495 steps"},
			{What: "p99 step", Value: 6.2, Unit: "×", Goal: atMost(6), Note: "a | b"},
		}},
		{Row: "chain", Store: "sqlite", Sync: slowDisk, Measures: []Measure{{What: "median step, of the loop's", Value: 8, Unit: "×"}}},
		{Row: "chain", Store: "postgres", Err: errors.New("no PostgreSQL\nis installed")},
		{Row: "start", Measures: []Measure{{What: "first answer", Value: 221.4, Unit: "ms", Goal: atMost(500)}}},
	}
}

func TestTables(t *testing.T) {
	text := table(example()) + "\n"
	for _, r := range example() {
		text += r.text()
	}
	text += "\n" + listed([]Row{{Name: "chain", Work: "jobs in a row", On: both()}, {Name: "night", Work: "a night", On: both(), Slow: true}, {Name: "start", Work: "a start"}})
	golden(t, "table.txt", text)
}
