package gateway

import (
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
