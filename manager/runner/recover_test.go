package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

// backup copies the store as it is now; the manager must not run.
func (w *world) backup() (dir string) {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	dir = w.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(w.dir)); err != nil {
		w.t.Fatal(err)
	}
	w.open(w.dir)
	return dir
}

func (w *world) open(dir string) {
	w.t.Helper()
	s, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.dir, w.store.Store = dir, s
	w.begin()
}

// restore takes a backup in place of the store, and marks it.
func (w *world) restore(dir string, since time.Time) {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open(dir)
	mark, err := json.Marshal(banto.Recovery{Held: true, Mode: "restore", Since: since})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Write(context.Background(), func(tx store.Tx) error { return tx.PutMark(RecoveryMark, string(mark)) }); err != nil {
		w.t.Fatal(err)
	}
}

// cutAll takes the hosts from a manager that has ended.
func (w *world) cutAll() {
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	w.link.dead = true
	for _, h := range w.field.hosts {
		h.link = nil
	}
}

// again ends the manager, changes the store, and starts another.
func (w *world) next(change func(), options ...func(*Options)) {
	w.t.Helper()
	w.end()
	w.cutAll()
	if change != nil {
		change()
	} else {
		w.begin()
	}
	w.run(options...)
}

func (w *world) upAll() {
	for _, id := range []banto.HostID{hostA, hostB} {
		w.field.up(w.link, id)
	}
	settled()
}

// items writes a recovery's items down: "found part host: then".
func items(rec banto.Recovery) string {
	var out []string
	for _, i := range rec.Items {
		s := fmt.Sprintf("%s %s %s %s", i.Attempt[len(i.Tracker)-7:], i.Found, i.Part, i.Host)
		if i.Running {
			s += " runs"
		}
		if i.Exit != nil {
			s += fmt.Sprintf(" exit %d", *i.Exit)
		}
		out = append(out, s+": "+i.Then)
	}
	return strings.Join(out, "\n")
}

