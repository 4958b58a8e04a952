package link

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

const tracker = banto.TrackerID("20261121-7k3mq0x")

var start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func mark() string { return "m" }

func attempt(n int) banto.AttemptID { return banto.NewAttemptID(tracker, n) }

func order(n int) fabric.Order {
	return fabric.Order{ID: fmt.Sprint("start:", n), Start: &fabric.StartOrder{Attempt: attempt(n), Spec: banto.Spec{Tracker: tracker, Script: "true"}}}
}

func zeros(_ banto.AttemptID, _ int64, n int) []byte { return make([]byte, n) }

func frames(m *Machine, now time.Time) []fabric.Up {
	var all []fabric.Up
	for u, ok := m.Next(now, zeros); ok; u, ok = m.Next(now, zeros) {
		all = append(all, u)
	}
	return all
}

// welcomed gives a machine with an open session.
func welcomed(t *testing.T, running ...banto.AttemptID) *Machine {
	t.Helper()
	m := NewMachine("a", mark, fabric.Hello{Name: "db01"})
	m.Connected(true, "tls://m", start)
	if got := frames(m, start); got != nil {
		t.Fatalf("sent without a keeper: %+v", got)
	}
	m.Keeper(keeper.Event{Hello: &keeper.Hello{BootID: "boot", Generation: "gen", Running: running}}, start)
	got := frames(m, start)
	if len(got) != 1 || got[0].Hello == nil || got[0].Session != "a.m-1" || !reflect.DeepEqual(got[0].Hello.Running, running) || got[0].Hello.Generation != "gen" {
		t.Fatalf("says hello with %+v", got)
	}
	m.Frame(fabric.Down{Epoch: 5, Incarnation: "inc", Session: "a.m-1"}, start)
	if got := frames(m, start); len(got) != 1 || !got[0].Beat {
		t.Fatalf("begins with %+v", got)
	}
	return m
}

func down(m *Machine, d fabric.Down) Note {
	d.Epoch, d.Incarnation, d.Session = 5, "inc", m.session
	return m.Frame(d, start)
}

func TestHelloIsRepeatedUntilItIsAnswered(t *testing.T) {
	m := NewMachine("a", mark, fabric.Hello{})
	m.Connected(true, "tls://m", start)
	m.Keeper(keeper.Event{Hello: &keeper.Hello{}}, start)
	var said []time.Duration
	for now := start; now.Before(start.Add(6 * time.Second)); now = now.Add(50 * time.Millisecond) {
		for _, u := range frames(m, now) {
			if u.Hello == nil {
				t.Fatalf("said %+v", u)
			}
			said = append(said, now.Sub(start))
		}
	}
	ms := time.Millisecond
	if want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 5100 * ms}; !reflect.DeepEqual(said, want) {
		t.Errorf("said at %v", said)
	}
}

func TestOrdersAreConfirmedWhenTheKeeperHasThem(t *testing.T) {
	m := welcomed(t)
	down(m, fabric.Down{Orders: []fabric.Order{order(1), order(2), order(1), {ID: "clean", Clean: &fabric.CleanOrder{Tracker: tracker}}}})
	q, ok := m.Request()
	if !ok || q.Seq != 1 || len(q.Start) != 2 || len(q.Clean) != 1 {
		t.Fatalf("asked %+v", q)
	}
	if got := frames(m, start); got != nil {
		t.Errorf("confirmed before the answer: %+v", got)
	}
	m.Keeper(keeper.Event{Done: 1}, start)
	if got := frames(m, start); len(got) != 1 || !reflect.DeepEqual(got[0].Confirmed, []string{"start:1", "start:2"}) {
		t.Errorf("confirmed %+v", got)
	}
	m.Keeper(keeper.Event{Cleaned: []banto.TrackerID{tracker}}, start)
	if got := frames(m, start); len(got) != 1 || !reflect.DeepEqual(got[0].Confirmed, []string{"clean"}) {
		t.Errorf("confirmed %+v", got)
	}
	down(m, fabric.Down{Orders: []fabric.Order{order(1)}}) // the confirmation was lost
	if _, ok := m.Request(); ok {
		t.Error("the keeper is asked again")
	}
	if got := frames(m, start); len(got) != 1 || !reflect.DeepEqual(got[0].Confirmed, []string{"start:1"}) {
		t.Errorf("confirmed again: %+v", got)
	}
	// A keeper that died before it answered is asked again when the order comes again.
	down(m, fabric.Down{Orders: []fabric.Order{order(3)}})
	m.Request()
	m.KeeperGone("gone")
	if got := frames(m, start); len(got) != 1 || got[0].Bye != "gone" {
		t.Errorf("without a keeper it says %+v", got)
	}
	m.Keeper(keeper.Event{Hello: &keeper.Hello{}}, start)
	frames(m, start)
	down(m, fabric.Down{Orders: []fabric.Order{order(3)}})
	if q, ok := m.Request(); !ok || len(q.Start) != 1 || q.Seq != 1 {
		t.Errorf("the new keeper is asked %+v", q)
	}
}

