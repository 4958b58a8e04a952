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

// hello2 is a Hello of version 2.
func hello2(session, after, generation string, claims int64) fabric.Up {
	return fabric.Up{Version: 2, Session: session, Hello: &fabric.Hello{Name: session, After: after, Generation: generation, Claims: claims, Shells: []string{"sh"}}}
}

func beat2(session string) fabric.Up { return fabric.Up{Version: 2, Session: session, Beat: true} }

// answers gives what is sent to a session.
func answers(m *Machine, session string, now time.Time) []fabric.Down {
	var out []fabric.Down
	for _, d := range frames(m, now) {
		if d.Session == session {
			out = append(out, d)
		}
	}
	return out
}

// An agent that connects anew follows itself, whatever was lost on the way.
func TestOneAgentConnectsAnew(t *testing.T) {
	m := NewMachine(1, "inc")
	now := start
	up := func(session, after string) {
		t.Helper()
		now = now.Add(100 * time.Millisecond)
		if e := m.Frame(hello2(session, after, "g", 0), now); e.Up == nil || e.Refused != "" {
			t.Fatalf("session %s after %s: %+v", session, after, e)
		}
	}
	up("a.x-1", "")
	m.Frame(beat2("a.x-1"), now)
	up("a.y-2", "a.x-1")
	up("a.z-3", "a.x-1") // the answer to the one before was lost
	up("a.w-5", "a.x-1") // and the hello of another
	m.Frame(beat2("a.w-5"), now)
	up("a.v-6", "a.w-5")
	for _, late := range []fabric.Up{beat2("a.w-5"), hello2("a.z-3", "a.x-1", "g", 0), hello2("a.u-4", "a.x-1", "g", 0)} {
		if e := m.Frame(late, now); !reflect.DeepEqual(e, Effects{}) {
			t.Errorf("the late %s has the effects %+v", late.Session, e)
		}
	}
	if got := frames(m, now); len(got) != 1 || got[0].Session != "a.v-6" {
		t.Errorf("sent %+v", got)
	}
}

// A process that was doubled with its memory: the one that connected last is
// obeyed, the other is refused, and can come back only when that one is gone.
// The claims of the one that is obeyed begin anew.
func TestTwoAgentsWithOneMemory(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Frame(hello2("a.x-4", "", "g", 7), start)
	m.Frame(beat2("a.x-4"), start)
	frames(m, start)
	now := start.Add(time.Second)
	if e := m.Frame(hello2("a.y-5", "a.x-4", "g", 7), now); e.Up == nil {
		t.Fatal("the second is not taken")
	}
	m.Frame(beat2("a.y-5"), now)
	frames(m, now)
	now = now.Add(lateness)
	if e := m.Frame(beat2("a.x-4"), now); e.Refused != clashHere {
		t.Errorf("the first goes on: %+v", e)
	}
	if got := answers(m, "a.x-4", now); len(got) != 1 || got[0].Refused != clashThere {
		t.Fatalf("the first is told %+v", got)
	}
	renewed := false
	for n, session := range []string{"a.p-5", "a.q-6", "a.r-700"} {
		now = now.Add(2 * time.Second)
		m.Frame(beat2("a.y-5"), now)
		if e := m.Frame(hello2(session, "a.x-4", "g", 7), now); e.Up != nil || e.Refused == "" {
			t.Fatalf("the first comes back as %s: %+v", session, e)
		}
		for _, d := range frames(m, now) {
			if d.Renew && d.Session == "a.y-5" {
				if n > 0 {
					t.Error("a new generation is asked for twice")
				}
				renewed = true
			}
		}
	}
	if !renewed {
		t.Error("no new generation was asked for")
	}
	if e := m.Frame(hello2("a.z-6", "a.y-5", "g2", 7), now); e.Up == nil || e.Up.Generation != "g2" {
		t.Fatalf("the new generation: %+v", e)
	}
	now = now.Add(lateness)
	m.Frame(beat2("a.z-6"), now)
	m.Frame(hello2("a.s-701", "a.x-4", "g", 7), now)
	for _, d := range frames(m, now) {
		if d.Renew {
			t.Error("asked for a new generation though they differ")
		}
	}
	now = now.Add(silence)
	if e := m.Tick(now, nil); e.Down == "" {
		t.Fatal("the second is silent and not down")
	}
	if e := m.Frame(hello2("a.t-702", "a.x-4", "g", 7), now); e.Up != nil || e.Refused != rolledBack {
		t.Errorf("the first comes back with claims that are over: %+v", e)
	}
	if e := m.Frame(hello2("a.tt-703", "a.x-4", "g3", 7), now); e.Up == nil {
		t.Error("the first may not come back when the second is gone")
	}
	if e := m.Frame(hello2("a.u-7", "a.z-6", "g2", 7), now.Add(lateness)); e.Up != nil || e.Refused == "" {
		t.Errorf("and then the second: %+v", e)
	}
}

