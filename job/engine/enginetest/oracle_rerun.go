package enginetest

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// again is what a rerun runs again.
type again struct {
	flow  *simFlow
	named map[string]bool
	reset map[string]bool
	some  map[string]map[string]bool // items of a part that alone run again
	alone map[string]bool            // parts that go on meanwhile
}

// runAgain takes a rerun, or says that it must be refused.
func (o *oracle) runAgain(in engine.Rerun, next *simFlow) (refused bool) {
	a := &again{
		flow: o.flow, named: map[string]bool{}, reset: map[string]bool{},
		some: map[string]map[string]bool{}, alone: map[string]bool{},
	}
	if next != nil {
		a.flow = next
	}
	if o.cancelling || o.starting || in.Only && len(in.From) == 0 {
		return true
	}
	if next != nil {
		for _, p := range o.flow.parts {
			if o.parts[p.name].state.Live() && next.part(p.name) == nil {
				return true
			}
		}
	}
	if len(in.From) == 0 {
		o.failed(a)
	} else if !o.chosen(a, in) {
		return true
	}
	if !in.Only {
		a.behind()
	}
	if !o.sensible(a, in) {
		return true
	}
	o.begin(a)
	return false
}

// failed chooses what failed.
func (o *oracle) failed(a *again) {
	for _, p := range o.flow.parts {
		f := o.parts[p.name]
		bad := f.state == banto.PartError && !f.healed || f.state == banto.PartCancelled || f.state == banto.PartUnreached
		if !bad || a.flow.part(p.name) == nil {
			continue
		}
		a.reset[p.name] = true
		some := map[string]bool{}
		for host, i := range f.items {
			if i.state == banto.PartError || i.state == banto.PartCancelled || i.state == banto.PartWaiting {
				some[host] = true
			}
		}
		if len(some) > 0 {
			a.some[p.name] = some
		}
	}
}

// chosen takes what is named.
func (o *oracle) chosen(a *again, in engine.Rerun) bool {
	for _, k := range in.From {
		name, host := cut(k)
		if a.flow.part(name) == nil {
			return false
		}
		if host == "" {
			continue
		}
		item, of, _ := o.find(k)
		if item == nil || item.state == banto.PartNotTaken {
			return false
		}
		if a.some[name] == nil {
			a.some[name] = map[string]bool{}
		}
		a.some[name][host] = true
		if of.spread() {
			a.alone[name] = true
			continue
		}
		a.named[name], a.reset[name] = true, true
	}
	for _, k := range in.From {
		if name, host := cut(k); host == "" {
			a.named[name], a.reset[name] = true, true
			delete(a.some, name)
			delete(a.alone, name)
		}
	}
	return true
}

// behind adds all that is behind what runs again.
func (a *again) behind() {
	for more := true; more; {
		more = false
		for _, p := range a.flow.parts {
			for _, e := range p.edges {
				if a.reset[e.from] && !a.reset[p.name] {
					a.reset[p.name], more = true, true
				}
			}
		}
	}
}

// sensible says whether the rerun is allowed, and does something.
func (o *oracle) sensible(a *again, in engine.Rerun) bool {
	sense := len(a.flow.parts) != len(o.flow.parts)
	for _, p := range a.flow.parts {
		if o.flow.part(p.name) == nil {
			sense = true
			continue
		}
		f, some := o.parts[p.name], a.some[p.name]
		if a.alone[p.name] && !a.reset[p.name] {
			for host := range some {
				if !f.items[host].state.Ended() || f.forced != "" {
					return false
				}
			}
			sense = true
		}
		ran := f.attempt > 0 && some == nil
		for host, i := range f.items {
			ran = ran || i.attempt > 0 && (some == nil || some[host])
		}
		if ran && (a.reset[p.name] || a.alone[p.name]) {
			if p.rerun == jobnet.RerunNever || p.rerun == jobnet.RerunAsk && !in.Yes {
				return false
			}
		}
		if !a.reset[p.name] {
			continue
		}
		if f.state.Live() || isHeld(f) && a.named[p.name] {
			return false
		}
		sense = sense || f.state.Ended() && (!f.toSkip || a.named[p.name])
	}
	return sense && !o.barred(a)
}

// barred says whether a part that is named could not run: one before it has
// failed and does not run again.
func (o *oracle) barred(a *again) bool {
	for _, p := range a.flow.parts {
		if !a.named[p.name] || !a.reset[p.name] {
			continue
		}
		bad, hope := false, false
		for _, e := range p.edges {
			w := "open"
			if o.flow.part(e.from) != nil && !a.reset[e.from] {
				w = o.look(e)
			}
			bad = bad || w == "failed"
			hope = hope || p.any && (w == "open" || w == "taken")
		}
		if bad && !hope {
			return true
		}
	}
	return false
}

// begin begins a rerun.
func (o *oracle) begin(a *again) {
	for _, p := range a.flow.parts {
		f := o.parts[p.name]
		fresh := o.flow.part(p.name) == nil
		if f == nil {
			f = &fate{state: banto.PartWaiting}
			o.parts[p.name] = f
		}
		some := a.some[p.name]
		for host, i := range f.items {
			switch {
			case some[host] && a.alone[p.name]:
				o.reset(i)
				i.state = banto.PartReady
			case some[host]:
				o.reset(i)
			case some == nil && (a.reset[p.name] || fresh):
				o.reset(i)
				i.state = banto.PartNotTaken
			}
		}
		if fresh || a.reset[p.name] && (!f.toSkip || a.named[p.name]) {
			held := isHeld(f)
			if o.reset(f); held {
				f.state = banto.PartHeld
			}
		}
	}
	o.flow = a.flow
	o.rerun++
	o.restarts = 0
	o.state = banto.TrackerRunning
	for _, f := range o.parts {
		f.healed = false
	}
	for i := range a.flow.parts {
		p := &a.flow.parts[i]
		if s := o.parts[p.name].state; s == banto.PartOK || s == banto.PartWarning {
			o.heal(p, func(g *fate) { g.healed = true })
		}
	}
	o.move()
}

// reset takes a part or item back to waiting.
func (o *oracle) reset(f *fate) {
	*f = fate{state: banto.PartWaiting, attempt: f.attempt, attemptID: f.attemptID, items: f.items}
}