func TestOnlyTheHighestEpochIsObeyed(t *testing.T) {
	m := welcomed(t)
	try := func(epoch int64, incarnation string, n int) bool {
		m.Frame(fabric.Down{Epoch: epoch, Incarnation: incarnation, Session: m.session, Orders: []fabric.Order{order(n)}}, start)
		_, ok := m.Request()
		return ok
	}
	for n, c := range []struct {
		epoch       int64
		incarnation string
		want        bool
	}{{5, "inc", true}, {4, "inc", false}, {6, "inc", true}, {5, "inc", false}, {2, "restored", true}, {7, "inc", false}, {1, "restored", false}, {2, "restored", true}} {
		if got := try(c.epoch, c.incarnation, n+1); got != c.want {
			t.Errorf("epoch %d of %s is obeyed: %v", c.epoch, c.incarnation, got)
		}
	}
	m.Frame(fabric.Down{Epoch: 2, Incarnation: "restored", Session: "b-1", Orders: []fabric.Order{order(99)}}, start)
	if _, ok := m.Request(); ok {
		t.Error("another agent's order is obeyed")
	}
}

func TestRefusedAgentWaits(t *testing.T) {
	m := welcomed(t)
	if note := down(m, fabric.Down{Refused: "cloned"}); !strings.Contains(string(note), "cloned") {
		t.Errorf("noted %q", note)
	}
	now := start
	for ; now.Before(start.Add(refusedWait)); now = now.Add(time.Second) {
		m.Tick(now)
		if got := frames(m, now); got != nil {
			t.Fatalf("refused, it says %+v", got)
		}
	}
	if !m.Wake().Equal(now) {
		t.Errorf("wakes at %v", m.Wake())
	}
	m.Tick(now)
	if got := frames(m, now); len(got) != 1 || got[0].Hello == nil || got[0].Session != "a.m-2" {
		t.Errorf("it comes back with %+v", got)
	}
}

func TestAskOpensANewSession(t *testing.T) {
	m := welcomed(t)
	m.Frame(fabric.Down{Epoch: 6, Incarnation: "inc", Ask: true}, start)
	if got := frames(m, start); len(got) != 1 || got[0].Hello == nil || got[0].Session != "a.m-2" {
		t.Fatalf("asked, it says %+v", got)
	}
	m.Frame(fabric.Down{Epoch: 6, Incarnation: "inc", Ask: true}, start) // its hello may have been too early
	if got := frames(m, start); len(got) != 1 || got[0].Hello == nil || got[0].Session != "a.m-2" {
		t.Errorf("asked again, it says %+v", got)
	}
}