// Claims that were rolled back are found before the session opens.
func TestClaimsThatWereRolledBack(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Known("g", 10)
	m.Deliver(order(1))
	e := m.Frame(hello2("a.x-1", "", "g", 9), start)
	if e.Up != nil || e.Refused != rolledBack {
		t.Fatalf("%+v", e)
	}
	if got := frames(m, start); len(got) != 1 || !got[0].Renew || got[0].Session != "a.x-1" || got[0].Orders != nil {
		t.Fatalf("it is answered with %+v", got)
	}
	if e := m.Frame(hello2("a.y-2", "", "g2", 9), start); e.Up == nil {
		t.Fatalf("the new generation: %+v", e)
	}
	// What the open session confirms counts at once.
	if e := m.Frame(fabric.Up{Version: 2, Session: "a.y-2", Claims: 12}, start); e.Claims != 12 {
		t.Errorf("claims %d", e.Claims)
	}
	if e := m.Frame(hello2("b.x-1", "", "g2", 11), start); e.Up != nil || e.Refused != rolledBack {
		t.Errorf("rolled back again: %+v", e)
	}
	if e := m.Frame(hello2("b.z-2", "", "g2", 12), start); e.Up == nil {
		t.Errorf("that was only late: %+v", e)
	}
	m.Known("old", 99) // of a generation that is over
	m.Frame(hello2("b.q-3", "b.z-2", "g2", 11), start)
	if e := m.Frame(hello2("b.y-4", "b.z-2", "g3", 12), start); e.Up == nil {
		t.Errorf("the new generation: %+v", e)
	}
	// Put back further: to a generation that was over, and to one that this
	// manager never heard of.
	for _, generation := range []string{"g2", "g0"} {
		if e := m.Frame(hello2("c.x"+generation+"-1", "", generation, 99), start); e.Up != nil || e.Refused != rolledBack {
			t.Errorf("back in %s: %+v", generation, e)
		}
		if e := m.Frame(hello2("c.x"+generation+"-1", "", generation, 99), start); e.Up != nil { // the answer was lost
			t.Errorf("back in %s, again: %+v", generation, e)
		}
		if e := m.Frame(hello2("c.y"+generation+"-2", "", "after "+generation, 99), start); e.Up == nil {
			t.Errorf("the generation after %s: %+v", generation, e)
		}
		m.Tick(m.judgeAt(), nil)
	}
	// A keeper of version 1 does not say how many.
	m = NewMachine(1, "inc")
	m.Known("g", 10)
	if e := m.Frame(fabric.Up{Version: 2, Session: "c.x-1", Hello: &fabric.Hello{Generation: "g"}}, start); e.Up == nil {
		t.Errorf("a keeper that does not count: %+v", e)
	}
}

// Dead or slow: the connection tells.
func TestDeadOrSlow(t *testing.T) {
	isOpen := true
	connection := func() (bool, string) { return isOpen, "the connection was closed" }
	m := NewMachine(1, "inc")
	m.Frame(hello2("a.x-1", "", "g", 0), start)
	var now time.Time
	for now = m.Wake(); now.Before(start.Add(stuck)); now = m.Wake() {
		if e := m.Tick(now, connection); e.Down != "" {
			t.Fatalf("slow for %v, and down: %s", now.Sub(start), e.Down)
		}
		if !m.Wake().After(now) {
			t.Fatal("it wakes at once again")
		}
	}
	if e := m.Tick(now, connection); e.Down != "its agent is connected, but was not heard for 30 s" {
		t.Errorf("stuck: %q", e.Down)
	}
	m.Frame(hello2("a.y-2", "", "g", 0), now)
	heard := now.Add(9 * time.Second)
	m.Tick(now.Add(silence), connection)
	m.Frame(beat2("a.y-2"), heard) // late, and heard
	if wake := m.Wake(); !wake.Equal(heard.Add(silence)) {
		t.Errorf("looks again %v after it was heard", wake.Sub(heard))
	}
	isOpen = false
	if e := m.Tick(heard.Add(silence), connection); e.Down != "the connection was closed; not heard for 8 s" {
		t.Errorf("dead: %q", e.Down)
	}
}

