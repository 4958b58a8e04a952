package gateway

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

func hello3(session string) fabric.Up {
	return fabric.Up{Version: 3, Session: session, Hello: &fabric.Hello{Name: session, Generation: "g", Shells: []string{"sh"}}}
}

// opened gives a machine with an open session of this version.
func opened(t *testing.T, version int) *Machine {
	t.Helper()
	m := NewMachine(1, "inc")
	u := hello3("a.x-1")
	u.Version = version
	if e := m.Frame(u, start); e.Up == nil {
		t.Fatal("no session is opened")
	}
	if got := frames(m, start); len(got) != 1 || got[0].Pong != 0 {
		t.Fatalf("welcomed with %+v", got)
	}
	return m
}

// pinged takes a numbered beat.
func pinged(m *Machine, number int64, came time.Duration, now time.Time) {
	u := fabric.Up{Version: m.version, Session: m.session, Beat: true, Ping: number}
	m.Frame(u, now)
	m.Ping(&u, came, now)
}

func pongs(m *Machine, now time.Time) []int64 {
	var got []int64
	for _, d := range frames(m, now) {
		got = append(got, d.Pong)
	}
	return got
}

// A ping is answered once a transaction has proved the lease that began after it
// came; with any frame that goes, or alone after a second.
func TestPongsWaitForAProof(t *testing.T) {
	m := opened(t, 3)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	m.Proved(10 * time.Second)
	pinged(m, 1, 10*time.Second, at(0)) // came when the proof began: not before it
	if got := pongs(m, at(0)); got != nil {
		t.Fatalf("answered at once: %v", got)
	}
	if wake := m.Wake(); !wake.Equal(at(1000)) {
		t.Errorf("wakes at %v", wake.Sub(start))
	}
	m.Acknowledge([]banto.AttemptID{banto.NewAttemptID(tracker, 1)})
	if got := pongs(m, at(100)); !reflect.DeepEqual(got, []int64{0}) {
		t.Errorf("without a proof: %v", got)
	}
	if got := pongs(m, at(1000)); got != nil {
		t.Errorf("without a proof: %v", got)
	}
	if wake := m.Wake(); !wake.Equal(at(1500)) {
		t.Errorf("looks again at %v", wake.Sub(start))
	}
	if c := m.Contact(); !c.IsZero() {
		t.Errorf("contact at %v", c)
	}
	m.Proved(11 * time.Second)
	m.Proved(10 * time.Second) // told late
	pinged(m, 2, 10900*time.Millisecond, at(900))
	pinged(m, 3, 11100*time.Millisecond, at(1100))
	now := at(1500)
	if got := pongs(m, now); !reflect.DeepEqual(got, []int64{2}) {
		t.Fatalf("answered %v", got)
	}
	if c := m.Contact(); !c.Equal(now) {
		t.Errorf("contact at %v", c)
	}
	m.Proved(20 * time.Second)
	if got := pongs(m, at(1600)); got != nil { // with the next, soon
		t.Errorf("answered %v", got)
	}
	m.Deliver(order(1))
	if got := pongs(m, at(1700)); !reflect.DeepEqual(got, []int64{3}) {
		t.Errorf("with an order: %v", got)
	}
	if got := pongs(m, at(9000)); got != nil {
		t.Errorf("answered twice: %v", got)
	}
}

// Contact is of the manager, not of a session: it lasts, and is told when the
// host is down.
func TestContactIsToldWhenAHostIsDown(t *testing.T) {
	m := opened(t, 3)
	if e := m.Tick(start.Add(silence), nil); e.Down == "" || !e.Contact.IsZero() {
		t.Fatalf("without a pong: %+v", e)
	}
	m.Frame(hello3("a.x-2"), start)
	frames(m, start)
	m.Proved(time.Hour)
	pinged(m, 1, time.Second, start)
	if got := pongs(m, start.Add(pongWait)); !reflect.DeepEqual(got, []int64{1}) {
		t.Fatalf("answered %v", got)
	}
	m.Frame(hello3("b.x-1"), start.Add(2*time.Second))
	pinged(m, 1, 2*time.Hour, start.Add(2*time.Second)) // not proved since
	bye := fabric.Up{Version: 3, Session: "b.x-1", Bye: "bye"}
	if e := m.Frame(bye, start.Add(5*time.Second)); !e.Contact.Equal(start.Add(pongWait)) {
		t.Errorf("%+v", e)
	}
	if got := pongs(m, start.Add(10*time.Second)); got != nil {
		t.Errorf("answered after the end: %v", got)
	}
	fresh := NewMachine(1, "inc")
	fresh.Contacted(start)
	fresh.Contacted(start.Add(-time.Hour))
	if !fresh.Contact().Equal(start) {
		t.Errorf("%v", fresh.Contact())
	}
}

