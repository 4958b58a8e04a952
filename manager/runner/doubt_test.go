package runner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// putBack puts a host back to a picture without its claims, which the manager
// takes for the same: it has the same generation.
func (w *world) putBack(id banto.HostID, boot string) {
	w.field.down(id, "link broken")
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	h := w.field.hosts[id]
	h.boot, h.deadMan = boot, true
	h.claims, h.claimed = make(map[banto.AttemptID]*claim), nil
}

// reticent lets a host end an attempt of which its agent does not know when it
// connects.
func (w *world) reticent(id banto.HostID, part banto.PartKey) {
	w.field.down(id, "link broken")
	w.field.end(id, part, engine.Ended{Exit: new(int)})
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	w.field.hosts[id].reticent = true
}

func (w *world) tellLater(id banto.HostID) {
	w.field.mu.Lock()
	defer w.field.mu.Unlock()
	w.field.hosts[id].tellEnded(w.link)
}

func TestWhatAKeeperDoesNotKnowIsOver(t *testing.T) {
	for boot, want := range map[string]string{"boot-1": "p1=error(keeper-died)", "boot-2": "p1=error(host-restarted)"} {
		t.Run(boot, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.running("p1")
				w.putBack(hostA, boot)
				w.field.up(w.link, hostA)
				settled()
				w.wantStates(id, banto.TrackerError, want)
				w.same()
			})
		})
	}
}

// What a Hello does not name may have a result that is on its way, also with a
// new boot or a new generation.
func TestAResultThatAHelloDoesNotNameIsWaitedFor(t *testing.T) {
	for _, gen := range []string{"gen-1", "gen-2"} {
		t.Run(gen, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.running("p1")
				w.reticent(hostA, "p1")
				h := w.field.hosts[hostA]
				h.boot, h.gen, h.deadMan = "boot-2", gen, true
				w.field.up(w.link, hostA)
				pass(time.Hour)
				w.wantStates(id, banto.TrackerRunning, "p1=lost")
				w.tellLater(hostA)
				settled()
				w.wantStates(id, banto.TrackerOK, "p1=ok")
				if h.asked != 1 {
					t.Errorf("asked %d times", h.asked)
				}
				w.same()
			})
		})
	}
}

// Nobody is asked when all is named.
func TestAKeeperIsAskedOnlyInDoubt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.hosts[hostA].deadMan = true
		id := w.running("p1", "p2", "p3 < p2")
		w.field.down(hostA, "link broken")
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		w.field.up(w.link, hostA)
		settled()
		w.wantStates(id, banto.TrackerRunning, "p1=ok p2=running")
		if h := w.field.hosts[hostA]; h.asked != 0 {
			t.Errorf("asked %d times", h.asked)
		}
	})
}

// A keeper of an old version cannot be asked: it is given time.
func TestAKeeperThatCannotBeAsked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2@db01")
		w.putBack(hostA, "boot-2")
		w.field.hosts[hostA].deadMan = false
		w.reticent(hostB, "p2")
		w.field.up(w.link, hostA)
		w.field.up(w.link, hostB)
		pass(untoldWait - time.Second)
		w.wantStates(id, banto.TrackerRunning, "p1=lost p2=lost")
		w.tellLater(hostB)
		pass(2 * time.Second)
		w.wantStates(id, banto.TrackerError, "p1=error(host-restarted) p2=ok")
		if n := w.field.hosts[hostA].asked; n != 0 {
			t.Errorf("asked %d times", n)
		}
		w.same()
	})
}

// Neither a rebuild, a start of another manager nor a clock that is set loses the
// second look.
func TestASecondLookOutlivesWhatHappensMeanwhile(t *testing.T) {
	t.Run("a rebuild before the answer", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			id := w.running("p1")
			w.putBack(hostA, "boot-2")
			h := w.field.hosts[hostA]
			h.mute = true
			w.field.up(w.link, hostA)
			settled()
			w.fails()
			w.field.mu.Lock()
			h.tellAll(w.link, time.Now())
			w.field.mu.Unlock()
			settled()
			w.wantStates(id, banto.TrackerError, "p1=error(host-restarted)")
		})
	})
	t.Run("a rebuild before the time", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			id := w.running("p1")
			w.putBack(hostA, "boot-2")
			w.field.hosts[hostA].deadMan = false
			w.field.up(w.link, hostA)
			pass(untoldWait - time.Minute)
			w.fails()
			w.wantStates(id, banto.TrackerRunning, "p1=lost")
			pass(time.Minute)
			w.wantStates(id, banto.TrackerError, "p1=error(host-restarted)")
		})
	})
	t.Run("another manager", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.run()
			id := w.running("p1")
			w.putBack(hostA, "boot-2")
			w.field.hosts[hostA].mute = true
			w.field.up(w.link, hostA)
			settled()
			w.field.hosts[hostA].mute = false
			w.end()
			w.run()
			defer w.close()
			w.field.up(w.link, hostA)
			settled()
			w.wantStates(id, banto.TrackerError, "p1=error(keeper-died)")
		})
	})
	t.Run("a clock that jumps", func(t *testing.T) {
		inPair(t, func(t *testing.T, w *world, c *clocks) {
			id := w.submit(lostFlow(t, jobnet.LostFail, time.Minute))
			settled()
			first := w.where("p1")
			w.putBack(first, "boot-2")
			w.field.hosts[first].deadMan = false
			w.field.up(w.link, first)
			settled()
			c.jump(time.Hour)
			pass(longestNap)
			w.wantStates(id, banto.TrackerRunning, "p1=lost")
			pass(untoldWait)
			w.wantStates(id, banto.TrackerError, "p1=error(host-restarted)")
		})
	})
}

// fails makes a transaction fail, so that memory is read again from the store.
func (w *world) fails() {
	w.t.Helper()
	next := w.store.count() + 1
	w.store.set(func(n int) error {
		if n == next {
			return errDisk
		}
		return nil
	}, nil, nil)
	w.r.HostUp(HostSession{ID: hostB, Hello: fabric.Hello{Name: "db01", Slots: 9}, At: time.Now()})
	pass(longPause)
}

// One that is about to be killed gets its result from that.
func TestADoubtfulAttemptThatIsKilled(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		w.putBack(hostA, "boot-2")
		w.move(id, banto.MoveRequest{Move: banto.MoveKill})
		w.field.up(w.link, hostA)
		settled()
		w.wantStates(id, banto.TrackerError, "p1=error(killed)")
	})
}

// A keeper may know that a manager had a result that this store has lost.
func TestADoubtfulAttemptThatWasTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1")
		w.field.down(hostA, "link broken")
		w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
		h := w.field.hosts[hostA]
		h.claims[h.claimed[0]].acked, h.deadMan = true, true
		w.field.up(w.link, hostA)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok")
	})
}
