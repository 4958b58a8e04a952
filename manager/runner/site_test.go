package runner

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// The starts of a second site, with a list of what ran where.
func TestTheStartsOfASecondSite(t *testing.T) {
	start := func(t *testing.T, mode Recover, play func(t *testing.T, w *world, ids []banto.TrackerID)) {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.run()
				w.field.result = runsOn
				w.upAll()
				ids := []banto.TrackerID{w.submit(flowOf(t, "a/b", "p1", "p2@db01", "p3 < p1")), w.submit(flowOf(t, "a/c", "q1@db02"))}
				settled()
				since := time.Now()
				pass(time.Minute)
				w.next(nil, func(o *Options) { o.Recover, o.Since = mode, since })
				defer func() { w.close() }()
				play(t, w, ids)
				w.same()
			})
		})
	}
	start(t, RecoverHeld, func(t *testing.T, w *world, ids []banto.TrackerID) {
		rec := w.r.Recovery(t.Context())
		if !rec.Held || rec.Mode != "held" || !w.r.Held(t.Context()) {
			t.Errorf("%+v", rec)
		}
		wantItems(t, rec,
			"0000001.2 unknown p2 db01: it stays lost"+tillDecided,
			"0000001.1 unknown p1 local: it stays lost"+tillDecided)
		if rec.Items[0].State != banto.AttemptRunning {
			t.Errorf("its last state was %s", rec.Items[0].State)
		}
		w.next(nil) // without the option: it stays held
		w.upAll()
		wantItems(t, w.r.Recovery(t.Context()), "0000001.2 running p2 db01 runs: it goes on", "0000001.1 running p1 local runs: it goes on")
		if _, err := w.r.Confirm(t.Context(), operator, banto.RecoveryConfirm{}); err != nil {
			t.Fatal(err)
		}
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		settled()
		w.wantStates(ids[0], banto.TrackerRunning, "p1=ok p2=running p3=running")
	})
	start(t, RecoverWarm, func(t *testing.T, w *world, ids []banto.TrackerID) {
		w.field.up(w.link, hostA)
		settled()
		rec := w.r.Recovery(t.Context())
		if rec.Held || rec.Mode != "warm" || w.r.Held(t.Context()) {
			t.Errorf("%+v", rec)
		}
		wantItems(t, rec,
			"0000001.2 unknown p2 db01: if its host does not come back it is lost, and its own on-lost decides",
			"0000001.1 running p1 local runs: it goes on")
		w.submit(flowOf(t, "a/new", "n1"))
		settled()
		if w.field.starts("n1") != 1 {
			t.Error("nothing starts")
		}
	})
	start(t, RecoverCold, func(t *testing.T, w *world, ids []banto.TrackerID) {
		w.wantStates(ids[1], banto.TrackerError, "q1=error(no-host)")
		settled()
		if row := w.tracker(ids[0]); !row.Cancelling || !strings.Contains(row.Message, "cancelled by manager: the site was started cold") {
			t.Errorf("%+v", row)
		}
		rec := w.r.Recovery(t.Context())
		if rec.Held || rec.Mode != "cold" || len(rec.Items) != 2 || rec.Items[0].Then != "it is killed with its tracker" {
			t.Errorf("%+v", rec)
		}
		w.upAll()
		w.wantStates(ids[0], banto.TrackerCancelled, "p1=cancelled(killed) p2=cancelled(killed) p3=cancelled")
		w.submit(flowOf(t, "a/new", "n1"))
		settled()
		if w.field.starts("n1") != 1 {
			t.Error("nothing starts")
		}
	})
}

// A second site whose store is a little behind goes on warm: what had ended and
// was told to the first site ends here too.
func TestAWarmStartOnAStoreThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.running("p1", "p2 < p1", "p3@db01")
		var dir string
		since := time.Now()
		w.next(func() { dir = w.backup() })
		w.upAll()
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		settled()
		w.field.end(hostA, "p2", engine.Ended{Exit: new(int)})
		settled()
		w.end()
		w.cutAll()
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		w.open(dir)
		w.run(func(o *Options) { o.Recover, o.Since = RecoverWarm, since })
		defer w.close()
		w.upAll()
		wantItems(t, w.r.Recovery(t.Context()),
			"0000001.2 running p3 db01 runs: it goes on",
			"0000001.1 ended p1 local exit 0: nothing: its result is in the store",
			"0000001.3 after p2 local exit 0: nothing: nobody asks for it any more",
			"0000001.1003 running p2 local runs: it goes on")
		if n := w.field.starts("p2"); n != 2 {
			t.Errorf("p2 was started %d times", n) // the first site's was never heard of here
		}
		w.same()
	})
}

func TestAStartInAWayThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.prepare(func(o *Options) { o.Recover = "tepid" })
		if err := w.r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `"tepid"; there are cold, warm and held`) {
			t.Errorf("%v", err)
		}
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
}
