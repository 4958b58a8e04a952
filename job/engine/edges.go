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
func (t *Tracker) recountEdges(i int) {
	p := &t.parts[i]
	p.open, p.taken, p.failed = 0, 0, 0
	for _, e := range t.flow.Parts[i].After {
		switch through(t.state(e.From), e.Outlet) {
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
		i := t.cur.settled[0]
		t.cur.settled = t.cur.settled[1:]
		for _, n := range t.flow.Parts[i].Next {
			p := &t.parts[n.To]
			if t.state(n.To) != banto.PartWaiting {
				continue // of a join any: it has gone on already
			}
			p.open--
			switch through(t.state(i), t.flow.Parts[n.To].After[n.N].Outlet) {
			case taken:
				p.taken++
			case failed:
				p.failed++
			}
			t.consider(n.To)
		}
	}
}

// startAll considers every part that waits: at the start and after a rerun.
func (t *Tracker) startAll() {
	for i := range t.parts {
		if t.state(i) == banto.PartWaiting {
			t.consider(i)
		}
	}
	t.settle()
}

// consider decides whether a waiting part starts, is not taken, or waits on.
func (t *Tracker) consider(i int) {
	p, fp := &t.parts[i], &t.flow.Parts[i]
	switch {
	case len(fp.After) == 0:
		t.arrive(i, "")
	case fp.Join == jobnet.JoinAny && p.taken > 0:
		t.arrive(i, t.via(i))
	case p.open > 0 || p.failed > 0:
		return
	case p.taken > 0:
		t.arrive(i, "")
	default:
		t.notTaken(i)
	}
}

// via gives the part behind the first edge that is taken.
func (t *Tracker) via(i int) banto.PartKey {
	for _, e := range t.flow.Parts[i].After {
		if through(t.state(e.From), e.Outlet) == taken {
			return t.key(e.From)
		}
	}
	return ""
}

// healed calls each for every part in error that the i-th part heals, if it
// ends well: those whose error or ended edge it took.
func (t *Tracker) healed(i int, each func(from int)) {
	fp := &t.flow.Parts[i]
	if !fp.Heals {
		return
	}
	for _, e := range fp.After {
		if e.Outlet != jobnet.OutletError && e.Outlet != jobnet.OutletEnded {
			continue
		}
		if t.state(e.From) != banto.PartError {
			continue
		}
		if fp.Join == jobnet.JoinAny && t.parts[i].row.Via != t.key(e.From) {
			continue // that one failed when this part had already started
		}
		each(e.From)
	}
}
