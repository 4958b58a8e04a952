package engine

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// wait begins a wait, or passes it if what it waits for has come already. It
// needs no place and has no attempt; a tracker that is held lets it begin too.
func (t *Tracker) wait(p *part, via banto.PartKey) {
	until := clean(p.def().Wait.Until(t.cur.now, t.row.Date, t.zone()))
	r := t.edit(p)
	t.clear(r)
	r.Via, r.StartedAt = via, new(t.cur.now)
	if !until.After(t.cur.now) {
		t.passed(p)
		return
	}
	r.Until = &until
	t.set(p, banto.PartRunning)
	t.emit(WakeAt{Part: p.key(), At: until})
}

// passed ends a wait for which all that it waits for has come.
func (t *Tracker) passed(p *part) {
	r := t.set(p, banto.PartOK)
	r.Until, r.EndedAt = nil, new(t.cur.now)
	t.heal(p)
}

// awaits says whether the part is a wait that goes on.
func (p *part) awaits() bool {
	return p.state() == banto.PartRunning && p.def().Kind == jobnet.KindWait
}

// zone gives the time zone of the tracker's base day.
func (t *Tracker) zone() *time.Location {
	name := t.root.flow.Timezone
	if name == "" {
		name = t.row.Timezone
	}
	return jobnet.Zone(name)
}
