package link

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

// welcomed3 gives a machine with an open session of a manager of version 3, that
// has not said anything yet.
func welcomed3(t *testing.T) *Machine {
	t.Helper()
	m := NewMachine("a", mark, fabric.Hello{Name: "db01"})
	m.Connected(true, "tls://m", start)
	m.Keeper(keeper.Event{Hello: &keeper.Hello{Generation: "gen", Protocol: 2, DeadMan: true}}, start)
	if got := frames(m, start); len(got) != 1 || got[0].Hello == nil || !got[0].Hello.DeadMan || got[0].Ping != 0 {
		t.Fatalf("says hello with %+v", got)
	}
	say(m, fabric.Down{}, start)
	return m
}

func say(m *Machine, d fabric.Down, now time.Time) Note {
	d.Version, d.Epoch, d.Incarnation, d.Session = 3, 5, "inc", m.session
	return m.Frame(d, now)
}

// sends gives the pings of the frames that go, which it hands over at that time.
func sends(m *Machine, now time.Time, boot time.Duration) []int64 {
	var pings []int64
	for _, u := range frames(m, now) {
		m.Sent(&u, boot)
		pings = append(pings, u.Ping)
	}
	return pings
}

func contactTold(t *testing.T, m *Machine) time.Duration {
	t.Helper()
	q, _ := m.Request()
	return q.Contact
}

// The keeper is told when the frame was sent that the pong answers, and never
// anything else.
func TestContactIsWhenTheFrameWasSent(t *testing.T) {
	m := welcomed3(t)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	if got := sends(m, start, 100*time.Second); !reflect.DeepEqual(got, []int64{1}) {
		t.Fatalf("pings %v", got)
	}
	down := func(pong int64, now time.Time) { say(m, fabric.Down{Pong: pong}, now) }
	for _, pong := range []int64{0, -1, 2, 99} { // none of ours
		if down(pong, at(100)); contactTold(t, m) != 0 {
			t.Errorf("pong %d is contact", pong)
		}
	}
	say(m, fabric.Down{Orders: []fabric.Order{{ID: "clean", Clean: &fabric.CleanOrder{Tracker: tracker}}}}, at(200))
	m.Request()
	m.Keeper(keeper.Event{Cleaned: []banto.TrackerID{tracker}}, at(200))
	if got := sends(m, at(200), 100200*time.Millisecond); !reflect.DeepEqual(got, []int64{0}) {
		t.Errorf("frames that follow each other are all numbered: %v", got)
	}
	if got := sends(m, at(2200), 102*time.Second); !reflect.DeepEqual(got, []int64{2}) {
		t.Errorf("the beat has the ping %v", got)
	}
	if got := sends(m, at(4200), 104*time.Second); !reflect.DeepEqual(got, []int64{3}) {
		t.Errorf("the beat has the ping %v", got)
	}
	down(2, at(4300))
	if got := contactTold(t, m); got != 102*time.Second || m.Contact() != got {
		t.Errorf("contact %v", got)
	}
	down(1, at(4400)) // late
	down(2, at(4400)) // twice
	if got := contactTold(t, m); got != 0 {
		t.Errorf("contact is told again: %v", got)
	}
	down(3, at(4500))
	if got := contactTold(t, m); got != 104*time.Second {
		t.Errorf("contact %v", got)
	}
	// Another session numbers anew; a pong of the one before means nothing.
	old := m.session
	m.Connected(true, "tls://other", at(5000))
	frames(m, at(5000))
	say(m, fabric.Down{}, at(5000))
	m.Frame(fabric.Down{Version: 3, Epoch: 5, Incarnation: "inc", Session: old, Pong: 3}, at(5000))
	if got := sends(m, at(5000), 200*time.Second); !reflect.DeepEqual(got, []int64{1}) {
		t.Errorf("pings %v", got)
	}
	if got := contactTold(t, m); got != 0 {
		t.Errorf("contact %v", got)
	}
	// Another keeper is told what is known.
	m.KeeperGone("gone")
	frames(m, at(5000))
	m.Keeper(keeper.Event{Hello: &keeper.Hello{Generation: "gen", Protocol: 2}}, at(5100))
	if got := contactTold(t, m); got != 104*time.Second {
		t.Errorf("the new keeper is told %v", got)
	}
}

