package runner

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

func (w *world) host(id banto.HostID) banto.Host {
	w.t.Helper()
	h, err := w.store.HostByID(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) waits(id banto.TrackerID) string {
	return strings.Join(w.r.WaitsFor(context.Background(), id), " | ")
}

func TestAHostComesAndGoes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.result = runsOn
		id := w.submit(flowOf(t, "a/b", "p1@db01", "p2@db01 < p1"))
		settled()
		if got := w.waits(id); !strings.Contains(got, "p1: wants a place on db01, which has never connected") {
			t.Errorf("before it ever came: %s", got)
		}
		w.field.up(w.link, hostB)
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		h := w.host(hostB)
		if h.State != banto.HostConnected || h.Generation != "gen-1" || h.BootID != "boot-1" || h.Slots != 4 || h.ConnectedAt == nil || h.OS != "linux" {
			t.Errorf("connected: %+v", h)
		}
		if got := w.r.Hosts(t.Context())[hostB]; got.Running != 1 || got.Waiting != 0 {
			t.Errorf("load: %+v", got)
		}
		if w.r.WaitsFor(t.Context(), "20261121-zzzzzzz") != nil {
			t.Error("a tracker that is not there waits for something")
		}

		pass(time.Minute)
		w.field.down(hostB, "no beat for 15s")
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=lost")
		h = w.host(hostB)
		if h.State != banto.HostLost || h.Why != "no beat for 15s" || !h.Since.Equal(time.Now()) {
			t.Errorf("lost: %+v", h)
		}
		if got := w.waits(id); !strings.Contains(got, "not connected (lost since 2000-01-01T00:01:00Z: no beat for 15s)") {
			t.Errorf("while it is lost: %s", got)
		}
		w.same()

		w.field.up(w.link, hostB)
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		w.field.down(hostB, "link broken")
		settled()
		w.field.end(hostB, "p1", engine.Ended{Exit: new(int)}) // while nobody hears it
		w.field.result = succeed
		w.field.up(w.link, hostB)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok")
		w.same()
	})
}

func TestAnOrderWaitsForItsHost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		// The host is cut off at the moment when the order is sent.
		var stuck []func()
		w.field.act = func(f func()) { stuck = append(stuck, f) }
		w.field.up(w.link, hostA)
		id := w.submit(flowOf(t, "a/b", "p1"))
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=starting")
		w.field.down(hostA, "link broken")
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=starting")
		if got := w.waits(id); !strings.Contains(got, "p1: starting on local, which is not connected") {
			t.Error(got)
		}
		w.same()
		w.field.act = nil
		w.field.up(w.link, hostA)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok")
		if n := w.field.starts("p1"); n != 1 || len(stuck) == 0 {
			t.Errorf("started %d times", n)
		}
	})
}

func TestClaimsThatAreLost(t *testing.T) {
	for _, c := range []struct {
		name, boot string
		want       string
	}{
		{"of the keeper", "boot-1", "p1=error(keeper-died)"},
		{"with the machine", "boot-2", "p1=error(host-restarted)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.running("p1")
				w.wantStates(id, banto.TrackerRunning, "p1=running")
				w.field.down(hostA, "link broken")
				h := w.field.hosts[hostA]
				h.boot, h.gen = c.boot, "gen-2"
				h.claims, h.claimed = make(map[banto.AttemptID]*claim), nil
				w.field.up(w.link, hostA)
				settled()
				w.wantStates(id, banto.TrackerError, c.want)
				w.same()
				if got := w.r.Hosts(t.Context())[hostA]; got.Running != 0 {
					t.Errorf("it still holds %d places", got.Running)
				}
			})
		})
	}
}

func TestResultsThatOutliveTheClaimsCount(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		w.field.down(hostA, "link broken")
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		w.field.hosts[hostA].gen = "gen-2" // a part of the journal was damaged, another one
		w.field.up(w.link, hostA)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok")
	})
}

func TestAnOrderIsMeantForTheClaimsItWasPlacedOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.act = func(func()) {} // what is sent is lost
		w.field.up(w.link, hostA)
		id := w.submit(flowOf(t, "a/b", "p1"))
		settled()
		w.field.hosts[hostA].gen = "gen-2"
		w.field.act = nil
		w.field.up(w.link, hostA) // a copy of the host, while the first may have the order
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(keeper-died)")
		if n := w.field.starts("p1"); n != 0 {
			t.Errorf("started %d times", n)
		}
		w.field.result = succeed
		id = w.submit(flowOf(t, "a/b", "p2"))
		settled()
		w.wantStates(id, banto.TrackerOK, "p2=ok")
	})
}

