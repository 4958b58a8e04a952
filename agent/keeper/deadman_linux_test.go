package keeper

import (
	"slices"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// Without contact an attempt ends by itself, with its whole group, and however
// it resists; one without a limit lives on.
func TestDeadMan(t *testing.T) {
	b := setUp(t)
	if !b.last.DeadMan {
		t.Fatalf("%+v", b.last)
	}
	b.contact()
	b.start(1, limited("sleep 300 & echo ready; wait"))
	b.start(2, limited(`trap "" TERM; echo ready; while :; do sleep 60; done`))
	b.start(3, banto.Spec{Script: gateScript})
	b.started(1)
	b.started(2)
	b.wrote(3, "waiting")
	wantLost(t, b.ended(1))
	e := b.ended(2)
	wantLost(t, e)
	if !strings.Contains(e.Message, "KILL") {
		t.Fatalf("%+v", e)
	}
	for seq := uint64(1); len(startedBy(t, try(1)))+len(startedBy(t, try(2))) > 0; seq++ { // nobody of them stays
		b.send(Request{Seq: seq})
		b.await(func() bool { return b.hear.Done == seq })
	}
	// What comes too late is not started.
	b.start(4, limited("echo ran"))
	if e := b.ended(4); e.Reason != banto.ReasonLost || e.StartedAt != nil || !strings.HasPrefix(e.Message, "not started: no contact to the manager for ") {
		t.Fatalf("%+v", e)
	}
	b.open("it")
	wantExit(t, b.ended(3), 0)
	b.contact()
	wantExit(t, b.run(5, patient("exit 0")), 0)
}

// The binary that a keeper becomes knows the same contact; one that keeps no
// limits is refused for as long as there is one.
func TestDeadManReplaced(t *testing.T) {
	b := setUp(t)
	b.contact()
	b.start(1, patient(gateScript))
	b.wrote(1, "waiting")
	older := script(t, "older", "#!/bin/sh\necho '{\"version\":\"0.1\",\"journal\":1,\"handover\":1}'\n", 0o700)
	b.send(Request{Replace: older})
	b.await(func() bool { return b.hear.NotReplaced != "" })
	if !strings.Contains(b.hear.NotReplaced, "version 0.1 is older and keeps no dead-man's limits") {
		t.Fatal(b.hear.NotReplaced)
	}
	b.reconnect("two", otherVersion(t, "two"))
	if b.last.Version != "two" || !slices.Contains(b.last.Running, try(1)) {
		t.Fatalf("%+v", b.last)
	}
	wantExit(t, b.run(2, patient("exit 3")), 3) // of the contact that the one before was told
	b.open("it")
	wantExit(t, b.ended(1), 0)
}

// Once no limit is kept any more the journal is written for older binaries, too.
func TestReadable(t *testing.T) {
	dir := t.TempDir()
	j, c, _, err := openJournal(dir, machine{}, newGeneration)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	k := &keeper{claims: c, journal: j}
	old := able{Version: "0.1", Journal: plainFormat}
	fx := &effects{}
	c.request(fx, &Request{Contact: 1e9, Start: []Start{{Attempt: try(1), Spec: banto.Spec{DeadManMS: 5000}}}}, ground{clock: 1e9, contact: 1e9})
	if err := j.append(fx.records, true); err != nil {
		t.Fatal(err)
	}
	if err := k.readable(old); err == nil {
		t.Fatal("it may not take over a limit")
	}
	c.end(fx, Ended{Attempt: try(1)})
	if err := k.readable(old); err != nil || c.format != plainFormat {
		t.Fatal(err, c.format)
	}
	if c, was := opened(t, dir); !was.sound() || c.format != plainFormat || c.byID[try(1)].phase != phaseEnded {
		t.Fatalf("%+v", was)
	}
}
