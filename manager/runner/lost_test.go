package runner

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// clocks is a wall clock that a test sets, beside one that nobody can.
type clocks struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clocks) jump(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += by
}

// now has no monotonic reading, as a clock of a simulation.
func (c *clocks) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.off)
}

// lostFlow is one job on the hosts with a label, with a rule for its loss.
func lostFlow(t testing.TB, rule jobnet.OnLost, after time.Duration) *jobnet.Flow {
	t.Helper()
	return compiled(t, &jobnet.Jobnet{Path: "a/lost", Parts: []jobnet.Part{{
		Name: "p1", Kind: jobnet.KindJob, Script: "p1", HostLabels: []jobnet.Label{{Name: "role", Value: "db"}},
		OnLost: rule, LostAfter: after,
	}}})
}

// inPair plays a test in a world with two hosts of role=db whose keepers have a
// dead-man's limit.
func inPair(t *testing.T, play func(t *testing.T, w *world, c *clocks)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t), &clocks{}
		w.run(func(o *Options) { o.Now = c.now })
		defer w.close()
		for _, name := range []string{"local", "db01"} {
			role := "db"
			if _, err := w.r.ChangeHost(t.Context(), operator, name, banto.HostChange{Labels: map[string]*string{"role": &role}}); err != nil {
				t.Fatal(err)
			}
		}
		w.field.result = runsOn
		w.pair()
		play(t, w, c)
	})
}

func (w *world) pair() {
	for _, id := range []banto.HostID{hostA, hostB} {
		w.field.hosts[id].deadMan = true
		w.field.up(w.link, id)
	}
	settled()
}

// where gives the host of a part's last attempt that has not ended there.
func (w *world) where(part banto.PartKey) banto.HostID {
	w.t.Helper()
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	last, on := 0, banto.HostID("")
	for id, h := range w.field.hosts {
		for a, c := range h.claims {
			if _, seq, err := a.Split(); err == nil && c.spec.Part == part && c.end == nil && seq > last {
				last, on = seq, id
			}
		}
	}
	if on == "" {
		w.t.Fatalf("%s runs nowhere", part)
	}
	return on
}

// cut cuts a host off that had contact last at that time.
func (w *world) cut(id banto.HostID, at, contact time.Time) {
	w.field.mu.Lock()
	w.field.hosts[id].link = nil
	w.field.mu.Unlock()
	w.r.HostDown(id, "no beat", at, contact)
	settled()
}

// limitOf is how long after the contact on-lost acts.
func limitOf(after time.Duration) time.Duration {
	return banto.DeadBy(time.Time{}, after).Sub(time.Time{})
}

func TestALostAttemptRunsElsewhereOnceItsKeeperMustHaveEndedIt(t *testing.T) {
	inPair(t, func(t *testing.T, w *world, c *clocks) {
		id := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
		settled()
		first := w.where("p1")
		if spec := w.field.hosts[first].claims[banto.NewAttemptID(id, 1)].spec; spec.DeadManMS != 60_000 {
			t.Errorf("sent with a limit of %d ms", spec.DeadManMS)
		}
		pass(time.Hour)
		contact := time.Now()
		pass(10 * time.Second)
		w.cut(first, time.Now(), contact)
		w.wantStates(id, banto.TrackerRunning, "p1=lost")
		a, err := w.store.Attempt(t.Context(), banto.NewAttemptID(id, 1))
		if err != nil || a.DeadBy == nil || !a.DeadBy.Equal(contact.Add(limitOf(time.Minute))) {
			t.Fatalf("%+v %v", a, err)
		}
		w.same()
		// Without a monotonic clock nobody knows for sure that it was silent before.
		pass(limitOf(time.Minute) - confirmedPause - time.Millisecond)
		w.wantStates(id, banto.TrackerRunning, "p1=lost")
		pass(time.Millisecond)
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		if n := w.field.starts("p1"); n != 2 {
			t.Errorf("started %d times", n)
		}
		w.same()

		// The host comes back: its process is killed, and what it says of it is
		// acknowledged and means nothing.
		w.field.up(w.link, first)
		settled()
		old := w.field.hosts[first].claims[banto.NewAttemptID(id, 1)]
		if old.end == nil || old.end.Reason != banto.ReasonKilled || !old.acked {
			t.Errorf("the attempt that was given up: %+v", old)
		}
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		w.same()
	})
}

