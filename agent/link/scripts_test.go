package link

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func byHash(n int, hash string) fabric.Order {
	o := order(n)
	o.Start.Spec.Script, o.Start.Spec.ScriptHash = "", hash
	return o
}

// wants gives what is asked for at that time.
func wants(m *Machine, now time.Time) []fabric.ScriptWant {
	var out []fabric.ScriptWant
	for _, u := range frames(m, now) {
		out = append(out, u.Scripts...)
	}
	return out
}

func TestScriptsAreFetchedBeforeTheKeeperIsAsked(t *testing.T) {
	text := strings.Repeat("echo line\n", 100)
	hash := hashOf(text)
	m := welcomed(t)
	down(m, fabric.Down{Orders: []fabric.Order{byHash(1, hash), byHash(2, hash), byHash(1, hash)}})
	if _, ok := m.Request(); ok {
		t.Error("the keeper is asked without the script")
	}
	if got := wants(m, start); !reflect.DeepEqual(got, []fabric.ScriptWant{{Hash: hash}}) {
		t.Fatalf("wants %v", got)
	}
	if got := wants(m, start.Add(scriptAgain-1)); got != nil {
		t.Errorf("asks again: %v", got)
	}
	half := fabric.ScriptPiece{Hash: hash, Size: int64(len(text)), Data: []byte(text[:400])}
	down(m, fabric.Down{Scripts: []fabric.ScriptPiece{half, half}}) // the second came twice
	if got := wants(m, start); !reflect.DeepEqual(got, []fabric.ScriptWant{{Hash: hash, Offset: 400}}) {
		t.Fatalf("then it wants %v", got)
	}
	// The connection is lost and made anew: what is here counts.
	m.Connected(false, "", start)
	m.Connected(true, "tls://m", start)
	frames(m, start)
	down(m, fabric.Down{Orders: []fabric.Order{byHash(1, hash)}})
	if got := wants(m, start); !reflect.DeepEqual(got, []fabric.ScriptWant{{Hash: hash, Offset: 400}}) {
		t.Fatalf("in the next session it wants %v", got)
	}
	down(m, fabric.Down{Scripts: []fabric.ScriptPiece{{Hash: hash, Offset: 400, Size: int64(len(text)), Data: []byte(text[400:])}}})
	q, ok := m.Request()
	if !ok || len(q.Start) != 2 || q.Start[0].Spec.Script != text || q.Start[0].Spec.ScriptHash != "" {
		t.Fatalf("asked %d starts", len(q.Start))
	}
	m.Keeper(keeper.Event{Done: q.Seq, Claims: 2}, start)
	got := frames(m, start)
	if len(got) != 1 || !reflect.DeepEqual(got[0].Confirmed, []string{"start:1", "start:2"}) || got[0].Claims != 2 {
		t.Errorf("confirmed %+v", got)
	}
	down(m, fabric.Down{Orders: []fabric.Order{byHash(3, hash)}}) // kept
	if q, ok := m.Request(); !ok || q.Start[0].Spec.Script != text {
		t.Errorf("asked %+v", q)
	}
}

func TestScriptsThatDoNotCome(t *testing.T) {
	hash := hashOf("true")
	ended := func(m *Machine, what, message string) {
		t.Helper()
		got := frames(m, start)
		if len(got) != 1 || len(got[0].Ended) != 1 || got[0].Ended[0].Reason != banto.ReasonNotStarted || !strings.Contains(got[0].Ended[0].Message, message) {
			t.Errorf("%s: %+v", what, got)
		}
		if _, ok := m.Request(); ok {
			t.Errorf("%s: the keeper is asked", what)
		}
	}
	m := welcomed(t)
	down(m, fabric.Down{Orders: []fabric.Order{byHash(1, hash)}})
	down(m, fabric.Down{Scripts: []fabric.ScriptPiece{{Hash: hash, Missing: true}}})
	ended(m, "missing", "does not have the script")

	m = welcomed(t)
	down(m, fabric.Down{Orders: []fabric.Order{byHash(1, hash)}})
	for range maxDamaged {
		if got := wants(m, start); len(got) != 1 || got[0].Offset != 0 {
			t.Fatalf("wants %v", got)
		}
		down(m, fabric.Down{Scripts: []fabric.ScriptPiece{{Hash: hash, Size: 5, Data: []byte("false")}}})
	}
	ended(m, "damaged", "damaged")

	m = welcomed(t)
	down(m, fabric.Down{Orders: []fabric.Order{byHash(1, hash)}})
	frames(m, start)
	m.Tick(start.Add(scriptGiveUp)) // the manager does not repeat the order
	if got := wants(m, start.Add(scriptGiveUp)); got != nil || len(m.orders.open) != 0 {
		t.Errorf("it goes on asking: %v", got)
	}
	down(m, fabric.Down{Orders: []fabric.Order{byHash(1, hash)}})
	if got := wants(m, start); len(got) != 1 {
		t.Error("an order that comes after all is not taken")
	}
}