func TestARestartOfTheHostAloneIsTheKeepersToTell(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		w.field.down(hostA, "link broken")
		settled()
		w.field.hosts[hostA].boot = "boot-2"
		w.field.end(hostA, "p1", engine.Ended{Reason: banto.ReasonHostRestarted})
		w.field.mu.Lock()
		w.field.hosts[hostA].link = w.link
		w.field.mu.Unlock()
		w.r.HostUp(HostSession{ID: hostA, Hello: fabric.Hello{Name: "local", BootID: "boot-2", Generation: "gen-1", Slots: 4}, At: time.Now()})
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=lost") // the result follows
		w.field.mu.Lock()
		w.field.hosts[hostA].tellEnded(w.link)
		w.field.mu.Unlock()
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(host-restarted)")
	})
}

func TestAfterARestartTheHostsAreExpectedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		id := w.running("p1", "p2@db01", "p3 < p1", "p4@db01")
		w.end()
		pass(time.Hour)
		w.run()
		defer w.close()
		w.field.up(w.link, hostA)
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=running p2=running p4=running")
		pass(returnGrace)
		w.wantStates(id, banto.TrackerRunning, "p1=running p2=lost p4=lost")
		if h := w.host(hostB); h.State != banto.HostLost || !strings.Contains(h.Why, "not come back") {
			t.Errorf("%+v", h)
		}
		w.same()
		w.field.result = succeed
		w.field.up(w.link, hostB)
		for _, p := range []banto.PartKey{"p1", "p2", "p4"} {
			w.field.end(hostA, p, engine.Ended{Exit: new(int)})
			w.field.end(hostB, p, engine.Ended{Exit: new(int)})
		}
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok p3=ok p4=ok")
	})
}

func TestReportsThatMeanNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ended := w.running("p0")
		w.field.end(hostA, "p0", engine.Ended{Exit: new(int)})
		runs := w.submit(flowOf(t, "a/b", "p1", "p2"))
		settled()
		acks := &ackList{Hosts: w.link}
		w.r.opt.Hosts = acks
		one := 1
		for _, a := range []banto.AttemptID{
			banto.NewAttemptID(ended, 1),              // known
			banto.NewAttemptID("20261121-zzzzzzz", 1), // never heard of
			banto.NewAttemptID(runs, 7),
			banto.NewAttemptID(runs, 1), // another host's
			"no\x00sense",
		} {
			w.r.HostStarted(hostB, []engine.Started{{Attempt: a, At: time.Now()}})
			w.r.HostEnded(hostB, []engine.Ended{{Attempt: a, At: time.Now(), Exit: &one}})
		}
		w.r.Confirmed(hostB, []string{startOrder(banto.NewAttemptID(runs, 1)), "nonsense"}, 0)
		w.r.HostUp(HostSession{ID: "h-zzzzzzzzzz", At: time.Now()})
		w.r.HostDown("h-zzzzzzzzzz", "never was", time.Now(), time.Now())
		settled()
		if len(acks.list) != 5 {
			t.Errorf("acknowledged: %v", acks.list)
		}
		w.wantStates(ended, banto.TrackerOK, "p0=ok")
		w.wantStates(runs, banto.TrackerRunning, "p1=running p2=running")
		w.same()
	})
}

// ackList notes what is acknowledged.
type ackList struct {
	Hosts
	list []banto.AttemptID
}

func (a *ackList) Acknowledge(host banto.HostID, attempts []banto.AttemptID) {
	a.list = append(a.list, attempts...)
	a.Hosts.Acknowledge(host, attempts)
}

func TestAHostThatIsNotKnown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.submit(flowOf(t, "a/b", "p1@nowhere"))
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(no-host)")
	})
}

func TestVariablesThatAreNoTextEndInError(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.result = func(s banto.Spec) *engine.Ended {
			e := succeed(s)
			if s.Part == "p1" {
				e.Vars = "n=1\x002"
			}
			e.Output, e.Message = "a\x00\xffb", "tail \x00"
			return e
		}
		w.field.up(w.link, hostA)
		id := w.submit(flowOf(t, "a/b", "p1", "p2"))
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(variables) p2=ok")
	})
}

func TestARetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		f := flowOf(t, "a/b", "p1", "p2 < p1")
		f.Parts[0].Retry = retryOnce(10 * time.Minute)
		w.field.result = failsWith("p1", 1)
		w.field.up(w.link, hostA)
		id := w.submit(f)
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=retrying(exit)")
		pass(9 * time.Minute)
		w.same()
		w.end()
		w.run()
		defer w.close()
		w.field.up(w.link, hostA)
		w.field.result = succeed
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=retrying(exit)")
		pass(time.Minute)
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok")
	})
}

func retryOnce(wait time.Duration) *jobnet.Retry { return &jobnet.Retry{Attempts: 2, Wait: wait} }