// Output keeps within its windows, takes all attempts in turn, and comes before
// the result.
func TestOutputWindows(t *testing.T) {
	m := welcomed(t)
	const size = 600 << 10
	var ended []keeper.Ended
	for n := 1; n <= 8; n++ {
		ended = append(ended, keeper.Ended{Attempt: attempt(n), OutputSize: size})
	}
	ended = append(ended, keeper.Ended{Attempt: attempt(9)})
	m.Keeper(keeper.Event{Ended: ended}, start)
	have, sent, results := map[banto.AttemptID]int64{}, int64(0), map[banto.AttemptID]bool{}
	for round := 0; len(results) < 9; round++ {
		if round > 100 {
			t.Fatalf("stuck with %d results", len(results))
		}
		under := map[banto.AttemptID]int64{}
		total := int64(0)
		got := frames(m, start)
		for _, u := range got {
			b, err := u.Encode()
			if err != nil || len(b) > fabric.MaxFrame {
				t.Fatalf("a frame of %d bytes, %v", len(b), err)
			}
			for _, c := range u.Output {
				if c.Offset != have[c.Attempt]+under[c.Attempt] {
					t.Fatalf("%s: piece at %d", c.Attempt, c.Offset)
				}
				under[c.Attempt] += int64(len(c.Data))
				total += int64(len(c.Data))
			}
			for _, e := range u.Ended {
				results[e.Attempt] = true
				if have[e.Attempt]+under[e.Attempt] != e.OutputSize {
					t.Errorf("%s: the result comes before the output", e.Attempt)
				}
			}
		}
		if round == 0 && (len(under) != 8 || !results[attempt(9)]) {
			t.Errorf("the first round is of %d attempts, and %v", len(under), results)
		}
		if total > allWindow {
			t.Errorf("%d bytes are under way", total)
		}
		var acks []fabric.OutputAck
		for id, n := range under {
			if n > runWindow {
				t.Errorf("%d bytes of %s are under way", n, id)
			}
			have[id] += n
			acks = append(acks, fabric.OutputAck{Attempt: id, Size: have[id]})
		}
		sent += total
		down(m, fabric.Down{OutputAcks: acks})
	}
	if sent != 8*size || m.runs.flight != 0 {
		t.Errorf("%d bytes were sent, %d are still under way", sent, m.runs.flight)
	}
}

func TestResultsAreRepeatedUntilAcknowledged(t *testing.T) {
	m := welcomed(t)
	m.Keeper(keeper.Event{Ended: []keeper.Ended{{Attempt: attempt(1)}}}, start)
	count := 0
	for now := start; now.Before(start.Add(12 * time.Second)); now = now.Add(time.Second) {
		m.Tick(now)
		for _, u := range frames(m, now) {
			count += len(u.Ended)
		}
	}
	if count != 3 {
		t.Errorf("sent %d times in 12 s", count)
	}
	down(m, fabric.Down{Acks: []banto.AttemptID{attempt(1), attempt(1), attempt(2)}})
	if q, ok := m.Request(); !ok || !reflect.DeepEqual(q.Ack, []banto.AttemptID{attempt(1)}) {
		t.Errorf("the keeper is told %+v", q)
	}
	m.Keeper(keeper.Event{Output: []keeper.Output{{Attempt: attempt(1), Size: 5}}}, start) // it crossed the acknowledgement
	if len(m.runs.byID) != 0 {
		t.Error("the finished attempt is back")
	}
}

func TestGapsAreFilled(t *testing.T) {
	m := welcomed(t, attempt(1))
	text := bytes.Repeat([]byte("0123456789"), 20<<10)
	read := func(_ banto.AttemptID, off int64, n int) []byte { return text[off : off+int64(n)] }
	m.Keeper(keeper.Event{Output: []keeper.Output{{Attempt: attempt(1), Size: int64(len(text))}}}, start)
	u, _ := m.Next(start, read)
	if len(u.Output) < 2 {
		t.Fatalf("sent %d pieces", len(u.Output))
	}
	for range 3 { // the first piece was lost: each later one is told to be behind a gap
		down(m, fabric.Down{OutputAcks: []fabric.OutputAck{{Attempt: attempt(1), Size: 0, Gap: true}}})
	}
	u, ok := m.Next(start, read)
	if !ok || u.Output[0].Offset != 0 {
		t.Fatalf("sent %+v", u)
	}
	total := 0
	for ; ok; u, ok = m.Next(start, read) {
		for _, c := range u.Output {
			total += len(c.Data)
		}
	}
	if total != len(text) {
		t.Errorf("%d bytes were sent again, of %d", total, len(text))
	}
}

