package engine

import (
	"github.com/bantoops/banto"
)

// branch takes the first way of a branch that is true. It needs no place and
// has no attempt.
func (t *Tracker) branch(p *part, via banto.PartKey) {
	o, found, err := p.def().Choose(t.scope(p))
	switch {
	case err != nil:
		t.fail(p, banto.ReasonExpression, err.Error())
	case !found:
		t.fail(p, banto.ReasonNoWay, "none of its conditions is true, and it has no else: "+p.def().OwnOutlets())
	default:
		r := t.edit(p)
		t.clear(r)
		r.Outlet = string(o) // before the state: the edges look at both
		r.Via, r.EndedAt = via, new(t.cur.now)
		t.set(p, banto.PartOK)
		t.heal(p)
		return
	}
	p.row.Via = via
}