// A start with a dead man's limit waits for contact in its own session, whatever
// comes meanwhile; others do not.
func TestStartsWithADeadMansLimitWaitForContact(t *testing.T) {
	m := welcomed3(t)
	limited := order(1)
	limited.Start.Spec.DeadManMS = 60_000
	long := order(3)
	long.Start.Spec.DeadManMS, long.Start.Spec.Script, long.Start.Spec.ScriptHash = 60_000, "", strings.Repeat("0", 64)
	all := fabric.Down{Orders: []fabric.Order{limited, order(2), long}}
	say(m, all, start)
	say(m, all, start)
	if q, ok := m.Request(); !ok || len(q.Start) != 1 || q.Start[0].Attempt != attempt(2) {
		t.Fatalf("the keeper is asked %+v", q)
	}
	// The session ends: what waited is dropped, and comes again.
	m.Connected(true, "tls://m", start)
	frames(m, start)
	say(m, fabric.Down{}, start)
	sends(m, start, time.Second)
	say(m, fabric.Down{Pong: 1}, start)
	if q, ok := m.Request(); !ok || len(q.Start) != 0 || q.Contact != time.Second {
		t.Fatalf("the keeper is asked %+v", q)
	}
	m.Connected(true, "tls://m", start)
	frames(m, start)
	say(m, all, start)
	sends(m, start, 2*time.Second)
	say(m, fabric.Down{Orders: []fabric.Order{{ID: "kill", Kill: &fabric.KillOrder{Attempt: attempt(1)}}}}, start)
	if q, _ := m.Request(); len(q.Start) != 0 || len(q.Kill) != 1 {
		t.Errorf("the keeper is asked %+v", q)
	}
	say(m, fabric.Down{Pong: 1}, start)
	q, _ := m.Request()
	if len(q.Start) != 1 || q.Start[0].Attempt != attempt(1) || q.Contact != 2*time.Second {
		t.Errorf("the keeper is asked %+v", q)
	}
	if got := frames(m, start); len(got) != 1 || len(got[0].Scripts) != 1 {
		t.Errorf("the script is not fetched: %+v", got)
	}
	m.Keeper(keeper.Event{Done: q.Seq}, start)
	say(m, fabric.Down{Orders: []fabric.Order{limited}}, start)
	m.Connected(true, "tls://m", start)
	frames(m, start)
	say(m, fabric.Down{Orders: []fabric.Order{limited}}, start) // known: it does not wait
	if got := frames(m, start); len(got) != 1 || !reflect.DeepEqual(got[0].Confirmed, []string{"start:1"}) {
		t.Errorf("confirmed %+v", got)
	}
}

// ticks lets time go in steps, and says when the manager was given up, if it was.
func ticks(m *Machine, from, to int, step time.Duration) (at int, away Away) {
	for s := from; s <= to; s++ {
		now := start.Add(time.Duration(s) * step)
		m.Tick(now)
		if away = m.Away(); away.Why != "" {
			return s, away
		}
		sends(m, now, time.Duration(s)*step)
	}
	return 0, Away{}
}

// A manager that answers no ping is given up; so is one that takes the agent not
// on, if there is another.
func TestManagersThatDoNotAnswer(t *testing.T) {
	m := welcomed3(t)
	if at, away := ticks(m, 0, 20, time.Second); at != 6 || !away.Gone {
		t.Errorf("given up after %d s: %+v", at, away)
	}
	m = welcomed3(t)
	sends(m, start, time.Second)
	for s := 1; s < 60; s++ {
		if at, away := ticks(m, s, s, time.Second); at != 0 {
			t.Fatalf("a manager that answers is given up: %+v", away)
		}
		say(m, fabric.Down{Pong: m.pulse.last - 1}, start.Add(time.Duration(s)*time.Second))
	}
	m = welcomed(t) // of a version that does not say pong
	if at, away := ticks(m, 0, 60, time.Second); at != 0 {
		t.Errorf("a manager of version 2 is given up: %+v", away)
	}
	m = NewMachine("a", mark, fabric.Hello{})
	m.Connected(true, "tls://m", start)
	if at, _ := ticks(m, 0, 30, time.Second); at != 0 {
		t.Error("without a keeper the manager is given up")
	}
	m.Keeper(keeper.Event{Hello: &keeper.Hello{}}, start.Add(30*time.Second))
	if at, away := ticks(m, 30, 60, time.Second); at != 36 || away.Gone {
		t.Errorf("without an answer to hello it is given up after %d s: %+v", at, away)
	}
}

