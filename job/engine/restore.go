package engine

import (
	"fmt"
	"maps"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// Restore brings a tracker back from its saved rows. Rows of parts that the
// flow does not hold are those of an earlier flow. Attempts that have ended
// are not needed, and do no harm.
func Restore(flow *jobnet.Flow, r Records) (*Tracker, error) {
	t := &Tracker{
		row:      r.Tracker,
		gone:     map[banto.PartKey]*banto.Part{},
		attempts: map[banto.AttemptID]*banto.Attempt{},
	}
	t.row.Params = maps.Clone(r.Tracker.Params)
	t.row.WaitsFor = nil
	t.use(flow)
	for _, row := range r.Parts {
		if p := t.part(row.Key); p != nil {
			p.row = &row
		} else {
			t.gone[row.Key] = &row
		}
	}
	for _, a := range r.Attempts {
		if a.State.Ended() {
			continue
		}
		p := t.part(a.Part)
		if p == nil || p.row == nil || p.row.AttemptID != a.ID {
			return nil, fmt.Errorf("cannot restore tracker %s: attempt %s is not of part %s as saved", t.row.ID, a.ID, a.Part)
		}
		t.attempts[a.ID] = &a
	}
	t.recount()
	for i := range t.root.parts {
		p := &t.root.parts[i]
		switch p.state() {
		case banto.PartStarting, banto.PartRunning, banto.PartLost:
			if id := p.row.AttemptID; t.attempts[id] == nil {
				return nil, fmt.Errorf("cannot restore tracker %s: part %s is %s, but attempt %q is not there", t.row.ID, p.key(), p.state(), id)
			}
		}
	}
	return t, nil
}

// Resume gives again what was to be done for the parts that wait for a place
// or for their next attempt. Starts and kills are the caller's to repeat until
// a host has confirmed them.
func (t *Tracker) Resume() []Effect {
	var out []Effect
	for i := range t.root.parts {
		p := &t.root.parts[i]
		switch p.state() {
		case banto.PartReady:
			out = append(out, WantPlace{Part: p.key(), Host: p.row.Host})
		case banto.PartRetrying:
			out = append(out, WakeAt{Part: p.key(), At: *p.row.RetryAt})
		}
	}
	return out
}
