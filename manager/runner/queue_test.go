package runner

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

func TestTheInboxIsBounded(t *testing.T) {
	b := newInbox(2, 3)
	for i := range 5 {
		err := b.call(&changeIn{caller: newCaller()})
		if (i < 2) != (err == nil) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	for range 5 {
		b.report(endedIn{host: hostA})
	}
	b.report(hostUpIn{}, hostDownIn{}) // never dropped
	if ins, dropped := b.take(100); len(ins) != 2+3+2 || dropped != 2 {
		t.Errorf("took %d, %d were dropped", len(ins), dropped)
	}
	if b.calls != 0 || b.reports != 0 || b.waits() {
		t.Errorf("after all were taken: %+v", b)
	}

	if err := b.call(&changeIn{caller: newCaller()}); err != nil {
		t.Error(err)
	}
	b.report(startedIn{}, endedIn{})
	b.putBack([]fromHost{hostUpIn{}, confirmedIn{}})
	if b.calls != 1 || b.reports != 3 {
		t.Errorf("put back: %d calls, %d reports", b.calls, b.reports)
	}
	if calls := b.takeCalls(); len(calls) != 1 || b.calls != 0 {
		t.Errorf("%d calls", len(calls))
	}
	first, _ := b.take(1)
	if _, ok := first[0].(hostUpIn); !ok || len(b.items) != 3 {
		t.Errorf("first %T, then %d", first[0], len(b.items))
	}

	waiting := &changeIn{caller: newCaller()}
	if err := b.call(waiting); err != nil {
		t.Error(err)
	}
	b.close(errStopped)
	if a := <-waiting.reply; banto.KindOf(a.err) != banto.KindUnavailable {
		t.Errorf("who waited was told %v", a.err)
	}
	if err := b.call(waiting); banto.KindOf(err) != banto.KindUnavailable {
		t.Errorf("a late caller was told %v", err)
	}
}

// Who repeats a submission is turned away with the others, and not counted: it is
// answered by what its key has made.
func TestARepeatIsNotRefused(t *testing.T) {
	b, counted := newInbox(1, 1), 0
	b.refused = func(Refusal, Refused) { counted++ }
	submit := func(repeats func() bool) error {
		s := Submit{Key: "k", Repeats: repeats}
		s.Submission.Flow = &jobnet.Flow{Jobnet: "a/b"}
		return b.call(&submitIn{caller: newCaller(), Submit: s})
	}
	if err := submit(func() bool { t.Error("it was asked in vain"); return true }); err != nil {
		t.Fatal(err)
	}
	for i, repeats := range []func() bool{func() bool { return true }, func() bool { return false }, nil} {
		if err := submit(repeats); banto.KindOf(err) != banto.KindTooMany || counted != i {
			t.Errorf("%d: %v, counted %d", i, err, counted)
		}
	}
}

// A host that floods neither takes all the room nor goes before the others,
// and what it said keeps its order.
func TestOneHostsFloodIsSmall(t *testing.T) {
	const room = 8 * hostShare
	b := newInbox(10, room)
	for i := range room {
		b.report(endedIn{host: hostA, report: engine.Ended{OutputSize: int64(i)}})
	}
	b.report(endedIn{host: hostB})
	if err := b.call(&changeIn{caller: newCaller()}); err != nil {
		t.Error(err)
	}
	last, turns := int64(-1), 0
	for b.waits() {
		const limit = hostShare + hostShare/2
		full := len(b.items) >= limit
		ins, _ := b.take(limit)
		turns++
		if full && len(ins) != limit {
			t.Errorf("turn %d takes %d: there were more", turns, len(ins))
		}
		for _, in := range ins {
			r, ok := in.(endedIn)
			if turns > 1 && (!ok || r.host != hostA) {
				t.Errorf("turn %d: %T had to wait", turns, in)
			}
			if ok && r.host == hostA {
				if r.report.OutputSize != last+1 {
					t.Fatalf("%d follows %d", r.report.OutputSize, last)
				}
				last++
			}
		}
	}
	if last != room/hostPart-1 || turns != 2 || b.reports != 0 || len(b.told) != 0 || b.calls != 0 {
		t.Errorf("%d of host A in %d turns; %d %v %d", last+1, turns, b.reports, b.told, b.calls)
	}
}

func TestTimers(t *testing.T) {
	var ts timers
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	key := func(p banto.PartKey) timerKey { return timerKey{part: p} }
	for i, p := range []banto.PartKey{"c", "a", "b", "d"} {
		ts.set(key(p), at(30-10*i))
	}
	ts.set(key("c"), at(15)) // instead of 30
	ts.drop(key("b"))
	ts.drop(key("never set"))
	if next, ok := ts.next(); !ok || !next.Equal(at(0)) {
		t.Errorf("next is %v", next)
	}
	if got := ts.due(at(14), 10); len(got) != 1 || got[0] != key("d") {
		t.Errorf("due at 14: %v", got)
	}
	ts.set(key("e"), at(15))
	if got := ts.due(at(100), 2); len(got) != 2 || got[0] != key("c") || got[1] != key("e") {
		t.Errorf("due at 100: %v", got)
	}
	if got := ts.due(at(100), 2); len(got) != 1 || len(ts.by) != 0 {
		t.Errorf("then: %v", got)
	}
	if _, ok := ts.next(); ok {
		t.Error("there is still one")
	}
}

func TestTheFlowCacheIsBounded(t *testing.T) {
	c := newFlowCache()
	big := &jobnet.Flow{Parts: make([]jobnet.FlowPart, maxCachedParts/2)}
	for _, h := range []string{"a", "b", "a", "c"} {
		c.put(h, big)
	}
	if c.get("b") != nil || c.get("c") == nil || c.order.Len() != 1 || c.parts != len(big.Parts)+1 {
		t.Errorf("%d flows with %d parts are kept", c.order.Len(), c.parts)
	}
}

// What a host confirms is written with the next transaction, not in one of its
// own, and not later than a moment.
func TestConfirmationsTravelWithOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.act = func(func()) {} // the test confirms by hand
		w.field.up(w.link, hostA)
		id := w.submit(flowOf(t, "a/b", "p1", "p2"))
		settled()
		check := func(when string, transactions, orders int) {
			t.Helper()
			entries, err := w.store.Outbox(t.Context())
			if err != nil || len(entries) != orders || w.store.count() != transactions {
				t.Errorf("%s: %d transactions, want %d; %d orders left, want %d; %v", when, w.store.count(), transactions, len(entries), orders, err)
			}
		}
		n := w.store.count()
		check("before", n, 2)
		w.r.Confirmed(hostA, []string{startOrder(banto.NewAttemptID(id, 1))}, 0)
		w.r.Confirmed(hostB, []string{startOrder(banto.NewAttemptID(id, 2))}, 0) // is not that host's
		settled()
		check("at once", n, 2)
		pass(confirmedPause)
		check("in a while", n+1, 1)
		w.r.Confirmed(hostA, []string{startOrder(banto.NewAttemptID(id, 2))}, 0)
		w.r.HostEnded(hostA, []engine.Ended{{Attempt: banto.NewAttemptID(id, 2), At: time.Now(), Exit: new(int)}})
		settled()
		check("with a result", n+2, 0)
	})
}