// An agent that was itself held up hears the manager out first.
func TestAgentThatWasHeldUp(t *testing.T) {
	m := welcomed3(t)
	sends(m, start, 0)
	late := start.Add(time.Minute)
	m.Tick(late)
	if away := m.Away(); away.Why != "" {
		t.Fatalf("%+v", away)
	}
	if wake := m.Wake(); wake.After(late.Add(hearOut)) {
		t.Errorf("wakes at %v", wake)
	}
	m.Tick(late.Add(hearOut))
	if away := m.Away(); !away.Gone {
		t.Errorf("%+v", away)
	}
}

// A manager of which another is known to have followed, and one that refuses the
// agent, are left for another.
func TestManagersThatAreLeft(t *testing.T) {
	m := welcomed3(t)
	m.Away()
	for _, d := range []fabric.Down{{Epoch: 4, Incarnation: "inc", Session: "other-1"}, {Epoch: 4, Incarnation: "inc", Ask: true}} {
		if m.Frame(d, start); m.Away().Why != "" {
			t.Errorf("left because of %+v", d)
		}
	}
	m.Frame(fabric.Down{Epoch: 4, Incarnation: "inc", Session: m.session}, start)
	if away := m.Away(); away.Why == "" || away.Gone {
		t.Errorf("one that was deposed: %+v", away)
	}
	m = welcomed3(t)
	say(m, fabric.Down{Refused: "no"}, start)
	if away := m.Away(); away.Why == "" || away.Gone {
		t.Errorf("one that refuses: %+v", away)
	}
	// At another endpoint it comes at once, and here only after a while.
	m.Connected(true, "tls://other", start)
	if got := frames(m, start); len(got) != 1 || got[0].Hello == nil {
		t.Errorf("it says %+v", got)
	}
	m.Connected(true, "tls://m", start)
	if got := frames(m, start); got != nil || !m.Wake().Equal(start.Add(refusedWait)) {
		t.Errorf("it says %+v, and wakes at %v", got, m.Wake())
	}
}

func TestManagersThatAreTold(t *testing.T) {
	m := welcomed3(t)
	say(m, fabric.Down{Managers: []string{"tls://a:1", "quic://b:1", "wss://c/fabric"}}, start)
	if got := m.Managers(); !reflect.DeepEqual(got, []string{"tls://a:1", "wss://c/fabric"}) {
		t.Errorf("told %v", got)
	}
	say(m, fabric.Down{Managers: []string{"quic://b:1"}}, start)
	if got := m.Managers(); got != nil {
		t.Errorf("told %v", got)
	}
}

// A manager of version 1 refuses what is above version 2, and is spoken to as it
// reads; one that follows it is spoken to as we do.
func TestManagerOfVersion1IsSpokenTo(t *testing.T) {
	m := NewMachine("a", mark, fabric.Hello{})
	m.Connected(true, "tls://m", start)
	m.Keeper(keeper.Event{Hello: &keeper.Hello{}}, start)
	if got := frames(m, start); len(got) != 1 || got[0].Version != 0 {
		t.Fatalf("says %+v", got)
	}
	if note := m.Frame(fabric.Down{Version: 1, Epoch: 1, Incarnation: "inc", Session: m.session, Refused: "version 3"}, start); note != "" {
		t.Errorf("noted %s", note)
	}
	got := frames(m, start)
	if len(got) != 1 || got[0].Version != 2 || got[0].Hello == nil {
		t.Fatalf("says %+v", got)
	}
	m.Frame(fabric.Down{Version: 1, Epoch: 1, Incarnation: "inc", Session: m.session}, start)
	if got = frames(m, start); len(got) != 1 || got[0].Version != 2 || got[0].Ping != 0 {
		t.Errorf("says %+v", got)
	}
	if note := m.Frame(fabric.Down{Version: 1, Epoch: 1, Incarnation: "inc", Session: m.session, Refused: "no"}, start); note == "" {
		t.Error("a refusal for another reason is not one")
	}
	now := start.Add(refusedWait)
	m.Tick(now)
	frames(m, now)
	m.Frame(fabric.Down{Version: 3, Epoch: 2, Incarnation: "inc", Session: m.session}, now)
	if got = frames(m, now); len(got) != 1 || got[0].Version != 0 || got[0].Hello == nil {
		t.Errorf("says %+v", got)
	}
}