// However many pings wait, each is answered by a pong that is no higher than
// those that came before the proof.
func TestManyPings(t *testing.T) {
	m := opened(t, 3)
	const pings = 100
	for n := range int64(pings) {
		pinged(m, n+1, time.Duration(n)*time.Second, start)
	}
	if n := len(m.contact.pings); n != maxPings {
		t.Errorf("%d are kept", n)
	}
	now, last := start, int64(0)
	for seconds := range pings + 2 {
		now = now.Add(pongAgain)
		proved := time.Duration(seconds) * time.Second
		m.Proved(proved)
		for _, pong := range pongs(m, now) {
			if pong <= last || time.Duration(pong-1)*time.Second >= proved {
				t.Errorf("proved at %s: pong %d after %d", proved, pong, last)
			}
			last = pong
		}
	}
	if last != pings {
		t.Errorf("the last pong is %d", last)
	}
}

// Sessions of older versions are sent nothing that they do not know.
func TestOlderAgentsAreSentNoPongs(t *testing.T) {
	for _, version := range []int{1, 2} {
		m := opened(t, version)
		m.Managers([]string{"tls://m:1"})
		m.Proved(time.Hour)
		pinged(m, 1, time.Second, start)
		if e := m.Recall(fabric.Recall{ID: "r", Since: start}); len(e.Recalled) != 1 || e.Recalled[0].More || e.Recalled[0].Whole {
			t.Errorf("version %d: asked for what it cannot tell: %+v", version, e)
		}
		m.Deliver(order(1))
		for _, d := range frames(m, start.Add(5*time.Second)) {
			if d.Pong != 0 || d.Managers != nil || d.Recall != nil || d.Version != fabric.Speak(version) {
				t.Errorf("version %d is sent %+v", version, d)
			}
		}
	}
}

// A recall that was asked for before an old agent has come is answered when it
// has.
func TestRecallOfAnOlderAgentThatComesLater(t *testing.T) {
	m := NewMachine(1, "inc")
	if e := m.Recall(fabric.Recall{ID: "r"}); e.Recalled != nil {
		t.Fatalf("%+v", e)
	}
	if e := m.Frame(hello2("a.x-1", "", "g", 1), start); e.Up == nil || len(e.Recalled) != 1 {
		t.Errorf("%+v", e)
	}
	if e := m.Frame(hello2("a.y-2", "a.x-1", "g", 1), start); e.Recalled != nil {
		t.Errorf("answered twice: %+v", e)
	}
}

func TestManagersAreToldWhenTheyChange(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Managers([]string{"tls://a:1"})
	m.Frame(hello3("a.x-1"), start)
	told := func(want ...string) {
		t.Helper()
		var got []string
		for _, d := range frames(m, start) {
			got = append(got, d.Managers...)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("told %v, not %v", got, want)
		}
	}
	told("tls://a:1")
	told()
	m.Managers([]string{"tls://a:1", "tls://b:1"})
	told("tls://a:1", "tls://b:1")
	m.Frame(hello3("b.x-1"), start)
	told("tls://a:1", "tls://b:1")
	m.Managers(nil)
	told()
}

