package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// again checks that an error is KindTooMany, and when it says to try again.
func again(t *testing.T, err error, text string, after time.Duration) {
	t.Helper()
	refused(t, err, banto.KindTooMany, text)
	var e *banto.ErrorInfo
	if errors.As(err, &e) && e.RetryAfterMS != after.Milliseconds() {
		t.Errorf("to be tried again after %d ms, want %s", e.RetryAfterMS, after)
	}
}

func TestOneJobnetHasSoManyTrackers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		limit := func(o *Options) { o.Limits.PerJobnet = 3 }
		w.run(limit)
		defer func() { w.close() }()
		w.field.result = runsOn
		w.field.up(w.link, hostA)
		f := flowOf(t, "a/b", "p1")
		first, _, err := w.r.Submit(t.Context(), submission(f, "k"))
		if err != nil {
			t.Fatal(err)
		}
		w.submit(f)
		w.submit(f)
		try := func(who string) {
			t.Helper()
			_, _, err := w.r.Submit(t.Context(), submission(f, ""))
			again(t, err, "3 of its trackers have not ended, and one jobnet may have 3", openWait)
			if row, exists, err := w.r.Submit(t.Context(), submission(f, "k")); err != nil || !exists || row.ID != first.ID {
				t.Errorf("%s: the same key again: %v %v", who, exists, err)
			}
			settled()
		}
		try("the first manager")
		w.submit(flowOf(t, "a/other", "p1"))
		w.end()
		w.begin()
		w.run(limit)
		try("the next manager")
		w.field.up(w.link, hostA)
		settled()
		w.field.mu.Lock()
		a := w.field.hosts[hostA]
		a.finish(banto.NewAttemptID(first.ID, 1), engine.Ended{StartedAt: new(a.now()), Exit: new(int)})
		w.field.mu.Unlock()
		settled()
		w.submit(f)
		try("once one had ended")
		// One that has ended counts again when it is run again.
		if _, err := w.r.Rerun(t.Context(), operator, first.ID, engine.Rerun{From: []banto.PartKey{"p1"}}, nil); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.r.Submit(t.Context(), submission(f, ""))
		again(t, err, "4 of its trackers have not ended", openWait)
		w.same()
	})
}

func TestOneJobnetHasAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(func(o *Options) { o.Limits.Rate, o.Limits.Burst = 0.5, 3 })
		defer w.close()
		f := flowOf(t, "a/b", "p1")
		w.store.set(once(errDisk), nil, nil) // what is tried twice counts once
		for range 3 {
			w.submit(f)
		}
		_, _, err := w.r.Submit(t.Context(), submission(f, ""))
		again(t, err, "one jobnet may have 3 submissions at once and 0.5 a second", 2*time.Second)
		w.submit(flowOf(t, "a/other", "p1"))
		pass(2 * time.Second)
		w.submit(f)
		_, _, err = w.r.Submit(t.Context(), submission(f, ""))
		again(t, err, "too fast", 2*time.Second)
		pass(time.Hour)
		for range 3 {
			w.submit(f)
		}
		_, _, err = w.r.Submit(t.Context(), submission(f, ""))
		again(t, err, "too fast", 2*time.Second)
	})
}

func TestPacesAreForgotten(t *testing.T) {
	p := newPace(Limits{Rate: 1, Burst: 2})
	for i := range maxBuckets {
		p.take(fmt.Sprint("j", i), 0)
	}
	p.take("slow", 0)
	p.take("slow", 0)
	if _, ok := p.take("slow", 0); ok || len(p.buckets) != maxBuckets+1 {
		t.Errorf("%v, %d are remembered", ok, len(p.buckets))
	}
	p.take("another", time.Second)
	if _, there := p.buckets["slow"]; !there || len(p.buckets) != 2 {
		t.Errorf("%d are remembered", len(p.buckets))
	}
	none := newPace(Limits{Rate: -1})
	if _, ok := none.take("j", 0); !ok {
		t.Error("without a limit it is refused")
	}
}