// Output that the keeper told of and that is not there must not hold up the
// result.
func TestOutputThatCannotBeRead(t *testing.T) {
	m := welcomed(t)
	m.Keeper(keeper.Event{Ended: []keeper.Ended{{Attempt: attempt(1), OutputSize: 100, OutputLost: 1}}}, start)
	u, ok := m.Next(start, func(_ banto.AttemptID, off int64, n int) []byte { return make([]byte, max(0, 30-off)) })
	if !ok || len(u.Output) != 1 || len(u.Ended) != 1 {
		t.Fatalf("sent %+v", u)
	}
	if e := u.Ended[0]; e.OutputSize != 30 || e.OutputLost != 71 {
		t.Errorf("the result says %+v", e)
	}
}

func TestHugeResultsFitAFrame(t *testing.T) {
	m := welcomed(t)
	for n := 1; n <= 3; n++ {
		m.Keeper(keeper.Event{Ended: []keeper.Ended{{Attempt: attempt(n), Message: strings.Repeat("\x01", 1<<20),
			Vars: strings.Repeat("\x01", banto.MaxVarsFile), OutputHead: strings.Repeat("\x01", banto.MaxOutputHead), OutputSize: 1000}}}, start)
	}
	results := 0
	for _, u := range frames(m, start) {
		b, err := u.Encode()
		if err != nil || len(b) > fabric.MaxFrame {
			t.Errorf("a frame of %d bytes, %v", len(b), err)
		}
		if _, err := fabric.DecodeUp(b); err != nil {
			t.Error(err)
		}
		results += len(u.Ended)
	}
	if results != 3 {
		t.Errorf("%d results were sent", results)
	}
}

func TestAStartForOtherClaimsIsRefused(t *testing.T) {
	m := welcomed(t, attempt(3))
	placed := func(n int, generation string) fabric.Order {
		o := order(n)
		o.Start.Generation = generation
		return o
	}
	down(m, fabric.Down{Orders: []fabric.Order{placed(1, "gen"), placed(2, "lost"), placed(3, "lost"), placed(4, "")}})
	q, _ := m.Request()
	var asked []banto.AttemptID
	for _, s := range q.Start {
		asked = append(asked, s.Attempt)
	}
	// The third is known to the keeper, which starts nothing twice by itself.
	if want := []banto.AttemptID{attempt(1), attempt(3), attempt(4)}; !reflect.DeepEqual(asked, want) {
		t.Errorf("the keeper is asked to start %v", asked)
	}
	got := frames(m, start)
	if len(got) != 1 || len(got[0].Ended) != 1 {
		t.Fatalf("answers %+v", got)
	}
	if e := got[0].Ended[0]; e.Attempt != attempt(2) || e.Reason != banto.ReasonKeeperDied || e.Exit != nil || e.StartedAt != nil || e.Message == "" {
		t.Errorf("answers %+v", e)
	}
}

func TestHelloAnnouncesResults(t *testing.T) {
	m := NewMachine("a", mark, fabric.Hello{})
	m.Connected(true, "tls://m", start)
	m.Keeper(keeper.Event{
		Hello: &keeper.Hello{Generation: "gen", Running: []banto.AttemptID{attempt(1)}},
		Ended: []keeper.Ended{{Attempt: attempt(2)}, {Attempt: attempt(3)}},
	}, start)
	got := frames(m, start)
	if len(got) != 1 || got[0].Hello == nil || !reflect.DeepEqual(got[0].Hello.Ended, []banto.AttemptID{attempt(2), attempt(3)}) {
		t.Fatalf("says %+v", got)
	}
}
