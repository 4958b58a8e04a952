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

// through gives the way of an edge out of a part in that state.
func through(s banto.PartState, o jobnet.Outlet) way {
	switch s {
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
		switch through(p.in.parts[e.From].state(), e.Outlet) {
		case open:
			p.open++
		case taken:
			p.taken++
		case failed:
			p.failed++
		}
	}
}

// settle looks at the edges of every part that has ended in this step, and of
// those that end because of it. It is a loop, for a flow may be deep.
func (t *Tracker) settle() {
	for len(t.cur.settled) > 0 {
		from := t.cur.settled[0]
		t.cur.settled = t.cur.settled[1:]
		for _, n := range from.def().Next {
			p := &from.in.parts[n.To]
			if p.state() != banto.PartWaiting {
				continue // of a join any: it has gone on already
			}
			p.open--
			switch through(from.state(), p.def().After[n.N].Outlet) {
			case taken:
				p.taken++
			case failed:
				p.failed++
			}
			t.consider(p)
		}
	}
}

// startAll considers every part that waits: at the start and after a rerun.
func (t *Tracker) startAll() {
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.state() == banto.PartWaiting {
			t.consider(p)
		}
	}
	t.settle()
}

// consider decides whether a waiting part starts, is not taken, or waits on.
func (t *Tracker) consider(p *part) {
	fp := p.def()
	switch {
	case len(fp.After) == 0:
		t.arrive(p, "")
	case fp.Join == jobnet.JoinAny && p.taken > 0:
		t.arrive(p, p.via())
	case p.open > 0 || p.failed > 0:
		return
	case p.taken > 0:
		t.arrive(p, "")
	default:
		t.notTaken(p)
	}
}

// via gives the part behind the first edge that is taken.
func (p *part) via() banto.PartKey {
	for _, e := range p.def().After {
		if from := &p.in.parts[e.From]; through(from.state(), e.Outlet) == taken {
			return from.key()
		}
	}
	return ""
}

// heals calls each for every part in error that the part heals, if it ends
// well: those whose error or ended edge it took.
func (p *part) heals(each func(from *part)) {
	fp := p.def()
	if !fp.Heals {
		return
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