// A manager that was itself held up hears the hosts out before it judges.
func TestTheManagerWasHeldUp(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Frame(hello2("a.x-1", "", "g", 0), start)
	late := start.Add(time.Minute)
	if e := m.Tick(late, nil); e.Down != "" {
		t.Fatalf("down: %s", e.Down)
	}
	if wake := m.Wake(); !wake.Equal(late.Add(hearOut)) {
		t.Errorf("judges after %v", wake.Sub(late))
	}
	if e := m.Tick(late.Add(hearOut), nil); e.Down == "" {
		t.Error("it is never down")
	}
}

func byHash(n int, hash string) fabric.Order {
	o := order(n)
	o.Start.Spec.Script, o.Start.Spec.ScriptHash = "", hash
	return o
}

// An agent of version 1 gets the script in the order.
func TestScriptsAreFilledInForVersion1(t *testing.T) {
	hash := strings.Repeat("a", 64)
	m := NewMachine(1, "inc")
	m.Deliver(order(1))
	m.Deliver(byHash(2, hash))
	old := hello("a-1")
	old.Version = 1
	e := m.Frame(old, start)
	if e.Up == nil || len(e.Fill) != 1 || e.Fill[0].ID != "start:2" {
		t.Fatalf("%+v", e)
	}
	if got := ids(frames(m, start)); !reflect.DeepEqual(got, []string{"start:1"}) {
		t.Fatalf("sent before it is filled: %v", got)
	}
	if _, _, fill := m.Deliver(byHash(3, hash)); !fill {
		t.Error("one that comes later is not to be filled")
	}
	if !m.Filled("start:2", []byte("echo filled")) {
		t.Fatal("not taken")
	}
	if m.Filled("start:3", []byte(strings.Repeat("x", fabric.MaxFrame))) {
		t.Error("a script is taken that fits no frame")
	}
	m.Drop("start:3")
	got := frames(m, start)
	if len(got) != 1 || len(got[0].Orders) != 1 || got[0].Orders[0].Start.Spec.Script != "echo filled" || got[0].Orders[0].Start.Spec.ScriptHash != "" {
		t.Fatalf("sent %+v", got)
	}
	// The agent was upgraded: it fetches scripts itself.
	m.Frame(hello2("b.x-1", "", "g", 0), start)
	got = frames(m, start)
	last := got[len(got)-1].Orders
	if len(last) != 2 || last[1].Start.Spec.ScriptHash != hash || last[1].Start.Spec.Script != "" {
		t.Errorf("sent after the upgrade: %+v", got)
	}
}

func TestScriptsGoToWhoHasAnOrderForThem(t *testing.T) {
	mine, other := strings.Repeat("a", 64), strings.Repeat("b", 64)
	m := NewMachine(1, "inc")
	m.Deliver(byHash(1, mine))
	m.Frame(hello2("a.x-1", "", "g", 0), start)
	frames(m, start)
	e := m.Frame(fabric.Up{Version: 2, Session: "a.x-1", Scripts: []fabric.ScriptWant{{Hash: mine, Offset: 5}, {Hash: other}}}, start)
	if !reflect.DeepEqual(e.Wants, []fabric.ScriptWant{{Hash: mine, Offset: 5}}) {
		t.Errorf("wants %v", e.Wants)
	}
	piece := fabric.ScriptPiece{Hash: mine, Offset: 5, Size: 1 << 20, Data: make([]byte, fabric.MaxPiece)}
	m.Script(piece)
	m.Script(piece) // asked twice
	for n := range 20 {
		p := piece
		p.Offset = int64(n)
		m.Script(p)
	}
	pieces := 0
	for _, d := range frames(m, start) {
		b, err := d.Encode()
		if err != nil || len(b) > fabric.MaxFrame {
			t.Errorf("a frame of %d bytes, %v", len(b), err)
		}
		pieces += len(d.Scripts)
	}
	if pieces != fabric.MaxWants {
		t.Errorf("%d pieces are sent", pieces)
	}
	m.Frame(fabric.Up{Version: 2, Session: "a.x-1", Confirmed: []string{"start:1"}}, start)
	if e := m.Frame(fabric.Up{Version: 2, Session: "a.x-1", Scripts: []fabric.ScriptWant{{Hash: mine}}}, start); e.Wants != nil {
		t.Error("a script is given after the order is settled")
	}
}

