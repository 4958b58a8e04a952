package runner

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// always gives the same error for every write.
func always(err error) func(int) error { return func(int) error { return err } }

// once gives an error for the next write only.
func once(err error) func(int) error {
	done := false
	return func(int) error {
		if done {
			return nil
		}
		done = true
		return err
	}
}

func TestAStoreThatFailsForAWhile(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.field.result = runsOn
		w.field.up(w.link, hostA)
		f := flowOf(t, "a/b", "p1", "p2 < p1")
		id := w.submit(f)
		settled()

		w.store.set(always(store.ErrFull), nil, nil)
		_, _, err := w.r.Submit(t.Context(), submission(f, "k"))
		if banto.KindOf(err) != banto.KindUnavailable || !errors.Is(err, store.ErrFull) {
			t.Errorf("submit: %v", err)
		}
		if _, err := w.r.Cancel(t.Context(), operator, id, ""); banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("cancel: %v", err)
		}
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		w.field.up(w.link, hostB)
		pass(3 * time.Minute)
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		for a, c := range w.field.hosts[hostA].claims {
			if c.acked {
				t.Errorf("the result of %s was acknowledged, and is not in the store", a)
			}
		}
		if n := w.store.count(); n > 500 {
			t.Errorf("%d transactions were tried in three minutes", n)
		}

		w.store.set(nil, nil, nil)
		pass(longPause)
		if h := w.host(hostB); h.State != banto.HostConnected {
			t.Errorf("the host that came meanwhile is %s", h.State)
		}
		w.same()
		w.field.mu.Lock()
		w.field.hosts[hostA].tellEnded(w.link) // the host repeats it
		w.field.mu.Unlock()
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=ok p2=running")
		if _, exists, err := w.r.Submit(t.Context(), submission(f, "k")); err != nil || exists {
			t.Errorf("submit after all: %v %v", exists, err)
		}
		w.same()
	})
}

func TestAHostThatWentWhileTheStoreFailed(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.store.set(always(errDisk), nil, nil)
		for range 3 {
			w.field.up(w.link, hostA)
			w.field.down(hostA, "flapping")
			settled()
		}
		w.store.set(nil, nil, nil)
		pass(longPause)
		if h := w.host(hostA); h.State != banto.HostLost || h.Why != "flapping" {
			t.Errorf("%+v", h)
		}
		if _, up := w.r.sessions[hostA]; up {
			t.Error("a session is left over")
		}
		w.same()
	})
}

// A commit whose answer was lost: all of it is there, and nothing happens twice.
func TestAnAnswerThatWasLost(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		f := flowOf(t, "a/b", "p1", "p2 < p1")

		w.store.set(nil, once(errDisk), nil)
		id := w.submit(f)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok")
		if rows, err := w.store.ListTrackers(t.Context(), store.TrackerQuery{Limit: 10}); err != nil || len(rows) != 1 {
			t.Errorf("%d trackers, %v", len(rows), err)
		}

		w.store.set(nil, once(errDisk), nil)
		row, exists, err := w.r.Submit(t.Context(), submission(f, "k"))
		if err != nil {
			t.Errorf("with a key: %v %v", exists, err)
		}
		if again, _, err := w.r.Submit(t.Context(), submission(f, "k")); err != nil || again.ID != row.ID {
			t.Errorf("with a key, again: %v %v", again.ID, err)
		}

		w.field.result = failsWith("p2", 1)
		failed := w.submit(f)
		settled()
		w.store.set(nil, once(errDisk), nil)
		if row, err := w.r.Rerun(t.Context(), operator, failed, engine.Rerun{}, nil); err != nil || row.Rerun != 1 {
			t.Errorf("rerun: %d %v", row.Rerun, err)
		}
		settled()
		if n := w.tracker(failed); n.Rerun != 1 || n.Attempts != 3 {
			t.Errorf("rerun %d times, %d attempts", n.Rerun, n.Attempts)
		}
		w.same()
	})
}

func TestADeposedManagerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.store.set(always(store.ErrDeposed), nil, nil)
		_, _, err := w.r.Submit(context.Background(), submission(flowOf(t, "a/b", "p1"), ""))
		if banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("the caller is told %v", err)
		}
		if err := <-w.done; !errors.Is(err, store.ErrDeposed) {
			t.Errorf("the loop ended with %v", err)
		}
		w.stop()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// poisoned refuses rows that hold a word.