func TestAHostThatComesBackInTime(t *testing.T) {
	inPair(t, func(t *testing.T, w *world, c *clocks) {
		id := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
		settled()
		first := w.where("p1")
		w.cut(first, time.Now(), time.Now())
		pass(limitOf(time.Minute) - time.Second)
		w.field.up(w.link, first)
		pass(time.Hour)
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		if n := w.field.starts("p1"); n != 1 {
			t.Errorf("started %d times", n)
		}
		w.same()
	})
}

// A host that is connected has contact, also when what it has to say of a lost
// attempt is still on its way.
func TestALostAttemptOnAHostThatIsBack(t *testing.T) {
	inPair(t, func(t *testing.T, w *world, c *clocks) {
		id := w.submit(lostFlow(t, jobnet.LostFail, time.Minute))
		settled()
		first := w.where("p1")
		w.cut(first, time.Now(), time.Now())
		w.field.mu.Lock()
		w.field.hosts[first].claims[banto.NewAttemptID(id, 1)].acked = true // it will not be told again by itself
		w.field.hosts[first].mute = true
		w.field.mu.Unlock()
		w.field.hosts[first].claims[banto.NewAttemptID(id, 1)].end = &engine.Ended{Attempt: banto.NewAttemptID(id, 1), StartedAt: new(time.Now()), Exit: new(int), At: time.Now()}
		w.field.up(w.link, first)
		pass(time.Hour)
		w.wantStates(id, banto.TrackerRunning, "p1=lost")
		w.field.mu.Lock()
		w.field.hosts[first].claims[banto.NewAttemptID(id, 1)].acked = false
		w.field.hosts[first].tellEnded(w.link)
		w.field.mu.Unlock()
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok")
		w.same()
	})
}

func TestAClockThatJumpsLetsOnLostNotActEarly(t *testing.T) {
	for name, by := range map[string]time.Duration{"an hour forward": time.Hour, "an hour backward": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			inPair(t, func(t *testing.T, w *world, c *clocks) {
				id := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
				settled()
				first := w.where("p1")
				w.cut(first, c.now(), c.now())
				pass(10 * time.Second)
				c.jump(by)
				pass(limitOf(time.Minute) - 10*time.Second - time.Millisecond)
				w.wantStates(id, banto.TrackerRunning, "p1=lost")
				if by > 0 {
					pass(longestNap) // a sleep that had begun before the jump
				} else {
					pass(-by + longestNap) // it only comes later
				}
				w.wantStates(id, banto.TrackerRunning, "p1=running")
				if n := w.field.starts("p1"); n != 2 {
					t.Errorf("started %d times", n)
				}
			})
		})
	}
	t.Run("between the contact and the loss", func(t *testing.T) {
		inPair(t, func(t *testing.T, w *world, c *clocks) {
			id := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
			settled()
			first, contact := w.where("p1"), c.now()
			pass(10 * time.Second)
			c.jump(time.Hour)
			w.cut(first, c.now(), contact)
			pass(limitOf(time.Minute) - time.Millisecond) // nobody knows that ten seconds had passed before
			w.wantStates(id, banto.TrackerRunning, "p1=lost")
			pass(longestNap)
			w.wantStates(id, banto.TrackerRunning, "p1=running")
		})
	})
}

func TestTheLastContact(t *testing.T) {
	now := time.Now() // with a monotonic reading
	r := New(Options{Clock: func() time.Duration { return time.Hour }})
	ago := now.Add(-10 * time.Second)
	for name, c := range map[string]struct {
		at, contact, want time.Time
		silent            time.Duration
	}{
		"known for sure":         {now, ago, ago, time.Hour - 10*time.Second},
		"by the wall alone":      {now.Round(0), ago.Round(0), ago, time.Hour},
		"after the loss":         {now, now.Add(time.Minute), now, time.Hour},
		"never":                  {now, time.Time{}, now, time.Hour},
		"one reading of the two": {now, ago.Round(0), ago, time.Hour},
	} {
		if at, silent := r.lastContact(c.at, c.contact); !at.Equal(c.want) || silent != c.silent {
			t.Errorf("%s: %s and %s, want %s and %s", name, at, silent, c.want, c.silent)
		}
	}
}

