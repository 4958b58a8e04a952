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
	t.row.State = banto.TrackerRunning // a blocked one has kills to wait for, or ends at once
	t.row.Message = "cancelled by " + in.By
	if in.Reason != "" {
		t.row.Message += ": " + in.Reason
	}
	for i := range t.root.parts {
		p := &t.root.parts[i]
		switch p.state() {
		case banto.PartReady:
			t.emit(Withdraw{p.key()})
			t.drop(p)
		case banto.PartWaiting, banto.PartHeld, banto.PartRetrying:
			t.drop(p)
		}
	}
	t.cur.settled = nil // nothing waits behind these any more
	for _, a := range t.Live() {
		a := t.attempts[a.ID]
		a.Killing = true
		t.touchAttempt(a)
		t.emit(Kill{Attempt: a.ID, HostID: a.HostID, Reason: banto.ReasonKilled})
	}
	return nil
}

// drop cancels a part of which nothing is on a host.
func (t *Tracker) drop(p *part) {
	r := t.set(p, banto.PartCancelled)
	r.EndedAt, r.RetryAt = new(t.cur.now), nil
}
