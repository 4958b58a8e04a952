package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

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
		name, _ := split(row.Key)
		if p := t.root.part(name); p != nil {
			p.take(&row)
		} else {
			t.gone[row.Key] = &row
		}
	}
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.items != nil {
			p.sortItems()
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
	var err error
	t.root.all(func(p *part) {
		switch p.state() {
		case banto.PartStarting, banto.PartRunning, banto.PartLost:
			if p.gone() {
				t.starting = true
				return
			}
			if id := p.row.AttemptID; t.attempts[id] == nil && !p.spread() && !p.awaits() && err == nil {
				err = fmt.Errorf("cannot restore tracker %s: part %s is %s, but attempt %q is not there", t.row.ID, p.key(), p.state(), id)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Resume gives again what was to be done for the parts that wait for a place,
// for their next attempt, or for the time at which on-lost acts. Starts and kills are the caller's to repeat until
// a host has confirmed them.
func (t *Tracker) Resume() []Effect {
	t.begin(time.Time{})
	for _, p := range t.inLine() {
		t.want(p)
	}
	t.root.all(func(p *part) {
		if p.state() == banto.PartRetrying {
			t.emit(WakeAt{Part: p.key(), At: *p.row.RetryAt})
		}
		if p.awaits() && p.row.Until != nil {
			t.emit(WakeAt{Part: p.key(), At: *p.row.Until})
		}
	})
	t.deadlines()
	out := t.cur.out
	t.cur = step{}
	return out
}

// inLine gives the ready parts in the order in which they became so.
func (t *Tracker) inLine() []*part {
	var ready []*part
	t.root.all(func(p *part) {
		if p.state() == banto.PartReady {
			ready = append(ready, p)
		}
	})
	slices.SortStableFunc(ready, func(a, b *part) int { return cmp.Compare(a.row.Revision, b.row.Revision) })
	return ready
}