// A part that ends before it could start gives its place back.
func TestAPlaceThatNothingCameOf(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.hosts[hostA].slots = 1
		w.field.up(w.link, hostA)
		f := compiled(t, &jobnet.Jobnet{Path: "a/b", Parts: []jobnet.Part{
			{Name: "p0", Kind: jobnet.KindJob, Script: "p0", Sets: []jobnet.Set{{Name: "n", Type: jobnet.Integer}}},
			{Name: "p1", Kind: jobnet.KindRun, Args: []string{"echo", "${p0.n}"}, After: []jobnet.After{{Part: "p0", Outlet: jobnet.OutletDone}}},
			{Name: "p2", Kind: jobnet.KindJob, Script: "p2", After: []jobnet.After{{Part: "p1", Outlet: jobnet.OutletEnded}}},
		}})
		id := w.submit(f)
		settled()
		w.wantStates(id, banto.TrackerError, "p0=ok p1=error(expression) p2=ok")
		if got := w.r.Hosts(t.Context())[hostA]; got.Running != 0 || got.Waiting != 0 {
			t.Errorf("%+v", got)
		}
		w.field.result = func(banto.Spec) *engine.Ended { return nil }
		w.submit(flowOf(t, "a/c", "q1", "q2"))
		settled()
		if got := w.r.Hosts(t.Context())[hostA]; got.Running != 1 || got.Waiting != 1 {
			t.Errorf("%+v", got)
		}
	})
}
