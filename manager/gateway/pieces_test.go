package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// A host that reads nothing is sent a bounded amount until its connection is
// closed, however much is there for it and whatever it asks for.
func TestWhatASlowHostMayMakeTheManagerHold(t *testing.T) {
	const closed = 10 * time.Second // fabric's write deadline
	m := opened(t, 3)
	frames(m, start)
	for n := range 200 {
		o := order(n)
		o.Start.Spec.Script = strings.Repeat("x", 400<<10)
		m.Deliver(o)
	}
	piece := make([]byte, fabric.MaxPiece)
	sent, orders := 0, 0
	send := func(now time.Time) {
		for _, d := range frames(m, now) {
			b, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if sent += len(b); len(d.Orders) > 0 {
				orders += len(b)
			}
		}
	}
	for now := start; now.Before(start.Add(closed)); now = now.Add(10 * time.Millisecond) {
		m.Frame(fabric.Up{Version: 3, Session: m.session, Beat: true}, now)
		for n := range fabric.MaxWants {
			m.Script(fabric.ScriptPiece{Hash: strings.Repeat("a", 64), Offset: int64(n), Size: fabric.MaxScript, Data: piece})
		}
		m.Stored(banto.AttemptID("t/1"), 1, false)
		m.Tick(now, nil)
		send(now)
	}
	if orders > maxInFlight+fabric.MaxFrame {
		t.Errorf("%d MiB of orders that it has not confirmed", orders>>20)
	}
	if most := maxInFlight + 11*(maxPieces+fabric.MaxFrame) + fabric.MaxFrame; sent > most {
		t.Errorf("%d MiB altogether, of at most %d", sent>>20, most>>20)
	}
}

// Pieces that must wait for the next second come then.
func TestPiecesOfScriptsTakeTurns(t *testing.T) {
	m := opened(t, 3)
	frames(m, start)
	piece := make([]byte, fabric.MaxPiece)
	got := 0
	for n := 0; n < 2*maxPieces/fabric.MaxPiece; n++ {
		m.Script(fabric.ScriptPiece{Hash: strings.Repeat("a", 64), Offset: int64(n), Size: fabric.MaxScript, Data: piece})
		for _, d := range frames(m, start) {
			got += len(d.Scripts)
		}
	}
	waiting := len(m.scripts.list)
	if got*fabric.MaxPiece > maxPieces+fabric.MaxFrame || waiting == 0 {
		t.Fatalf("%d pieces at once, %d wait", got, waiting)
	}
	wake := m.Wake()
	if !wake.Equal(start.Add(time.Second)) {
		t.Errorf("wakes after %v", wake.Sub(start))
	}
	late := 0
	for _, d := range frames(m, wake) {
		late += len(d.Scripts)
	}
	if late != waiting {
		t.Errorf("%d of %d come a second later", late, waiting)
	}
}

// A host that opens one session after the other and reads nothing is sent its
// orders again, but not more often than a bound allows.
func TestWhatHellosInARowMayMakeTheManagerHold(t *testing.T) {
	const long = 3 * time.Second
	for name, next := range map[string]func(m *Machine, n int) fabric.Up{
		"one process, by its name": func(m *Machine, n int) fabric.Up {
			u := hello3(fmt.Sprintf("a.x-%d", n))
			u.Hello.After = m.session
			return u
		},
		"another process each time": func(_ *Machine, n int) fabric.Up { return hello3(fmt.Sprintf("a%d.x-1", n)) },
		"version 1":                 func(_ *Machine, n int) fabric.Up { return hello(fmt.Sprintf("a-%d", n)) },
		"version 1, anew":           func(_ *Machine, n int) fabric.Up { return hello(fmt.Sprintf("a%d-1", n)) },
	} {
		m := NewMachine(1, "inc")
		for n := range 1000 {
			o := order(n)
			o.Start.Spec.Script = strings.Repeat("x", 8<<10)
			m.Deliver(o)
		}
		sent, opened := 0, 0
		for now, n := start, 1; now.Before(start.Add(long)); now, n = now.Add(20*time.Millisecond), n+1 {
			if e := m.Frame(next(m, n), now); e.Up != nil {
				opened++
			}
			for _, d := range frames(m, now) {
				b, err := d.Encode()
				if err != nil {
					t.Fatal(err)
				}
				sent += len(b)
			}
		}
		if opened < 140 {
			t.Errorf("%s: only %d sessions are opened", name, opened)
		}
		if most := maxInFlight + int(long/time.Second)*maxOrders + opened*500; sent > most {
			t.Errorf("%s: sent %d MiB, of at most %d", name, sent>>20, most>>20)
		}
	}
}

// A host that is cut off, and comes back at once, has its orders within the second
// though it confirmed none; and one that confirms them waits for nothing.
func TestOrdersOfAHostThatComesBack(t *testing.T) {
	m := opened(t, 3)
	const many, long = 400, 50 << 10
	for n := range many {
		o := order(n)
		o.Start.Spec.Script = strings.Repeat("x", long)
		m.Deliver(o)
	}
	whole := len(ids(frames(m, start)))
	if whole < maxInFlight/long*9/10 {
		t.Fatalf("%d orders at first", whole)
	}
	again := hello3("a.x-2")
	again.Hello.After = m.session
	if e := m.Frame(again, start); e.Up == nil {
		t.Fatal("no session is opened")
	}
	var got []string
	now := start
	for got = ids(frames(m, now)); len(got) < whole; got = append(got, ids(frames(m, now))...) {
		wake := m.Wake()
		if wake.Before(now.Add(paceStep)) || wake.After(start.Add(time.Second)) {
			t.Fatalf("after %v, with %d of %d orders sent, wakes at %v", now.Sub(start), len(got), whole, wake.Sub(start))
		}
		now = wake
		m.Tick(now, nil)
	}
	all := len(got)
	for len(got) > 0 {
		m.Frame(fabric.Up{Version: 3, Session: m.session, Confirmed: got}, now)
		got = ids(frames(m, now))
		all += len(got)
	}
	if all != many {
		t.Errorf("%d of %d orders are sent to a host that confirms them", all, many)
	}
}