func wantItems(t *testing.T, rec banto.Recovery, want ...string) {
	t.Helper()
	if got := items(rec); got != strings.Join(want, "\n") {
		t.Errorf("the list is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	n := 0
	for _, c := range rec.Counts {
		n += c
	}
	if n != len(rec.Items) {
		t.Errorf("counts are %v", rec.Counts)
	}
}

const (
	tillDecided = "; its tracker is held until you have decided: skip, force-end or rerun the part, then release it"
	lostRest    = ", which its keeper remembers; the rest of its result is gone"
)

// afterABackup plays an evening with a backup in its middle: what ran at that
// time runs on, ends and is told, ends and is not told; what was about to start
// has started; more runs on.
func afterABackup(t *testing.T, w *world) (since time.Time, dir string) {
	w.field.result = runsOn
	w.upAll()
	w.submit(flowOf(t, "a/runs", "r1", "r2 < r1"))       // 0000001: r1 runs on
	w.submit(flowOf(t, "a/told", "t1", "t2 < t1", "t3")) // 0000002: t1 ends, is told, and t2 runs; t3 runs on
	w.submit(flowOf(t, "a/ended", "e1@db01", "e2 < e1")) // 0000003: e1 ends and is not told
	w.submit(flowOf(t, "a/well", "w1@db01"))             // 0000004: as the backup has it, it runs; it ended before
	w.submit(flowOf(t, "a/later", "l1@db02", "l2@db01")) // 0000005: l1 has no host
	settled()
	pass(time.Minute)
	w.field.end(hostB, "w1", engine.Ended{Exit: new(int)})
	pass(time.Minute)
	since = time.Now()
	w.next(func() { dir = w.backup() })
	w.upAll()
	pass(time.Minute)
	w.field.end(hostA, "t1", engine.Ended{Exit: new(int)})
	settled()
	w.submit(flowOf(t, "a/stranger", "s1", "s2@db01")) // 0000006: s1 runs
	settled()
	w.field.end(hostB, "s2", engine.Ended{Exit: new(int)})
	settled()
	w.end()
	w.cutAll()
	w.field.end(hostB, "e1", engine.Ended{Exit: new(int)})
	return since, dir
}

// wantOutside checks that nothing was sent to a host or started.
func (w *world) wantOutside(text string, starts map[banto.PartKey]int) {
	w.t.Helper()
	for part, n := range starts {
		if got := w.field.starts(part); got != n {
			w.t.Errorf("%s: %s was started %d times, want %d", text, part, got, n)
		}
	}
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	for id, orders := range w.link.pending {
		if len(orders) > 0 {
			w.t.Errorf("%s: %s is to be sent %v", text, id, orders)
		}
	}
}

func TestARestoredStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		since, dir := afterABackup(t, w)
		w.restore(dir, since)
		w.run()
		defer func() { w.close() }()
		ctx := t.Context()
		if !w.r.Held(ctx) {
			t.Error("it is not held")
		}
		w.wantHealth("holds everything until that is confirmed")
		if w.link.recall == nil || !w.link.recall.Equal(since.Add(-recallMargin)) {
			t.Errorf("hosts are asked since %v", w.link.recall)
		}
		_, err := w.r.Confirm(ctx, operator, banto.RecoveryConfirm{})
		refused(t, err, banto.KindConflict, "2 hosts have not answered: db01, local")

		w.field.up(w.link, hostA)
		w.field.up(w.link, hostB)
		pass(time.Hour) // no timer, no grace
		starts := map[banto.PartKey]int{"r1": 1, "r2": 0, "t1": 1, "t2": 1, "t3": 1, "e1": 1, "e2": 0, "w1": 1, "l2": 1, "s1": 1, "s2": 1}
		w.wantOutside("while it is held", starts)
		_, _, err = w.r.Submit(ctx, submission(flowOf(t, "a/new", "n1"), ""))
		refused(t, err, banto.KindUnavailable, "then banto recovery confirm")
		if _, err := w.r.Cancel(ctx, operator, trackerID(1), ""); banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("cancel: %v", err)
		}
		rec := w.r.Recovery(ctx)
		want := []string{
			"0000003.1 ended e1 db01 exit 0: nothing: its result is in the store",
			"0000005.1 running l2 db01 runs: it goes on",
			"0000006.2 stranger s2 db01 exit 0: nothing",
			"0000001.1 running r1 local runs: it goes on",
			"0000002.1 told t1 local exit 0: it ends with exit code 0" + lostRest,
			"0000002.2 running t3 local runs: it goes on",
			"0000002.3 after t2 local runs: it runs on, and nobody takes its result" + tillDecided,
			"0000006.1 stranger s1 local runs: it runs on, and nobody takes its result",
		}
		wantItems(t, rec, want...)
		if !rec.Held || rec.Mode != "restore" || !rec.Since.Equal(since) || len(rec.Hosts) != 2 || !rec.Hosts[0].Whole || !rec.Hosts[1].Answered {
			t.Errorf("%+v", rec)
		}

		// A manager that ends before the confirmation begins held again.
		w.next(nil)
		w.upAll()
		wantItems(t, w.r.Recovery(ctx), want...)
		w.same()

		want[6] = "0000002.3 after t2 local runs: it is killed" + tillDecided
		want[7] = "0000006.1 stranger s1 local runs: it is killed"
		before := w.store.count()
		dry, err := w.r.Confirm(ctx, operator, banto.RecoveryConfirm{Kill: true, DryRun: true})
		if err != nil || !dry.Held || w.store.count() != before {
			t.Errorf("dry run: %+v %v", dry, err)
		}
		wantItems(t, dry, want...)
		w.store.set(nil, once(errDisk), nil) // its answer is lost
		done, err := w.r.Confirm(ctx, operator, banto.RecoveryConfirm{Kill: true, Reason: "disk of Tuesday"})
		if err != nil || done.Held || done.Confirmed == nil || done.By != operator.Name {
			t.Fatalf("%+v %v", done, err)
		}
		wantItems(t, done, want...)
		settled()
		if w.r.Held(ctx) {
			t.Error("it is still held")
		}
		w.wantHealth("")
		w.wantStates(trackerID(1), banto.TrackerRunning, "r1=running")
		w.wantStates(trackerID(2), banto.TrackerHeld, "t1=ok t2=ready t3=running")
		w.wantStates(trackerID(3), banto.TrackerRunning, "e1=ok e2=running")
		w.wantStates(trackerID(4), banto.TrackerOK, "w1=ok")
		starts["e2"] = 1
		w.wantOutside("after the confirmation", starts)
		if got := w.tracker(trackerID(2)); got.Attempts != 3 || !strings.Contains(got.Message, "t2 (20261121-0000002.3 on local) runs since then") {
			t.Errorf("%d attempts, %s", got.Attempts, got.Message)
		}
		for _, a := range []banto.AttemptID{banto.NewAttemptID(trackerID(2), 3), banto.NewAttemptID(trackerID(6), 1)} {
			if c := w.field.hosts[hostA].claims[a]; c.end == nil || c.end.Reason != banto.ReasonKilled || !c.acked {
				t.Errorf("%s: %+v", a, c)
			}
		}
		w.wantTrail("restore", "recovery.confirm by hanako: since 2000-01-01T00:02:00Z, 1 after, 1 ended, 3 running, 2 stranger, 1 told, 2 are killed: disk of Tuesday")
		_, err = w.r.Confirm(ctx, operator, banto.RecoveryConfirm{})
		refused(t, err, banto.KindConflict, "there is none that waits for it")
		if again := w.r.Recovery(ctx); again.Held || again.Confirmed == nil || len(again.Items) != len(want) {
			t.Errorf("afterwards: %+v", again)
		}
		w.same()

		// The next attempt of the tracker has a number that no keeper has seen.
		if _, err := w.r.Move(ctx, operator, trackerID(2), Move{Request: banto.MoveRequest{Move: banto.MoveRelease}}); err != nil {
			t.Fatal(err)
		}
		settled()
		w.wantStates(trackerID(2), banto.TrackerRunning, "t1=ok t2=running t3=running")
		if n := w.tracker(trackerID(2)).Attempts; n != 4 {
			t.Errorf("%d attempts", n)
		}
		w.next(nil)
		if w.r.Held(ctx) || w.r.Recovery(ctx).Confirmed == nil {
			t.Errorf("the next manager: %+v", w.r.Recovery(ctx))
		}
	})
}