// A recall is repeated until all pieces have come, in each session.
func TestRecallIsRepeatedUntilItIsAnswered(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Recall(fabric.Recall{ID: "r", Since: start})
	m.Frame(hello3("a.x-1"), start)
	asked := func(now time.Time) int {
		n := 0
		for _, d := range frames(m, now) {
			if d.Recall != nil {
				n++
				if d.Recall.ID != "r" || !d.Recall.Since.Equal(start) {
					t.Errorf("asked %+v", d.Recall)
				}
			}
		}
		return n
	}
	if asked(start) != 1 || asked(start.Add(recallAgain-1)) != 0 {
		t.Error("it is not asked once")
	}
	if !m.Wake().Equal(start.Add(recallAgain)) {
		t.Errorf("wakes at %v", m.Wake().Sub(start))
	}
	if asked(start.Add(recallAgain)) != 1 {
		t.Error("it is not asked again")
	}
	m.Frame(hello3("b.x-1"), start)
	if asked(start) != 1 {
		t.Error("it is not asked in the next session")
	}
	now := start
	piece := func(id string, n int, more, want bool) {
		t.Helper()
		now = now.Add(time.Second)
		e := m.Frame(fabric.Up{Version: 3, Session: m.session, Recalled: &fabric.Recalled{ID: id, Piece: n, More: more, Whole: !more}}, now)
		if (len(e.Recalled) == 1) != want {
			t.Errorf("piece %d of %s: %+v", n, id, e.Recalled)
		}
	}
	piece("other", 0, false, false)
	piece("r", 1, true, false) // the first was lost
	piece("r", 0, true, true)
	piece("r", 1, true, true)
	piece("r", 1, true, false)
	piece("r", 3, false, false) // one was lost
	if asked(now) != 0 || asked(now.Add(recallAgain)) != 1 {
		t.Error("it is not asked again for what was lost")
	}
	piece("r", 0, true, true)
	piece("r", 1, false, true)
	piece("r", 0, false, false)
	if asked(now.Add(time.Minute)) != 0 {
		t.Error("it is asked though it was answered")
	}
	m.Frame(hello3("c.x-1"), now)
	if asked(now) != 0 {
		t.Error("it is asked though it was answered")
	}
}

// The whole frame stays within its bound whatever goes with it.
func TestFramesWithManagersStayWithinTheirBound(t *testing.T) {
	m := NewMachine(1, "inc")
	var ends []string
	for n := range fabric.MaxManagers {
		ends = append(ends, fmt.Sprintf("%d%0*d", n, fabric.MaxEndpoint-3, 0))
	}
	m.Managers(ends)
	var acks []banto.AttemptID
	for n := range 40_000 {
		acks = append(acks, banto.NewAttemptID(tracker, n+1))
	}
	m.Frame(hello3("a.x-1"), start)
	m.Acknowledge(acks)
	for _, d := range frames(m, start) {
		if b, err := d.Encode(); err != nil || len(b) > fabric.MaxFrame {
			t.Errorf("a frame of %d bytes, %v", len(b), err)
		}
	}
}

// A question that is open is answered before another one is asked.
func TestOneRecallAtATime(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Recall(fabric.Recall{ID: "r", Since: start})
	m.Recall(fabric.Recall{ID: "s", Since: start})
	m.Frame(hello3("a.x-1"), start)
	asked := func(want string) {
		t.Helper()
		got := ""
		for _, d := range frames(m, start) {
			if d.Recall != nil {
				got += d.Recall.ID
			}
		}
		if got != want {
			t.Errorf("asked %q, not %q", got, want)
		}
	}
	asked("r")
	m.Frame(fabric.Up{Version: 3, Session: m.session, Recalled: &fabric.Recalled{ID: "r"}}, start)
	asked("")
	m.Recall(fabric.Recall{ID: "s", Since: start})
	asked("s")
}

// Pongs that go by themselves go together, whenever their pings came.
func TestPongsOfManyHostsGoTogether(t *testing.T) {
	for _, came := range []int{1, 100, 249, 250} {
		m := opened(t, 3)
		m.Proved(10 * time.Second)
		pinged(m, 1, 9*time.Second, start.Add(time.Duration(came)*time.Millisecond))
		if wake, want := m.Wake(), start.Add(1250*time.Millisecond); !wake.Equal(want) {
			t.Errorf("a ping after %d ms: wakes at %v, not %v", came, wake.Sub(start), want.Sub(start))
		}
	}
}
