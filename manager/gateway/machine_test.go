package gateway

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

const tracker = banto.TrackerID("20261121-7k3mq0x")

var start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func order(n int) fabric.Order {
	return fabric.Order{ID: fmt.Sprint("start:", n), Start: &fabric.StartOrder{
		Attempt: banto.NewAttemptID(tracker, n), Spec: banto.Spec{Tracker: tracker, Script: "true"}}}
}

func hello(session string) fabric.Up {
	return fabric.Up{Session: session, Hello: &fabric.Hello{Name: session}}
}

// frames gives all that is to be sent.
func frames(m *Machine, now time.Time) []fabric.Down {
	var all []fabric.Down
	for d, ok := m.Next(now); ok; d, ok = m.Next(now) {
		all = append(all, d)
	}
	return all
}

func ids(frames []fabric.Down) []string {
	var ids []string
	for _, d := range frames {
		for _, o := range d.Orders {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

func open(t *testing.T, m *Machine, session string, now time.Time) {
	t.Helper()
	if e := m.Frame(hello(session), now); e.Up == nil {
		t.Fatalf("session %s is not opened", session)
	}
}

func TestOrdersWaitForASessionAndAreRepeated(t *testing.T) {
	m := NewMachine(7, "inc")
	m.Deliver(order(1))
	m.Deliver(order(2))
	m.Deliver(order(1)) // known
	if got := frames(m, start); got != nil {
		t.Fatalf("sent without a session: %+v", got)
	}
	open(t, m, "a-1", start)
	got := frames(m, start)
	if len(got) != 1 || got[0].Session != "a-1" || got[0].Epoch != 7 || got[0].Incarnation != "inc" || !reflect.DeepEqual(ids(got), []string{"start:1", "start:2"}) {
		t.Fatalf("sent %+v", got)
	}
	if e := m.Frame(fabric.Up{Session: "a-1", Confirmed: []string{"start:1", "of another host"}}, start); !reflect.DeepEqual(e.Confirmed, []string{"start:1"}) {
		t.Errorf("confirmed %v", e.Confirmed)
	}
	for now := start; now.Before(start.Add(redeliver)); now = now.Add(time.Second) {
		m.Frame(fabric.Up{Session: "a-1", Beat: true}, now)
		m.Tick(now, nil)
		if got := frames(m, now); got != nil {
			t.Fatalf("sent again after %v: %+v", now.Sub(start), got)
		}
	}
	if wake := m.Wake(); !wake.Equal(start.Add(redeliver)) {
		t.Errorf("wakes at %v", wake)
	}
	m.Tick(start.Add(redeliver), nil)
	if got := ids(frames(m, start.Add(redeliver))); !reflect.DeepEqual(got, []string{"start:2"}) {
		t.Errorf("sent again: %v", got)
	}
	open(t, m, "a-2", start.Add(redeliver))
	if got := ids(frames(m, start.Add(redeliver))); !reflect.DeepEqual(got, []string{"start:2"}) {
		t.Errorf("sent in the new session: %v", got)
	}
}

func TestSilenceAndGoodbye(t *testing.T) {
	m := NewMachine(1, "inc")
	open(t, m, "a-1", start)
	if e := m.Tick(start.Add(silence-1), nil); e.Down != "" {
		t.Errorf("down too early: %s", e.Down)
	}
	if e := m.Tick(start.Add(silence), nil); e.Down != "not heard for 8 s" {
		t.Errorf("down: %q", e.Down)
	}
	later := start.Add(time.Minute)
	frames(m, later)
	if e := m.Frame(fabric.Up{Session: "a-1", Beat: true}, later); e.Up != nil {
		t.Error("a closed session is open again")
	}
	if got := frames(m, later); len(got) != 1 || !got[0].Ask || got[0].Session != "a-1" {
		t.Errorf("a beat after the silence is answered with %+v", got)
	}
	open(t, m, "a-2", later)
	if e := m.Frame(fabric.Up{Session: "a-2", Bye: "stopped"}, later); e.Down != "stopped" {
		t.Errorf("down: %q", e.Down)
	}
	if !m.Wake().IsZero() {
		t.Error("wakes without a session")
	}
}

func TestLateFramesOfTheSameAgentAreDropped(t *testing.T) {
	m := NewMachine(1, "inc")
	open(t, m, "a-1", start)
	open(t, m, "a-2", start)
	frames(m, start)
	for _, u := range []fabric.Up{hello("a-1"), {Session: "a-1", Confirmed: []string{"x"}, Started: make([]fabric.StartedReport, 1)}} {
		if e := m.Frame(u, start); !reflect.DeepEqual(e, Effects{}) {
			t.Errorf("%+v has the effects %+v", u, e)
		}
	}
	if e := m.Frame(hello("a-2"), start); e.Up != nil {
		t.Error("a repeated hello opens a session")
	}
	if got := frames(m, start); len(got) != 1 || got[0].Session != "a-2" {
		t.Errorf("a repeated hello is answered with %+v", got)
	}
}

func TestTwoAgentsWithOneIdentity(t *testing.T) {
	m := NewMachine(1, "inc")
	open(t, m, "a-1", start)
	open(t, m, "b-1", start)
	m.Deliver(order(1))
	frames(m, start)
	beat := func(session string, now time.Time) Effects {
		return m.Frame(fabric.Up{Session: session, Beat: true}, now)
	}
	now := start.Add(2 * time.Second)
	if e := beat("a-1", now); e.Refused == "" {
		t.Error("the clash is not told")
	}
	got := frames(m, now)
	if len(got) != 1 || got[0].Session != "a-1" || got[0].Refused == "" || got[0].Orders != nil {
		t.Fatalf("the older is told %+v", got)
	}
	if e := m.Frame(hello("a-2"), now.Add(nagEvery)); e.Up != nil || e.Refused == "" {
		t.Error("the older comes back while the newer lives")
	}
	frames(m, now)
	for at := now; at.Before(now.Add(time.Minute)); at = at.Add(2 * time.Second) {
		if e := beat("b-1", at); !reflect.DeepEqual(e, Effects{}) {
			t.Fatalf("the newer's beat has the effects %+v", e)
		}
	}
	now = m.heardAt.Add(silence)
	if e := m.Tick(now, nil); e.Down == "" {
		t.Error("the newer is silent and not down")
	}
	open(t, m, "a-3", now) // the newer is gone: the older may come back
	if e := m.Frame(hello("c-1"), now); e.Up == nil {
		t.Error("an agent that was started anew is refused")
	}
}

func TestUnknownSessionIsAsked(t *testing.T) {
	m := NewMachine(1, "inc")
	if e := m.Frame(fabric.Up{Session: "a-5", Ended: make([]fabric.EndedReport, 1)}, start); e.Ended != nil {
		t.Error("a report without a session is taken")
	}
	for range 100 {
		m.Frame(fabric.Up{Session: "a-5", Beat: true}, start)
	}
	if got := frames(m, start); len(got) != 1 || !got[0].Ask || got[0].Session != "a-5" {
		t.Errorf("it is answered with %+v", got)
	}
	m.Ask()
	if got := frames(m, start); len(got) != 1 || !got[0].Ask || got[0].Session != "" {
		t.Errorf("all are asked with %+v", got)
	}
}

func TestFramesAreBounded(t *testing.T) {
	m := NewMachine(1, "inc")
	open(t, m, "a-1", start)
	const n = 4000
	for i := 1; i <= n; i++ {
		o := order(i)
		o.Start.Spec.Script = strings.Repeat("<", i%400)
		if _, taken, _ := m.Deliver(o); !taken {
			t.Fatal("not taken")
		}
		m.Acknowledge([]banto.AttemptID{banto.NewAttemptID(tracker, n+i)})
		m.Stored(o.Start.Attempt, int64(i), false)
	}
	orders, acks, stored := 0, 0, 0
	for _, d := range frames(m, start) {
		b, err := d.Encode()
		if err != nil || len(b) > fabric.MaxFrame {
			t.Errorf("a frame of %d bytes, %v", len(b), err)
		}
		orders, acks, stored = orders+len(d.Orders), acks+len(d.Acks), stored+len(d.OutputAcks)
	}
	if acks != n || stored != n || orders == 0 {
		t.Errorf("%d orders, %d and %d acknowledgements", orders, acks, stored)
	}
	for sent := orders; sent < n; { // the rest follows what is confirmed
		var confirmed []string
		for i := sent - orders + 1; i <= sent; i++ {
			confirmed = append(confirmed, fmt.Sprint("start:", i))
		}
		m.Frame(fabric.Up{Session: "a-1", Confirmed: confirmed}, start)
		if orders = len(ids(frames(m, start))); orders == 0 {
			t.Fatalf("stuck after %d orders", sent)
		}
		sent += orders
	}
	if _, taken, _ := m.Deliver(fabric.Order{ID: "large", Start: &fabric.StartOrder{Spec: banto.Spec{Script: strings.Repeat("x", fabric.MaxFrame)}}}); taken {
		t.Error("an order is taken that fits no frame")
	}
}

func TestSettledOrdersAreNotRepeated(t *testing.T) {
	m := NewMachine(1, "inc")
	kill := fabric.Order{ID: "kill:1", Kill: &fabric.KillOrder{Attempt: banto.NewAttemptID(tracker, 1)}}
	for _, o := range []fabric.Order{order(2), order(3), kill, order(4)} {
		m.Deliver(o)
	}
	e := m.Frame(fabric.Up{Session: "a-1", Hello: &fabric.Hello{Running: []banto.AttemptID{banto.NewAttemptID(tracker, 1), banto.NewAttemptID(tracker, 4)}}}, start)
	if !reflect.DeepEqual(e.Confirmed, []string{"start:4"}) {
		t.Errorf("the hello confirms %v", e.Confirmed)
	}
	e = m.Frame(fabric.Up{Session: "a-1", Started: []fabric.StartedReport{{Attempt: banto.NewAttemptID(tracker, 2)}}}, start)
	if !reflect.DeepEqual(e.Confirmed, []string{"start:2"}) {
		t.Errorf("the start confirms %v", e.Confirmed)
	}
	m.Acknowledge([]banto.AttemptID{banto.NewAttemptID(tracker, 1)})
	if got := ids(frames(m, start)); !reflect.DeepEqual(got, []string{"start:3"}) {
		t.Errorf("sent %v", got)
	}
	if len(m.queue.attempts) != 1 || len(m.queue.byID) != 1 {
		t.Errorf("left are %v", m.queue.byID)
	}
}

// A start that the host has not confirmed must not happen any more once its
// attempt is to be killed: it may have been given up, and run elsewhere.
func TestAKillVoidsTheStart(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Deliver(order(1))
	m.Deliver(order(2))
	void, taken, _ := m.Deliver(fabric.Order{ID: "kill:1", Kill: &fabric.KillOrder{Attempt: banto.NewAttemptID(tracker, 1)}})
	if !taken || !reflect.DeepEqual(void, []string{"start:1"}) {
		t.Errorf("the kill makes %v void", void)
	}
	m.Frame(fabric.Up{Session: "a-1", Hello: &fabric.Hello{}}, start)
	if got := ids(frames(m, start)); !reflect.DeepEqual(got, []string{"start:2", "kill:1"}) {
		t.Errorf("sent %v", got)
	}
}

func TestAStartVoidsTheCleansOfItsTracker(t *testing.T) {
	m := NewMachine(1, "i")
	clean := func(n int, tracker banto.TrackerID) fabric.Order {
		return fabric.Order{ID: fmt.Sprintf("clean:%s:%d:h", tracker, n), Clean: &fabric.CleanOrder{Tracker: tracker}}
	}
	const again, other = banto.TrackerID("20261121-0000001"), banto.TrackerID("20261121-0000002")
	m.Deliver(clean(0, again))
	m.Deliver(clean(0, other))
	void, taken, _ := m.Deliver(fabric.Order{ID: "start", Start: &fabric.StartOrder{
		Attempt: banto.NewAttemptID(again, 2), Spec: banto.Spec{Tracker: again, Args: []string{"true"}},
	}})
	if !taken || len(void) != 1 || void[0] != "clean:"+string(again)+":0:h" {
		t.Fatalf("the start made %v void", void)
	}
	m.Deliver(clean(1, again))
	if left := len(m.queue.byID); left != 3 {
		t.Fatalf("%d orders are left, want the other's clean, the start and the new clean", left)
	}
}
