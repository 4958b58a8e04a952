package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
)

// Changes gives the parts that the last step changed at once, if that was a
// move, in the order of the definition.
func (t *Tracker) Changes() []banto.MoveChange { return slices.Clone(t.changes) }

// Plan says what a move would change at once, as Changes does after it, or why
// it is refused. The tracker stays as it is.
func (t *Tracker) Plan(in Input, now time.Time) ([]banto.MoveChange, error) {
	c := t.clone()
	if _, err := c.Step(in, now); err != nil {
		return nil, err
	}
	return c.changes, nil
}

// clone gives a tracker that shares nothing that a step writes to.
func (t *Tracker) clone() *Tracker {
	c := &Tracker{
		row: t.Row(), live: t.live, starting: t.starting,
		root:     t.root.clone(),
		gone:     make(map[banto.PartKey]*banto.Part, len(t.gone)),
		attempts: make(map[banto.AttemptID]*banto.Attempt, len(t.attempts)),
	}
	for key, r := range t.gone {
		c.gone[key] = new(*r)
	}
	for id, a := range t.attempts {
		c.attempts[id] = new(*a)
	}
	return c
}

// clone gives a frame of its own, with the same flow and values.
func (f *frame) clone() *frame {
	c := *f
	c.parts = slices.Clone(f.parts)
	for i := range c.parts {
		p := &c.parts[i]
		p.in = &c
		p.copyRow()
		if p.items == nil {
			continue
		}
		its := *p.items
		its.counts, its.list = maps.Clone(its.counts), slices.Clone(its.list)
		for n, old := range its.list {
			item := new(*old)
			item.in, item.of = &c, p
			item.copyRow()
			its.list[n] = item
		}
		p.items = &its
	}
	return &c
}

// copyRow gives the part a row of its own.
func (p *part) copyRow() {
	if p.row != nil {
		p.row = new(*p.row)
	}
}