// Only some are fetched at once, and what is kept is bounded.
func TestFetchingIsBounded(t *testing.T) {
	m := welcomed(t)
	const n = 3 * fetches
	text := func(i int) string { return strings.Repeat(string(rune('a'+i)), 2<<20) }
	for i := range n {
		down(m, fabric.Down{Orders: []fabric.Order{byHash(i+1, hashOf(text(i)))}})
	}
	got := wants(m, start)
	if len(got) != fetches {
		t.Fatalf("asks for %d at once", len(got))
	}
	for i := range n {
		body := []byte(text(i))
		down(m, fabric.Down{Scripts: []fabric.ScriptPiece{{Hash: hashOf(text(i)), Size: int64(len(body)), Data: body}}})
	}
	if q, _ := m.Request(); len(q.Start) != n {
		t.Errorf("%d starts", len(q.Start))
	}
	if m.scripts.bytes > scriptCache || len(m.scripts.kept) != scriptCache/(2<<20) || len(m.scripts.open)+len(m.scripts.queue) != 0 {
		t.Errorf("%d bytes in %d scripts are kept", m.scripts.bytes, len(m.scripts.kept))
	}
}

func TestRenewIsHandedToTheKeeperOnce(t *testing.T) {
	m := NewMachine("a", mark, fabric.Hello{Name: "db01"})
	m.Connected(true, "tls://m", start)
	m.Keeper(keeper.Event{Hello: &keeper.Hello{Generation: "g", Claims: 3, Shells: []string{"sh"}}}, start)
	said := frames(m, start)[0].Hello
	if said.Claims != 3 || said.Endpoint != "tls://m" || !said.At.Equal(start) || !reflect.DeepEqual(said.Shells, []string{"sh"}) || said.After != "" {
		t.Errorf("it says %+v", said)
	}
	for range 2 {
		m.Frame(fabric.Down{Epoch: 1, Session: m.session, Renew: true}, start)
	}
	if yes, _ := m.Welcome(); yes {
		t.Error("the session counts as open")
	}
	q, ok := m.Request()
	if !ok || !q.Renew {
		t.Fatalf("asked %+v", q)
	}
	if q, ok := m.Request(); ok {
		t.Errorf("asked again: %+v", q)
	}
	seq := q.Seq
	m.Keeper(keeper.Event{Hello: &keeper.Hello{Generation: "g2", Claims: 3, Shells: []string{"sh"}}}, start)
	got := frames(m, start)
	if len(got) != 1 || got[0].Hello == nil || got[0].Hello.Generation != "g2" || got[0].Session != "a.m-2" {
		t.Fatalf("says %+v", got)
	}
	down2 := func(d fabric.Down) { d.Epoch, d.Session = 1, m.session; m.Frame(d, start) }
	down2(fabric.Down{Orders: []fabric.Order{order(1)}})
	if q, _ := m.Request(); q.Seq != seq+1 { // the connection to the keeper is the same
		t.Errorf("request %d follows %d", q.Seq, seq)
	}
	m.Keeper(keeper.Event{Done: seq}, start)
	for _, u := range frames(m, start) {
		if len(u.Confirmed) > 0 {
			t.Error("an answer to an earlier request confirms the order")
		}
	}
	m.Connected(false, "", start)
	m.Connected(true, "wss://m", start)
	if h := frames(m, start)[0].Hello; h.After != "a.m-2" || h.Endpoint != "wss://m" {
		t.Errorf("the next session follows %q", h.After)
	}
}

func TestProblemsAreToldWhileTheyLast(t *testing.T) {
	m := welcomed(t)
	m.Keeper(keeper.Event{Problem: "the disk is full"}, start)
	if got := frames(m, start); len(got) != 1 || got[0].Problem != "the disk is full" {
		t.Errorf("told at once: %+v", got)
	}
	m.Keeper(keeper.Event{Problem: "the disk is full"}, start.Add(time.Second))
	if got := frames(m, start.Add(time.Second)); got != nil {
		t.Errorf("told again before the next beat: %+v", got)
	}
	last := start.Add(time.Second + problemLast)
	m.Tick(last)
	if got := frames(m, last); len(got) != 1 || got[0].Problem != "" {
		t.Errorf("after its end: %+v", got)
	}
}

func TestRefusalsAreKept(t *testing.T) {
	m := welcomed(t)
	if yes, why := m.Welcome(); !yes || why != "" {
		t.Errorf("%v, %q", yes, why)
	}
	down(m, fabric.Down{Refused: "this host is not enrolled"})
	if yes, why := m.Welcome(); yes || why != "this host is not enrolled" {
		t.Errorf("%v, %q", yes, why)
	}
}