// Hosts that do not answer, or have forgotten: what they had stays unknown, the
// trackers of it are held, and nothing gets a number that they may know.
func TestARestoredStoreWhoseHostsDoNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.field.result = runsOn
		w.upAll()
		w.field.result = succeed
		past := w.submit(flowOf(t, "a/past", "p1"))
		settled()
		w.field.result = runsOn
		unknown := w.submit(flowOf(t, "a/unknown", "u1@db01", "u2 < u1"))
		fine := w.submit(flowOf(t, "a/fine", "f1"))
		settled()
		var dir string
		pass(time.Second)
		since := time.Now()
		w.next(func() { dir = w.backup() })
		w.upAll()
		w.end()
		w.cutAll()
		w.restore(dir, since)
		w.run()
		defer func() { w.close() }()
		ctx := t.Context()
		w.field.hosts[hostA].forgot = true
		w.field.up(w.link, hostA)
		settled()
		rec := w.r.Recovery(ctx)
		wantItems(t, rec,
			"0000002.1 unknown u1 db01: it stays lost"+tillDecided,
			"0000003.1 running f1 local runs: it goes on")
		if h := rec.Hosts; h[0].Answered || h[0].Why != "it is not connected" || h[1].Whole || !strings.HasPrefix(h[1].Why, "its keeper has forgotten") {
			t.Errorf("%+v", h)
		}
		_, err := w.r.Confirm(ctx, operator, banto.RecoveryConfirm{})
		refused(t, err, banto.KindConflict, "1 hosts have not answered: db01")
		if _, err := w.r.Confirm(ctx, operator, banto.RecoveryConfirm{Unanswered: true}); err != nil {
			t.Fatal(err)
		}
		pass(24 * time.Hour)
		w.wantStates(unknown, banto.TrackerHeld, "u1=lost")
		w.wantStates(fine, banto.TrackerRunning, "f1=running")
		if n := w.tracker(unknown).Attempts; n != 1+numbersApart {
			t.Errorf("%d attempts", n)
		}
		// One that had ended and is run again.
		if _, err := w.r.Rerun(ctx, operator, past, engine.Rerun{From: []banto.PartKey{"p1"}}, nil); err != nil {
			t.Fatal(err)
		}
		settled()
		if n := w.tracker(past).Attempts; n != 1+numbersApart+1 {
			t.Errorf("%d attempts", n)
		}
		w.same()
		w.field.up(w.link, hostB)
		settled()
		w.wantStates(unknown, banto.TrackerHeld, "u1=running")
		w.same()
	})
}

