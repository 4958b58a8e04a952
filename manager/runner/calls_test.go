package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// failsWith makes attempts of a part end with an exit code, others well.
func failsWith(part banto.PartKey, code int) func(banto.Spec) *engine.Ended {
	return func(s banto.Spec) *engine.Ended {
		if s.Part == part {
			return &engine.Ended{Exit: &code}
		}
		return succeed(s)
	}
}

// held closes the store's door: what is queued before open is one batch.
func (w *world) held() (open func()) {
	gate, inside := make(chan struct{}), make(chan struct{}, 1)
	w.store.set(func(int) error {
		select {
		case inside <- struct{}{}:
		default:
		}
		<-gate
		return nil
	}, nil, nil)
	go func() { _, _, _ = w.r.Submit(context.Background(), submission(flowOf(w.t, "the/door", "x"), "")) }()
	<-inside
	return func() {
		w.store.set(nil, nil, nil)
		close(gate)
	}
}

// submittedAnswer is the answer to a Submit.
type submittedAnswer struct {
	row    banto.Tracker
	exists bool
	err    error
}

// submitAll submits all of it before the first is taken.
func (w *world) submitAll(subs ...Submit) []submittedAnswer {
	open := w.held()
	out := make([]submittedAnswer, len(subs))
	var all sync.WaitGroup
	for i, s := range subs {
		all.Go(func() {
			a := &out[i]
			a.row, a.exists, a.err = w.r.Submit(context.Background(), s)
		})
		settled()
	}
	before := w.store.count()
	open()
	all.Wait()
	if n := w.store.count() - before; n > 2 && out[0].err == nil && len(subs) > 2 {
		w.t.Logf("%d submissions took %d transactions", len(subs), n)
	}
	return out
}

func TestAKeyMakesOneTracker(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		f := flowOf(t, "a/b", "p1")
		other := submission(f, "key-1")
		other.RequestHash = "another"
		stranger := submission(f, "key-1")
		stranger.By.Name = "jiro"
		got := w.submitAll(submission(f, "key-1"), submission(f, "key-1"), other, stranger)
		if got[0].err != nil || got[0].exists {
			t.Fatalf("the first: %+v", got[0])
		}
		if got[1].err != nil || !got[1].exists || got[1].row.ID != got[0].row.ID {
			t.Errorf("the same in one batch: %+v", got[1])
		}
		if banto.KindOf(got[2].err) != banto.KindConflict {
			t.Errorf("another request with the key: %+v", got[2])
		}
		if got[3].err != nil || got[3].exists || got[3].row.ID == got[0].row.ID {
			t.Errorf("the same key of another principal: %+v", got[3])
		}
		w.same()

		row, exists, err := w.r.Submit(t.Context(), submission(f, "key-1"))
		if err != nil || !exists || row.ID != got[0].row.ID {
			t.Errorf("later: %v %v %v", row.ID, exists, err)
		}
		w.field.up(w.link, hostA)
		settled()
		w.end()
		w.run()
		row, exists, err = w.r.Submit(t.Context(), submission(f, "key-1"))
		if err != nil || !exists || row.ID != got[0].row.ID || row.State != banto.TrackerOK {
			t.Errorf("after its end and a restart: %v %v %v %v", row.ID, row.State, exists, err)
		}
	})
}

func TestAnIDIsNotUsedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		first := w.submit(flowOf(t, "a/b", "p1"))
		settled()
		w.ids.n = 0 // as if chance gave the same again
		if second := w.submit(flowOf(t, "a/b", "p1")); second == first {
			t.Fatalf("%s was given twice", first)
		}
	})
}