// What the keeper knows is told in pieces that fit, and once for each question.
func TestRecall(t *testing.T) {
	m := welcomed3(t)
	frames(m, start)
	ask := fabric.Down{Recall: &fabric.Recall{ID: "r", Since: start}}
	say(m, ask, start)
	say(m, ask, start)
	q, ok := m.Request()
	if !ok || q.Recall == nil || !q.Recall.Since.Equal(start) {
		t.Fatalf("the keeper is asked %+v", q)
	}
	say(m, ask, start)
	if q, ok := m.Request(); ok {
		t.Errorf("the keeper is asked again: %+v", q)
	}
	const pieces, each = 7, 1000
	next := 0
	var told []banto.AttemptID
	for n := range pieces {
		r := &keeper.Recalled{ID: q.Recall.ID, More: n < pieces-1, Whole: n == pieces-1}
		for i := range each {
			r.Attempts = append(r.Attempts, keeper.RecalledAttempt{Attempt: attempt(n*each + i + 1), State: keeper.RecalledTold, Part: banto.PartKey(strings.Repeat("部", 40))})
		}
		m.Keeper(keeper.Event{Recalled: r}, start)
		m.Keeper(keeper.Event{Ended: []keeper.Ended{{Attempt: attempt(100_000 + n), OutputSize: 1 << 20}}}, start)
		for _, u := range frames(m, start) {
			b, err := u.Encode()
			if err != nil || len(b) > fabric.MaxFrame {
				t.Fatalf("a frame of %d bytes, %v", len(b), err)
			}
			if _, err := fabric.DecodeUp(b); err != nil {
				t.Fatal(err)
			}
			r := u.Recalled
			if r == nil {
				continue
			}
			if r.ID != "r" || r.Piece != next {
				t.Errorf("piece %d of %s", r.Piece, r.ID)
			}
			for _, a := range r.Attempts {
				told = append(told, a.Attempt)
			}
			if next++; r.More != (len(told) < pieces*each) || r.Whole == r.More {
				t.Errorf("piece %d: %d are told, more %v, whole %v", r.Piece, len(told), r.More, r.Whole)
			}
		}
	}
	if len(told) != pieces*each || told[len(told)-1] != attempt(pieces*each) {
		t.Errorf("%d are told", len(told))
	}
	say(m, ask, start) // the last was lost
	again, ok := m.Request()
	if !ok || again.Recall == nil || again.Recall.ID == q.Recall.ID {
		t.Fatalf("asked again, the keeper is asked %+v", again)
	}
	m.Keeper(keeper.Event{Recalled: &keeper.Recalled{ID: q.Recall.ID, Whole: true}}, start) // of before
	if got := frames(m, start.Add(time.Second)); len(got) > 0 && got[0].Recalled != nil {
		t.Errorf("an answer of before is told: %+v", got[0].Recalled)
	}
}

// A keeper that cannot be asked, and one that knows nothing.
func TestRecallOfLittle(t *testing.T) {
	for protocol, whole := range map[int]bool{1: false, 2: true} {
		t.Run(fmt.Sprint(protocol), func(t *testing.T) {
			m := NewMachine("a", mark, fabric.Hello{})
			m.Connected(true, "tls://m", start)
			m.Keeper(keeper.Event{Hello: &keeper.Hello{Protocol: protocol}}, start)
			frames(m, start)
			say(m, fabric.Down{Recall: &fabric.Recall{ID: "r"}}, start)
			q, asked := m.Request()
			if asked != whole {
				t.Fatalf("the keeper is asked: %v", asked)
			}
			if asked {
				m.Keeper(keeper.Event{Recalled: &keeper.Recalled{ID: q.Recall.ID, Whole: true}}, start)
			}
			got := frames(m, start)
			if len(got) != 1 || got[0].Recalled == nil || got[0].Recalled.More || got[0].Recalled.Whole != whole {
				t.Errorf("it says %+v", got)
			}
		})
	}
}