// A start that was in the outbox at the time of the backup.
func TestARestoredStoreWithStartsToSend(t *testing.T) {
	for _, reached := range []bool{false, true} {
		t.Run(fmt.Sprint("reached ", reached), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.run()
				w.upAll()
				w.field.result = runsOn
				var asleep []func()
				w.field.act = func(f func()) { asleep = append(asleep, f) }
				id := w.submit(flowOf(t, "a/b", "p1", "p2@db01"))
				settled()
				var dir string
				since := time.Now()
				w.end()
				dir = w.backup()
				w.field.mu.Lock()
				if reached {
					for _, f := range asleep {
						f()
					}
				}
				w.field.act = nil
				w.field.mu.Unlock()
				w.cutAll()
				w.restore(dir, since)
				w.run()
				defer w.close()
				w.upAll()
				n := 0
				want := []string{"0000001.2 not-started p2 db01: it is started", "0000001.1 not-started p1 local: it is started"}
				if reached {
					n = 1
					want = []string{"0000001.2 running p2 db01 runs: it goes on", "0000001.1 running p1 local runs: it goes on"}
				}
				w.wantOutside("while it is held", map[banto.PartKey]int{"p1": n, "p2": n})
				wantItems(t, w.r.Recovery(t.Context()), want...)
				if _, err := w.r.Confirm(t.Context(), operator, banto.RecoveryConfirm{}); err != nil {
					t.Fatal(err)
				}
				settled()
				w.wantStates(id, banto.TrackerRunning, "p1=running p2=running")
				w.wantOutside("then", map[banto.PartKey]int{"p1": 1, "p2": 1})
				w.same()
			})
		})
	}
}

// A host that had not connected when the backup was made has worked since, and is
// not there: nobody waits for it, but no number that it may know is given again.
func TestARestoredStoreWithAHostThatHadNeverConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.field.up(w.link, hostA)
		settled()
		w.field.result = runsOn
		id := w.submit(flowOf(t, "a/b", "p1@db01"))
		settled()
		var dir string
		since := time.Now()
		w.next(func() { dir = w.backup() })
		w.upAll() // and p1 is started there
		w.end()
		w.cutAll()
		w.restore(dir, since)
		w.run()
		defer func() { w.close() }()
		w.field.up(w.link, hostA)
		settled()
		rec, err := w.r.Confirm(t.Context(), operator, banto.RecoveryConfirm{})
		if err != nil || !rec.Apart || len(rec.Hosts) != 1 {
			t.Fatalf("%v, hosts %+v, apart %v", err, rec.Hosts, rec.Apart)
		}
		if n := w.tracker(id).Attempts; n != numbersApart {
			t.Errorf("%d attempts", n)
		}
		w.same()
	})
}
