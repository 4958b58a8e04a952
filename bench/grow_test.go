//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

func TestCopiesHaveIDsOfTheirOwn(t *testing.T) {
	at := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for k := range 100_000 {
		id := cloneID(at, k)
		if seen[id] || !banto.TrackerID(id).Valid() {
			t.Fatalf("%s, of %d, is taken or not valid", id, k)
		}
		seen[id] = true
	}
}

func TestCopiesMoveInTime(t *testing.T) {
	got := copyStatement("attempts", []string{"tracker", "seq", "state", "created_at", "dead_by"})
	want := "INSERT INTO attempts (tracker, seq, state, created_at, dead_by) SELECT c.new_id, o.seq, o.state, o.created_at + c.moved, o.dead_by + c.moved" +
		" FROM clones c JOIN t_attempts o ON o.tracker = c.old_id ORDER BY c.new_seq"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got = copyStatement("tracker_folders", []string{"folder", "seq"}); !strings.Contains(got, "SELECT o.folder, c.new_seq") {
		t.Error(got)
	}
}

func TestSlope(t *testing.T) {
	x := []float64{0, 1, 2, 3}
	if s, ok := slopeOf(x, []float64{5, 7, 9, 11}); !ok || s < 1.999 || s > 2.001 {
		t.Errorf("the slope is %v, %v", s, ok)
	}
	if _, ok := slopeOf(x[:1], []float64{5}); ok {
		t.Error("one point has no slope")
	}
}

func TestPicture(t *testing.T) {
	svg := drawSVG("a < b", []float64{0, 30, 60}, []panel{{"memory (MiB)", []line{{"server", []float64{40, 41, 42.5}}}}})
	for _, want := range []string{"a &lt; b", ">server<", "points=\"70.0,", ">60 min<", "#ffffff"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture has no %s", want)
		}
	}
}
