package engine_test

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

func TestReservedNumbersAreNeverUsed(t *testing.T) {
	flow, problems := jobnet.Compile(&jobnet.Jobnet{Path: "a/b", Parts: []jobnet.Part{{Name: "p1", Kind: jobnet.KindJob, Script: "true"}}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	now := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	tracker, _ := engine.New(engine.Submission{ID: "20261122-0000000", Flow: flow, FlowHash: "f"}, now)
	effects := tracker.Reserve(7, now)
	if len(effects) != 1 {
		t.Fatalf("%d effects", len(effects))
	}
	if row := effects[0].(engine.SaveTracker).Tracker; row.Attempts != 7 || row.Revision != 2 {
		t.Errorf("%d attempts, revision %d", row.Attempts, row.Revision)
	}
	if again := tracker.Reserve(5, now); len(again) > 0 {
		t.Errorf("fewer than before: %v", again)
	}
	if _, err := tracker.Step(engine.Placed{Part: "p1", Host: "local", HostID: "h-aaaaaaaaaa"}, now); err != nil {
		t.Fatal(err)
	}
	if live := tracker.Live(); len(live) != 1 || live[0].ID != banto.NewAttemptID("20261122-0000000", 8) {
		t.Errorf("%+v", live)
	}
}