func poisoned(word string) func(any) error {
	return func(row any) error {
		bad := false
		switch row := row.(type) {
		case banto.Attempt:
			bad = strings.Contains(row.Message, word)
		case store.OutboxEntry:
			bad = strings.Contains(string(row.Payload), word)
		}
		if bad {
			return store.ErrPoison
		}
		return nil
	}
}

func TestAResultThatCannotBeStored(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2", "p3")
		w.store.set(nil, nil, poisoned("venom"))
		var reports []engine.Ended
		w.field.mu.Lock()
		for _, a := range w.field.hosts[hostA].claimed {
			e := engine.Ended{Attempt: a, At: time.Now(), StartedAt: new(time.Now()), Exit: new(int), OutputSize: 5}
			if w.field.hosts[hostA].claims[a].spec.Part == "p2" {
				e.Message = "venom"
			}
			reports = append(reports, e)
		}
		w.field.mu.Unlock()
		w.r.HostEnded(hostA, reports)
		settled()
		w.wantStates(id, banto.TrackerError, "p1=ok p2=error(variables) p3=ok")
		for a, c := range w.field.hosts[hostA].claims {
			if !c.acked {
				t.Errorf("the result of %s is not acknowledged", a)
			}
		}
		w.same()
	})
}

func TestAStartThatCannotBeStored(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.store.set(nil, nil, poisoned("venom"))
		w.field.result = runsOn
		w.field.up(w.link, hostA)
		one := w.submit(flowOf(t, "a/b", "p1", "p2 < p1"))
		f := flowOf(t, "a/c", "p3", "p4")
		f.Parts[1].Script = "echo venom"
		two := w.submit(f)
		settled()
		w.wantStates(one, banto.TrackerRunning, "p1=running")
		w.wantStates(two, banto.TrackerRunning, "p3=running p4=error(not-started)")
		w.field.result = succeed
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		w.field.end(hostA, "p3", engine.Ended{Exit: new(int)})
		settled()
		w.wantStates(one, banto.TrackerOK, "p1=ok p2=ok")
		w.wantStates(two, banto.TrackerError, "p3=ok p4=error(not-started)")
		w.same()
	})
}

// A result that fails for a cause that the store does not call poison is tried
// for a while, and then given up, but never while all fails.
func TestAResultThatAlwaysFails(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		repeat := func() {
			w.field.mu.Lock()
			w.field.hosts[hostA].tellEnded(w.link)
			w.field.mu.Unlock()
			pass(20 * time.Second)
		}
		w.store.set(always(errDisk), nil, nil)
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int), Message: "strange"})
		for range 10 {
			repeat()
		}
		w.wantStates(id, banto.TrackerRunning, "p1=running")

		w.store.set(nil, nil, func(row any) error {
			if a, ok := row.(banto.Attempt); ok && strings.Contains(a.Message, "strange") {
				return errDisk
			}
			return nil
		})
		pass(longPause)
		for range 10 {
			w.submit(flowOf(t, "a/other", "q1@db01"))
			repeat()
		}
		w.wantStates(id, banto.TrackerError, "p1=error(variables)")
		w.same()
	})
}

func TestATrackerThatCannotBeBroughtBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.field.result = runsOn
		w.field.up(w.link, hostA)
		good, bad := w.submit(flowOf(t, "a/b", "p1")), w.submit(flowOf(t, "a/c", "p2"))
		settled()
		w.end()
		row := w.tracker(bad)
		damaged := []byte("{damaged")
		row.Flow = jobnet.Hash(damaged)
		err := w.store.Write(context.Background(), func(tx store.Tx) error {
			return errors.Join(tx.PutFlow(row.Flow, damaged), tx.PutTracker(row))
		})
		if err != nil {
			t.Fatal(err)
		}
		w.run()
		defer w.close()
		w.field.up(w.link, hostA)
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		w.field.end(hostA, "p2", engine.Ended{Exit: new(int)})
		settled()
		w.wantStates(good, banto.TrackerOK, "p1=ok")
		w.wantStates(bad, banto.TrackerRunning, "p2=running")
		if got := w.waits(bad); !strings.Contains(got, "cannot be brought back") {
			t.Errorf("it waits for %q", got)
		}
		for _, c := range w.field.hosts[hostA].claims {
			if c.acked != (c.spec.Part == "p1") {
				t.Errorf("%s acknowledged: %v", c.spec.Part, c.acked)
			}
		}
		if _, err := w.r.Cancel(context.Background(), operator, bad, ""); banto.KindOf(err) != banto.KindInternal {
			t.Errorf("cancel: %v", err)
		}
	})
}