func TestCancelAndRerun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.running("p1", "p2 < p1")
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		if _, err := w.r.Rerun(ctx, operator, id, engine.Rerun{}, nil); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("rerun while it runs: %v", err)
		}
		row, err := w.r.Cancel(ctx, operator, id, "wrong day")
		if err != nil || !row.Cancelling {
			t.Fatalf("cancel: %+v %v", row, err)
		}
		settled()
		w.wantStates(id, banto.TrackerCancelled, "p1=cancelled(killed) p2=cancelled")
		if _, err := w.r.Cancel(ctx, operator, id, ""); banto.KindOf(err) != banto.KindConflict {
			t.Errorf("cancel after the end: %v", err)
		}
		w.field.result = succeed
		if row, err = w.r.Rerun(ctx, operator, id, engine.Rerun{Reason: "right day"}, nil); err != nil || row.Rerun != 1 {
			t.Fatalf("rerun: %+v %v", row, err)
		}
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok")
		w.same()

		audit, err := w.store.ListAudit(ctx, string(id), 0, 10)
		var got []string
		for _, a := range audit {
			got = append(got, a.Action+" "+a.Outcome)
		}
		want := []string{"tracker.rerun done", "tracker.cancel done", "tracker.submit done"} // whoever asks notes refusals
		if err != nil || !equal(got, want) {
			t.Errorf("audit: %v %v", got, err)
		}
		for _, missing := range []banto.TrackerID{"20261121-zzzzzzz", "nonsense", ""} {
			if _, err := w.r.Cancel(ctx, operator, missing, ""); banto.KindOf(err) != banto.KindNotFound {
				t.Errorf("cancel %q: %v", missing, err)
			}
			if _, err := w.r.Rerun(ctx, operator, missing, engine.Rerun{}, nil); banto.KindOf(err) != banto.KindNotFound {
				t.Errorf("rerun %q: %v", missing, err)
			}
		}
	})
}

func TestRerunWithAFixOfTheDefinition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.field.result = failsWith("p2", 3)
		w.field.up(w.link, hostA)
		id := w.submit(flowOf(t, "a/b", "p1", "p2 < p1", "p3 < p2"))
		settled()
		w.wantStates(id, banto.TrackerError, "p1=ok p2=error(exit) p3=unreached")

		fixed := flowOf(t, "a/b", "p1", "p2 < p1", "extra < p2", "p3 < extra")
		body := fixed.Encode()
		w.field.result = runsOn
		_, err := w.r.Rerun(t.Context(), operator, id, engine.Rerun{Flow: fixed, FlowHash: jobnet.Hash(body), Version: 2}, body)
		if err != nil {
			t.Fatal(err)
		}
		settled()
		w.end() // the new flow must be in the store
		w.run()
		defer w.close()
		w.field.up(w.link, hostA)
		w.field.result = succeed
		w.field.end(hostA, "p2", engine.Ended{Exit: new(int)})
		settled()
		w.wantStates(id, banto.TrackerOK, "extra=ok p1=ok p2=ok p3=ok")
		if row := w.tracker(id); row.Version != 2 || w.field.starts("p1") != 1 || w.field.starts("p2") != 2 {
			t.Errorf("version %d, p1 %d times, p2 %d times", row.Version, w.field.starts("p1"), w.field.starts("p2"))
		}
		w.same()
	})
}

func TestPlainTextOnly(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := submission(flowOf(t, "a/b", "p1"), "")
		s.Submission.Reason = "a\x00b"
		if _, _, err := w.r.Submit(t.Context(), s); banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("a reason with a NUL: %v", err)
		}
		id := w.submit(flowOf(t, "a/b", "p1"))
		if _, err := w.r.Cancel(t.Context(), operator, id, "\xff"); banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("a reason that is not UTF-8: %v", err)
		}
	})
}

func TestOneThatCannotBeStoredIsRefusedAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		bad := flowOf(t, "a/bad", "p1")
		bad.Title = "夜\x00間"
		good := flowOf(t, "a/b", "p1")
		got := w.submitAll(submission(good, "k1"), submission(bad, "k2"), submission(good, "k3"))
		if got[0].err != nil || got[2].err != nil {
			t.Errorf("the others: %v, %v", got[0].err, got[2].err)
		}
		if !errors.Is(got[1].err, store.ErrPoison) || banto.KindOf(got[1].err) != banto.KindInvalid {
			t.Errorf("the one: %v", got[1].err)
		}
		settled()
		w.wantStates(got[0].row.ID, banto.TrackerOK, "p1=ok")
		w.wantStates(got[2].row.ID, banto.TrackerOK, "p1=ok")
		w.same()
	})
}

func TestTooManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(func(o *Options) { o.MaxCalls = 8 })
		defer w.close()
		var subs []Submit
		for range 5 { // one jobnet has two of the eight
			subs = append(subs, submission(flowOf(t, "a/flood", "p1"), ""))
		}
		for i := range 6 { // and all together six
			subs = append(subs, submission(flowOf(t, fmt.Sprint("a/other", i), "p1"), ""))
		}
		var got []string
		for _, g := range w.submitAll(subs...) {
			got = append(got, "taken")
			if g.err != nil {
				got[len(got)-1] = string(banto.KindOf(g.err))
			}
			var e *banto.ErrorInfo
			if errors.As(g.err, &e) && e.RetryAfterMS != 1000 {
				t.Errorf("to be tried again after %d ms: %v", e.RetryAfterMS, e)
			}
		}
		want := "taken taken too-many too-many too-many taken taken taken taken too-many too-many"
		if strings.Join(got, " ") != want {
			t.Errorf("got %s, want %s", got, want)
		}
		w.submit(flowOf(t, "a/flood", "p1")) // what was taken has given its room back
	})
}

func TestACallerWhoWaitsIsAnsweredAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		open := w.held()
		answers := make(chan error, 3)
		f := flowOf(t, "a/b", "p1")
		go func() {
			_, _, err := w.r.Submit(context.Background(), submission(f, ""))
			answers <- err
		}()
		go func() {
			_, err := w.r.Cancel(context.Background(), operator, trackerID(1), "")
			answers <- err
		}()
		go func() { w.r.WaitsFor(context.Background(), trackerID(1)); answers <- nil }()
		settled()
		w.stop()
		settled()
		open()
		for range 3 {
			if err := <-answers; err != nil && banto.KindOf(err) != banto.KindUnavailable {
				t.Error(err)
			}
		}
		if err := <-w.done; err != nil {
			t.Error(err)
		}
		w.tracker(trackerID(1)) // the transaction at hand was finished
		if _, _, err := w.r.Submit(context.Background(), submission(f, "")); banto.KindOf(err) != banto.KindUnavailable {
			t.Errorf("after the end: %v", err)
		}
		if got := w.r.Hosts(context.Background()); got != nil {
			t.Errorf("hosts after the end: %v", got)
		}
		w.r.HostEnded(hostA, []engine.Ended{{}}) // is dropped
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestACallerWhoGivesUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		open := w.held()
		ctx, stop := context.WithCancel(context.Background())
		answers := make(chan error, 1)
		go func() {
			_, _, err := w.r.Submit(ctx, submission(flowOf(t, "a/b", "p1"), "k"))
			answers <- err
		}()
		settled()
		stop()
		if err := <-answers; banto.KindOf(err) != banto.KindUnavailable || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		open()
		settled()
		if _, exists, err := w.r.Submit(context.Background(), submission(flowOf(t, "a/b", "p1"), "k")); err != nil || !exists {
			t.Errorf("the same key again: %v %v", exists, err)
		}
	})
}

func TestWatch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.result = runsOn
		w.field.up(w.link, hostA)
		id := w.submit(flowOf(t, "a/b", "p1"))
		other := w.submit(flowOf(t, "a/c", "p2"))
		settled()
		changed, stop := w.r.Watch(id)
		quiet, stopOther := w.r.Watch(other)
		defer stopOther()
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		<-changed
		w.wantStates(id, banto.TrackerOK, "p1=ok")
		settled()
		select {
		case <-quiet:
			t.Error("a tracker that did not change was signalled")
		default:
		}
		stop()
		stop()
		if n := len(w.r.watches.byID); n != 1 {
			t.Errorf("%d trackers are watched", n)
		}
	})
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
