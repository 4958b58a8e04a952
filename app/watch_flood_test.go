package app

import (
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto/manager/runner"
)

// Submissions that are refused all the time are told when that begins and, with
// their number, when it is over.
func TestAFloodIsToldTwice(t *testing.T) {
	w, b := watcher(t)
	loop := runner.Refused{Jobnet: "flood/loop", By: "alice", Limit: "400 open"}
	for range 99 {
		w.Refused(runner.RefusedOpen, loop)
	}
	w.Refused(runner.RefusedOpen, runner.Refused{Jobnet: "other", By: "bob", Limit: "400 open"})
	w.Refused(runner.RefusedRate, loop)
	got := b.take()
	if len(got) != 2 || !strings.Contains(got[0], "limit=open jobnet=flood/loop by=alice most=\"400 open\"") || !strings.Contains(got[1], "limit=rate") {
		t.Errorf("at first: %q", got)
	}
	w.tellFloods(time.Now().Add(-time.Second), false) // they were refused after now was taken
	if got := b.take(); len(got) != 0 {
		t.Errorf("in its middle: %q", got)
	}
	w.tellFloods(time.Now().Add(floodOver/2), false)
	if got := b.take(); len(got) != 0 {
		t.Errorf("while it lasts: %q", got)
	}
	w.tellFloods(time.Now().Add(floodOver), false)
	got = b.take()
	if len(got) != 1 || !strings.Contains(got[0], "limit=open refused=100 ") || !strings.Contains(got[0], "jobnet=flood/loop by=alice of_them=99") {
		t.Errorf("when it is over: %q", got)
	}
	w.Refused(runner.RefusedOpen, loop)
	w.Refused(runner.RefusedOpen, loop)
	w.tellFloods(time.Now(), true)
	if got := b.take(); len(got) != 2 || !strings.Contains(got[1], "refused=2 ") {
		t.Errorf("when the manager stops: %q", got)
	}
}
