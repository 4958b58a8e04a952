package engine

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// way is how an edge stands.
type way int

// The ways.
const (
	open   way = iota // the part before has not ended
	taken             // it leads on
	off               // another outlet was chosen, or the part before was not taken
	failed            // the part before should have ended better, or was never reached
)

// stand is a part as the edges that leave it see it.
type stand struct {
	state  banto.PartState
	outlet jobnet.Outlet // that a branch has taken
}

// through gives the way of an edge out of a part that stands so.
func through(s stand, o jobnet.Outlet) way {
	if own(o) {
		return s.through(o)
	}
	switch s.state {
	case banto.PartOK:
		return pick(o, jobnet.OutletDone, jobnet.OutletOK, jobnet.OutletEnded)
	case banto.PartSkipped:
		return pick(o, jobnet.OutletDone, jobnet.OutletEnded)
	case banto.PartWarning:
		if o == jobnet.OutletOK {
			return failed
		}
		return pick(o, jobnet.OutletDone, jobnet.OutletWarning, jobnet.OutletEnded)
	case banto.PartError:
		if o == jobnet.OutletOK || o == jobnet.OutletDone {
			return failed
		}
		return pick(o, jobnet.OutletError, jobnet.OutletEnded)
	case banto.PartNotTaken:
		return off
	case banto.PartUnreached, banto.PartCancelled:
		// It did not come to an outcome, so no outlet of it leads on: not even
		// ended, or a rerun of another part would run what is behind this one.
		return failed
	}
	return open
}

// own says whether an outlet is one of a branch's own.
func own(o jobnet.Outlet) bool {
	switch o {
	case jobnet.OutletDone, jobnet.OutletOK, jobnet.OutletWarning, jobnet.OutletError, jobnet.OutletEnded:
		return false
	}
	return true
}

// through gives the way of an edge from one of a branch's own outlets. A branch
// that came to none leads nowhere.
func (s stand) through(o jobnet.Outlet) way {
	switch {
	case !s.state.Ended():
		return open
	case s.state == banto.PartNotTaken:
		return off
	case s.state != banto.PartOK && s.state != banto.PartWarning, s.outlet == "":
		return failed
	case s.outlet == o:
		return taken
	}
	return off
}

// pick gives taken for one of the outlets and off for any other.
func pick(o jobnet.Outlet, those ...jobnet.Outlet) way {
	for _, t := range those {
		if o == t {
			return taken
		}
	}
	return off
}

// recountEdges reckons how the edges of a part stand.
func (p *part) recountEdges() {
	p.open, p.taken, p.failed = 0, 0, 0
	for _, e := range p.def().After {
		p.tally(through(p.in.parts[e.From].stands(), e.Outlet), 1)
	}
}

// tally notes that n more edges of the part stand so.
func (p *part) tally(w way, n int) {
	switch w {
	case open:
		p.open += n
	case taken:
		p.taken += n
	case failed:
		p.failed += n
	}
}

// settle looks at the edges of every part that has ended in this step, and of
// those that end because of it. It is a loop, for a flow may be deep.
func (t *Tracker) settle() {
	for {
		switch {
		case len(t.cur.sums) > 0:
			p := t.cur.sums[0]
			t.cur.sums = t.cur.sums[1:]
			t.sum(p)
		case len(t.cur.settled) > 0:
			s := t.cur.settled[0]
			t.cur.settled = t.cur.settled[1:]
			for _, n := range s.p.def().Next {
				p := &s.p.in.parts[n.To]
				o := p.def().After[n.N].Outlet
				p.tally(through(s.was, o), -1)
				p.tally(through(s.now, o), 1)
				if p.stands().state == banto.PartWaiting {
					t.cur.turns = append(t.cur.turns, p)
				}
			}
		case len(t.cur.turns) > 0:
			// Only now that all edges stand as they do: more than one part may have
			// ended otherwise than before.
			p := t.cur.turns[0]
			t.cur.turns = t.cur.turns[1:]
			t.consider(p)
		case len(t.cur.stops) > 0:
			t.stopFirst()
		default:
			return
		}
	}
}

// startAll considers every part that waits: at the start and after a rerun.
func (t *Tracker) startAll() {
	t.settle()
	for i := range t.root.parts {
		t.consider(&t.root.parts[i])
	}
	t.settle()
}

// consider decides whether a waiting part starts, is not taken, or waits on.
// Any other part stays as it is: its time has come already, or it is held.
func (t *Tracker) consider(p *part) {
	if p.stands().state != banto.PartWaiting {
		return
	}
	switch {
	case p.allowed():
		t.arrive(p, p.via())
	case p.open == 0 && p.failed == 0:
		t.notTaken(p)
	}
}

// allowed says whether the part's edges let it start.
func (p *part) allowed() bool {
	switch {
	case len(p.def().After) == 0:
		return true
	case p.def().Join == jobnet.JoinAny && p.taken > 0:
		return true
	}
	return p.open == 0 && p.failed == 0 && p.taken > 0
}

// via gives the part behind the first edge that is taken, of a join any.
func (p *part) via() banto.PartKey {
	if p.def().Join != jobnet.JoinAny {
		return ""
	}
	if p.row != nil && p.row.Via != "" {
		return p.row.Via // it was held when it was ready
	}
	for _, e := range p.def().After {
		if from := &p.in.parts[e.From]; through(from.stands(), e.Outlet) == taken {
			return from.key()
		}
	}
	return ""
}

// heal marks what the part heals, if it has ended well. An item heals nothing:
// the part that it is of may yet fail.
func (t *Tracker) heal(p *part) {
	if s := p.state(); p.of != nil || s != banto.PartOK && s != banto.PartWarning {
		return
	}
	p.heals(func(from *part) {
		if !from.row.Healed {
			t.edit(from).Healed = true
		}
	})
}

// heals calls each for every part in error that the part heals, if it ends
// well: those whose error or ended edge it took.
func (p *part) heals(each func(from *part)) {
	fp := p.def()
	if !fp.Heals || p.row.Forced != "" && p.row.Tries == 0 {
		return // not one that a person ended before it ever started
	}
	for _, e := range fp.After {
		if e.Outlet != jobnet.OutletError && e.Outlet != jobnet.OutletEnded {
			continue
		}
		from := &p.in.parts[e.From]
		if from.state() != banto.PartError {
			continue
		}
		if fp.Join == jobnet.JoinAny && p.row.Via != from.key() {
			continue // that one failed when this part had already started
		}
		each(from)
	}
}
