package enginetest

import (
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// cut gives the name of a part and the host of an item.
func cut(key banto.PartKey) (name, host string) {
	name, host, _ = strings.Cut(string(key), "[")
	return name, strings.TrimSuffix(host, "]")
}

// find gives where a part or item of the flow stands, with the part's fate for
// an item; nil when there is none.
func (o *oracle) find(key banto.PartKey) (f, of *fate, p *simPart) {
	name, host := cut(key)
	p = o.flow.part(name)
	if p == nil {
		return nil, nil, nil
	}
	f = o.parts[name]
	if host == "" {
		return f, nil, p
	}
	if item := f.items[host]; item != nil {
		return item, f, p
	}
	return nil, nil, nil
}

// all calls each for every part of the flow and its items.
func (o *oracle) all(each func(f, of *fate, p *simPart)) {
	for i := range o.flow.parts {
		p := &o.flow.parts[i]
		f := o.parts[p.name]
		each(f, nil, p)
		for _, host := range slices.Sorted(maps.Keys(f.items)) {
			each(f.items[host], f, p)
		}
	}
}

// has says whether some item is so.
func (f *fate) has(so func(*fate) bool) bool {
	for _, i := range f.items {
		if so(i) {
			return true
		}
	}
	return false
}

func isHeld(f *fate) bool { return f.state == banto.PartHeld }

// spread says whether an item is live or held.
func (f *fate) spread() bool {
	return f.has(func(i *fate) bool { return i.state.Live() || isHeld(i) })
}

// fanOut gives a ready part an item on each host.
func (o *oracle) fanOut(in engine.FanOut) {
	f, of, _ := o.find(in.Part)
	if f == nil || of != nil || f.state != banto.PartReady || o.held || o.starting {
		return
	}
	f.state, f.exit, f.hasN = banto.PartRunning, nil, false
	if f.items == nil {
		f.items = map[string]*fate{}
	}
	for _, h := range in.Hosts {
		if f.items[h.Name] == nil {
			f.items[h.Name] = &fate{}
		}
		f.items[h.Name].state = banto.PartReady
	}
}

// sum makes of a part what its items are.
func (o *oracle) sum(p *simPart) {
	f := o.parts[p.name]
	in := func(states ...banto.PartState) bool {
		return f.has(func(i *fate) bool { return slices.Contains(states, i.state) })
	}
	current := f.has(func(i *fate) bool { return i.state != banto.PartNotTaken })
	mine := f.state == banto.PartRunning || f.state == banto.PartHeld || f.state == banto.PartError && f.forced == ""
	if !current || !mine || in(banto.PartWaiting) {
		return
	}
	was := f.state
	switch {
	case f.has(func(i *fate) bool { return i.state.Live() }):
		f.state = banto.PartRunning
		return
	case in(banto.PartHeld):
		f.state = banto.PartHeld
		return
	case f.forced != "":
		f.state = banto.PartState(f.forced)
	case in(banto.PartError):
		f.state = banto.PartError
	case in(banto.PartCancelled):
		f.state = banto.PartCancelled
	case in(banto.PartWarning):
		f.state = banto.PartWarning
	case in(banto.PartOK):
		f.state = banto.PartOK
	default:
		f.state = banto.PartSkipped
	}
	if f.state != was {
		f.healed = false
		o.heal(p, func(g *fate) { g.healed = true })
	}
}