func TestProblemsAreTold(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Frame(hello2("a.x-1", "", "g", 0), start)
	full := beat2("a.x-1")
	full.Problem = "the disk is full"
	if e := m.Frame(full, start); e.Problem == nil || *e.Problem != full.Problem {
		t.Errorf("%+v", e)
	}
	if e := m.Frame(full, start); e.Problem != nil {
		t.Error("told twice")
	}
	if e := m.Frame(beat2("a.x-1"), start); e.Problem != nil {
		t.Error("a host that changes its mind with each frame is heard each time")
	}
	if e := m.Frame(beat2("a.x-1"), start.Add(nagEvery)); e.Problem == nil || *e.Problem != "" {
		t.Error("its end is not told")
	}
	m.Frame(full, start.Add(2*nagEvery))
	m.Frame(hello2("a.y-2", "a.x-1", "g", 0), start.Add(3*nagEvery))
	full.Session = "a.y-2"
	if e := m.Frame(full, start.Add(4*nagEvery)); e.Problem == nil || *e.Problem != full.Problem {
		t.Error("it is not told again in the next session")
	}
}

func TestAHostThatIsRemoved(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Frame(hello2("a.x-1", "", "g", 0), start)
	m.Deliver(fabric.Order{ID: "kill", Kill: &fabric.KillOrder{Attempt: banto.NewAttemptID(tracker, 1)}})
	m.Leave("removed by ann")
	if got := frames(m, start); len(got) != 1 || got[0].Session != "a.x-1" || got[0].Refused != "removed by ann" {
		t.Errorf("it is told %+v", got)
	}
}

// A host that was taken in again brings a new disk: its keeper begins anew, and
// nothing of it is a fault.
func TestAHostWithANewKey(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Known("g", 10)
	m.Rekeyed()
	e := m.Frame(hello2("a.x-1", "", "new", 0), start)
	if got := frames(m, start); e.Up != nil || e.Refused != "" || len(got) != 1 || !got[0].Renew {
		t.Fatalf("%+v, %+v", e, got)
	}
	if e := m.Frame(hello2("a.y-2", "", "newer", 0), start); e.Up == nil {
		t.Fatalf("the new generation: %+v", e)
	}
	now := start.Add(time.Minute)
	m.Tick(now, nil)
	if e := m.Frame(hello2("b.x-1", "", "g", 10), now); e.Refused != rolledBack {
		t.Errorf("put back later: %+v", e)
	}
}

// Each of many copies hears why it gets nothing; a flood of sessions does not
// make one of answers.
func TestManyCopies(t *testing.T) {
	m := NewMachine(1, "inc")
	m.Frame(hello2("a.x-4", "", "g", 7), start)
	m.Frame(hello2("b.x-1", "", "g", 7), start)
	m.Frame(beat2("b.x-1"), start)
	frames(m, start)
	now := start.Add(lateness)
	m.Frame(beat2("b.x-1"), now)
	frames(m, now)
	for n := range 200 {
		m.Frame(hello2(fmt.Sprintf("a.c%d-5", n), "", "g", 7), now)
	}
	refused := 0
	for _, d := range frames(m, now) {
		if d.Refused == clashThere {
			refused++
		}
	}
	if refused != maxTold {
		t.Errorf("%d were answered at once", refused)
	}
	for range 3 {
		m.Frame(hello2("a.c199-5", "", "g", 7), now.Add(nagEvery))
	}
	if got := answers(m, "a.c199-5", now.Add(nagEvery)); len(got) != 1 || got[0].Refused != clashThere {
		t.Errorf("a second later: %+v", got)
	}
}

// What was said of a keeper's records is told as mended, for an hour, once it
// has begun anew; that there are two agents is told on.
func TestARefusalThatIsMended(t *testing.T) {
	h := &host{}
	h.noteRefusal(rolledBack, start)
	h.renewed(start)
	if got := h.trouble(start.Add(mendedFresh)); !strings.Contains(got, "began a new generation at "+start.UTC().Format("15:04:05")) {
		t.Errorf("told within an hour: %q", got)
	}
	if got := h.trouble(start.Add(mendedFresh + 1)); got != "" {
		t.Errorf("told: %q", got)
	}
	h.noteRefusal(clashHere, start.Add(2*mendedFresh))
	h.renewed(start.Add(2 * mendedFresh))
	if got := h.trouble(start.Add(2 * mendedFresh)); got != clashHere {
		t.Errorf("told: %q", got)
	}
}