// One jobnet is submitted twenty thousand times at once; what others submit is
// answered within a few transactions, whether the flood is let in or refused.
func TestAFloodOfOneJobnet(t *testing.T) {
	for name, c := range map[string]struct {
		limits       Limits
		floods, each int // so many at once, so many in a row
	}{
		"let in": {Limits{PerJobnet: -1, Rate: -1, Burst: -1}, 1500, 2}, "refused": {Limits{Burst: 200}, 500, 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.run(func(o *Options) { o.Limits = c.limits })
				defer w.close()
				flood, calm := submission(flowOf(t, "a/flood", "p1"), ""), flowOf(t, "b/calm", "p1")
				var all sync.WaitGroup
				var mu sync.Mutex
				kinds := make(map[banto.Kind]int)
				for range c.floods {
					all.Go(func() {
						for range c.each {
							_, _, err := w.r.Submit(context.Background(), flood)
							mu.Lock()
							if err == nil {
								kinds["taken"]++
							} else {
								kinds[banto.KindOf(err)]++
							}
							mu.Unlock()
						}
					})
				}
				for i := range 20 {
					before := w.store.count()
					w.submit(calm)
					if n := w.store.count() - before; n > 8 {
						t.Errorf("submission %d was answered after %d transactions", i, n)
					}
				}
				all.Wait()
				if kinds["taken"]+kinds[banto.KindTooMany] != c.floods*c.each || c.limits.Burst > 0 && kinds["taken"] > c.limits.Burst {
					t.Errorf("the flood: %v", kinds)
				}
			})
		})
	}
}

// wantHealth checks what Health says.
func (w *world) wantHealth(text string) {
	w.t.Helper()
	err := w.r.Health(context.Background())
	if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
		w.t.Errorf("health is %v, want %q", err, text)
	}
}

// A store that is full for a while: what is asked for is refused with the
// reason and not tried each time, results stay with their hosts, and when there
// is room again it goes on by itself.
func TestAStoreThatIsFull(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2 < p1")
		w.wantHealth("")
		w.store.set(always(store.ErrFull), nil, nil)
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		settled()
		w.wantHealth("its store cannot be used since 2000-01-01T00:00:00Z: store: no room is left (make room")
		pass(time.Minute)
		before := w.store.count()
		for range 100 {
			_, _, err := w.r.Submit(t.Context(), submission(flowOf(t, "a/c", "p3"), ""))
			refused(t, err, banto.KindUnavailable, "no room is left")
		}
		if n := w.store.count() - before; n > 2 {
			t.Errorf("it was tried %d times", n)
		}
		w.wantHealth("since 2000-01-01T00:00:00Z")
		w.wantStates(id, banto.TrackerRunning, "p1=running")

		w.store.set(nil, nil, nil)
		pass(longPause) // nobody asks for anything
		w.wantHealth("")
		w.submit(flowOf(t, "a/c", "p3"))
		w.field.mu.Lock()
		w.field.hosts[hostA].tellEnded(w.link)
		w.field.mu.Unlock()
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=ok p2=running")
		w.same()
	})
}

func TestHealthOfOneThatBeginsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.prepare()
		w.wantHealth("it reads its trackers from the store")
		w.start()
		w.wantHealth("")
		w.close()
		w.wantHealth("the manager is stopping")
	})
}

// An earlier transaction was written without an answer, and the store says so
// with the next one: memory is made anew, and nobody hears of it.
func TestWhatWasWrittenWithoutAnAnswer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2 < p1")
		for _, times := range []int{1, 2, uncertain} {
			for _, key := range []string{"", fmt.Sprint("k", times)} {
				var n atomic.Int64
				w.store.set(func(int) error {
					if n.Add(1) <= int64(times) {
						return fmt.Errorf("cannot commit: %w", store.ErrUncertain)
					}
					return nil
				}, nil, nil)
				if _, exists, err := w.r.Submit(t.Context(), submission(flowOf(t, "a/c", "p3@db01"), key)); err != nil || exists || n.Load() < int64(times) {
					t.Errorf("%d times, after %d: %v %v", times, n.Load(), exists, err)
				}
				settled()
				w.wantHealth("")
			}
			w.same()
		}
		w.store.set(once(store.ErrUncertain), nil, nil)
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=ok p2=running")
		rows, err := w.store.ListTrackers(t.Context(), store.TrackerQuery{})
		if err != nil || len(rows) != 7 {
			t.Errorf("%d trackers, %v", len(rows), err)
		}

		// The commit was written and its answer lost, and the store says so only
		// when it is asked for the next.
		late, lose := false, once(errDisk)
		w.store.set(func(int) error {
			if late {
				late = false
				return store.ErrUncertain
			}
			return nil
		}, func(n int) error {
			err := lose(n)
			late = late || err != nil
			return err
		}, nil)
		if _, exists, err := w.r.Submit(t.Context(), submission(flowOf(t, "a/e", "p5@db01"), "late")); err != nil || exists {
			t.Errorf("late: %v %v", exists, err)
		}
		w.same()
		if w.store.plain > 0 {
			t.Errorf("the store takes %d writes for those of one who remembers nothing", w.store.plain)
		}
	})
}
