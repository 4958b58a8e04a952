package engine

import (
	"fmt"

	"github.com/bantoops/banto"
)

// cancel ends what waits, and asks for the end of what runs. The same again is
// no error.
func (t *Tracker) cancel(in Cancel) error {
	if t.row.State.Ended() {
		return banto.Fail(banto.KindConflict, fmt.Sprintf("cannot cancel tracker %s", t.row.ID),
			fmt.Sprintf("it has already ended (%s)", t.row.State), "")
	}
	if t.row.Cancelling {
		return nil
	}
	t.touch()
	t.row.Cancelling = true
	t.row.Message = said("cancelled", in.By, in.Reason)
	t.root.all(func(p *part) {
		switch p.state() {
		case banto.PartReady:
			t.withdraw(p)
			t.drop(p)
		case banto.PartHeld:
			if !p.spread() { // of one that is, the items are held
				t.drop(p)
			}
		case banto.PartRetrying:
			t.drop(p)
		case banto.PartRunning:
			if p.awaits() {
				t.drop(p)
			}
		case banto.PartLost:
			if p.gone() {
				t.drop(p)
			}
		case banto.PartWaiting:
			if p.of == nil {
				t.drop(p)
			}
		}
	})
	// Only now: what was withdrawn before needs no second time.
	t.row.Held, t.row.HeldOuter, t.row.State = false, false, banto.TrackerRunning
	t.starting = false
	for _, a := range t.Live() {
		t.kill(t.part(a.Part), "")
	}
	return nil
}

// drop cancels a part of which nothing is on a host.
func (t *Tracker) drop(p *part) {
	held := p.state() == banto.PartHeld
	r := t.set(p, banto.PartCancelled)
	r.EndedAt, r.RetryAt, r.Until = new(t.cur.now), nil, nil
	if held {
		r.Message = ""
	}
}