// A start that nobody has confirmed: the host hangs, and does not come back.
func TestAStartThatNobodyConfirmed(t *testing.T) {
	inPair(t, func(t *testing.T, w *world, c *clocks) {
		var asleep []func()
		w.field.act = func(f func()) { asleep = append(asleep, f) }
		id := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=starting")
		row, err := w.store.Attempt(t.Context(), banto.NewAttemptID(id, 1))
		if err != nil {
			t.Fatal(err)
		}
		w.field.mu.Lock()
		w.field.act = nil
		w.field.mu.Unlock()
		w.cut(row.HostID, time.Now(), time.Now())
		w.wantStates(id, banto.TrackerRunning, "p1=lost")
		w.same()
		pass(limitOf(time.Minute))
		w.wantStates(id, banto.TrackerRunning, "p1=running")
		w.field.up(w.link, row.HostID)
		settled()
		if n := w.field.starts("p1"); n != 1 {
			t.Errorf("started %d times, and on the host that hung it must not any more", n)
		}
		w.same()
	})
}

// The manager before this one may have had contact until this one began.
func TestAfterATakeOverTheLimitCountsAnew(t *testing.T) {
	inPair(t, func(t *testing.T, w *world, c *clocks) {
		lost := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
		settled()
		first := w.where("p1")
		w.cut(first, time.Now(), time.Now())
		pass(limitOf(time.Minute) - time.Second)
		w.end()
		w.begin()
		began := time.Now()
		w.run()
		settled()
		w.wantStates(lost, banto.TrackerRunning, "p1=lost")
		a, err := w.store.Attempt(t.Context(), banto.NewAttemptID(lost, 1))
		if err != nil || a.DeadBy == nil || !a.DeadBy.Equal(began.Add(limitOf(time.Minute))) {
			t.Errorf("must have ended by %s, %v", a.DeadBy, err)
		}
		for _, id := range []banto.HostID{hostA, hostB} {
			if id != first {
				w.field.up(w.link, id)
			}
		}
		pass(limitOf(time.Minute) - time.Millisecond)
		w.wantStates(lost, banto.TrackerRunning, "p1=lost")
		pass(time.Millisecond)
		w.wantStates(lost, banto.TrackerRunning, "p1=running")
		w.same()

		// One that was running, on a host that does not come back.
		second := w.where("p1")
		if second == first {
			w.field.mu.Lock()
			t.Fatal("it did not run elsewhere")
		}
		w.end()
		w.begin()
		w.run()
		pass(returnGrace)
		w.wantStates(lost, banto.TrackerRunning, "p1=lost")
		if got := w.waits(lost); !strings.Contains(got, "p1") {
			t.Errorf("waits for %s", got)
		}
		w.field.up(w.link, first)
		pass(limitOf(time.Minute) - returnGrace - time.Millisecond)
		w.wantStates(lost, banto.TrackerRunning, "p1=lost")
		pass(time.Millisecond)
		w.wantStates(lost, banto.TrackerRunning, "p1=running")
		if n := w.field.starts("p1"); n != 3 {
			t.Errorf("started %d times", n)
		}
	})
}

// Nothing is done by itself where no keeper ends what is lost.
func TestAnOldAgentHasNoLimit(t *testing.T) {
	inPair(t, func(t *testing.T, w *world, c *clocks) {
		for _, id := range []banto.HostID{hostA, hostB} {
			w.field.hosts[id].deadMan = false
			w.field.up(w.link, id)
		}
		id := w.submit(lostFlow(t, jobnet.LostRerun, time.Minute))
		settled()
		w.cut(w.where("p1"), time.Now(), time.Now())
		pass(24 * time.Hour)
		w.wantStates(id, banto.TrackerRunning, "p1=lost")
		w.same()
	})
}
