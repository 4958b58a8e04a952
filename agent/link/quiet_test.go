package link

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

// A host on which nothing is under way is as quiet as the manager has told it,
// and says so; with an order it is heard as before.
func TestAnIdleHostIsQuiet(t *testing.T) {
	m := welcomed3(t)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	next := func(now time.Time, quiet int64, says bool) {
		t.Helper()
		got := frames(m, now)
		for _, u := range got {
			m.Sent(&u, now.Sub(start)+time.Hour)
			if u.QuietMS != quiet {
				t.Errorf("at %v it promises %d ms", now.Sub(start), u.QuietMS)
			}
		}
		if len(got) > 0 != says {
			t.Errorf("at %v it says %+v", now.Sub(start), got)
		}
	}
	next(at(0), 0, true)
	say(m, fabric.Down{Pong: 1, QuietMS: 20_000}, at(1))
	next(at(2), 20_000, true) // as it had promised
	if wake := m.Wake(); !wake.Equal(at(8)) {
		t.Errorf("wakes at %v, and not to judge the manager", wake.Sub(start))
	}
	say(m, fabric.Down{Pong: 2}, at(3))
	if wake := m.Wake(); !wake.Equal(at(22)) {
		t.Errorf("wakes at %v", wake.Sub(start))
	}
	next(at(21), 0, false)
	next(at(22), 20_000, true)
	say(m, fabric.Down{Pong: 3, Orders: []fabric.Order{startFor(1, 0)}}, at(30))
	m.Request()
	next(at(30), 0, true) // nothing to say but that it is awake
	m.Keeper(keeper.Event{Started: []keeper.Started{{Attempt: banto.NewAttemptID(tracker, 1)}}}, at(30))
	next(at(30), 0, true)
	next(at(31.9), 0, false)
	next(at(32), 0, true)
	m.Connected(true, "tls://other", at(33))
	if m.beat() != fabric.BeatEvery {
		t.Error("another session is as quiet as the one before")
	}
}

func startFor(n int, deadMan int64) fabric.Order {
	return fabric.Order{ID: string(banto.NewAttemptID(tracker, n)), Start: &fabric.StartOrder{
		Attempt: banto.NewAttemptID(tracker, n), Spec: banto.Spec{Script: "true", DeadManMS: deadMan}}}
}

// A start with a dead-man's limit that comes to a quiet session waits for contact,
// which is looked for at once: the limit would have begun long ago.
func TestAStartWithALimitStirsAQuietSession(t *testing.T) {
	m := welcomed3(t)
	frames(m, start)
	say(m, fabric.Down{Pong: 1, QuietMS: 30_000}, start)
	frames(m, start.Add(2*time.Second))
	say(m, fabric.Down{Pong: 2}, start.Add(2*time.Second))
	now := start.Add(25 * time.Second)
	say(m, fabric.Down{Orders: []fabric.Order{startFor(1, 15_000)}}, now)
	if q, ok := m.Request(); ok && len(q.Start) > 0 {
		t.Fatal("it is started with contact of long ago")
	}
	got := frames(m, now)
	if len(got) != 1 || got[0].Ping == 0 || got[0].QuietMS != 0 {
		t.Fatalf("it says %+v", got)
	}
	m.Sent(&got[0], time.Hour)
	say(m, fabric.Down{Pong: got[0].Ping}, now.Add(time.Second))
	if q, _ := m.Request(); len(q.Start) != 1 || q.Contact != time.Hour {
		t.Errorf("asks the keeper for %+v", q)
	}
}
