package runner

import (
	"context"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

func runsOn(banto.Spec) *engine.Ended { return nil }

func TestAFlowRunsToItsEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		w.field.up(w.link, hostB)
		id := w.submit(flowOf(t, "a/b", "p1", "p2@db01 < p1", "p3 < p1 p2"))
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok p3=ok")
		for _, p := range []banto.PartKey{"p1", "p2", "p3"} {
			if n := w.field.starts(p); n != 1 {
				t.Errorf("%s was started %d times", p, n)
			}
		}
		w.same()
		if n := len(w.r.mem.trackers); n != 0 {
			t.Errorf("%d trackers that have ended are still in memory", n)
		}
		entries, err := w.store.Outbox(context.Background())
		if err != nil || len(entries) != 0 {
			t.Errorf("the outbox holds %v, %v", entries, err)
		}
		if got := w.field.hosts[hostB].cleaned; len(got) != 1 || got[0] != id {
			t.Errorf("%v were cleaned on db01", got)
		}
		audit, err := w.store.ListAudit(context.Background(), string(id), 0, 10)
		if err != nil || len(audit) != 1 || audit[0].Action != "tracker.submit" || audit[0].Principal != "hanako" {
			t.Errorf("audit: %v, %v", audit, err)
		}
		for _, h := range []banto.HostID{hostA, hostB} {
			for a, c := range w.field.hosts[h].claims {
				if !c.acked {
					t.Errorf("the result of %s was not acknowledged", a)
				}
			}
		}
	})
}
