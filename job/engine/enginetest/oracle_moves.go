package enginetest

import (
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// named gives the parts that a move names, in the order of the definition, and
// each before its items; false when one is not there.
func (o *oracle) named(keys []banto.PartKey) (parts []place, ok bool) {
	wanted := map[*fate]bool{}
	for _, k := range keys {
		f, _, _ := o.find(k)
		if f == nil {
			return nil, false
		}
		wanted[f] = true
	}
	o.all(func(f, of *fate, p *simPart) {
		if wanted[f] {
			parts = append(parts, place{f, of, p})
		}
	})
	return parts, true
}

// place is a part or item with what it is of.
type place struct {
	f, of *fate
	p     *simPart
}

// move takes what an operator asks for, or says that it must be refused.
func (o *oracle) moveOf(in engine.Input) (refused bool) {
	switch in := in.(type) {
	case engine.Hold:
		return o.hold(in)
	case engine.Release:
		return o.release(in)
	case engine.Skip:
		return o.skip(in)
	case engine.ForceEnd:
		return o.forceEnd(in)
	case engine.KillParts:
		return o.kill(in)
	}
	return o.cancel()
}

func (o *oracle) hold(in engine.Hold) (refused bool) {
	if o.state.Ended() || o.cancelling {
		return true
	}
	if len(in.Parts) == 0 {
		o.held = true
		return false
	}
	parts, ok := o.named(in.Parts)
	if !ok {
		return true
	}
	for _, x := range parts {
		some := x.f.state == banto.PartRunning && x.f.has(canHoldItem)
		first := x.f.state == banto.PartWaiting && x.of == nil
		if !some && !first && !canHoldItem(x.f) && !isHeld(x.f) {
			return true
		}
	}
	for _, x := range parts {
		if x.f.state == banto.PartRunning {
			for _, i := range x.f.items {
				if canHoldItem(i) {
					i.state = banto.PartHeld
				}
			}
			continue
		}
		x.f.state = banto.PartHeld
	}
	return false
}

func canHoldItem(f *fate) bool {
	return f.state == banto.PartReady || f.state == banto.PartRetrying
}

func (o *oracle) release(in engine.Release) (refused bool) {
	if o.state.Ended() || o.cancelling {
		return true
	}
	if len(in.Parts) == 0 {
		some := o.held
		o.all(func(f, of *fate, p *simPart) {
			if isHeld(f) && !f.spread() {
				some = true
				o.letGo(f, of)
			}
		})
		o.held = false
		return !some
	}
	parts, ok := o.named(in.Parts)
	if !ok {
		return true
	}
	for _, x := range parts {
		if !isHeld(x.f) && !x.f.has(isHeld) {
			return true
		}
	}
	for _, x := range parts {
		if x.f.has(isHeld) {
			for _, i := range x.f.items {
				if isHeld(i) {
					o.letGo(i, x.f)
				}
			}
		} else if isHeld(x.f) {
			o.letGo(x.f, x.of)
		}
	}
	return false
}

// letGo brings what was held back to where it was.
func (o *oracle) letGo(f, of *fate) {
	switch {
	case !f.retryAt.IsZero() && o.now.Before(f.retryAt):
		f.state = banto.PartRetrying
	case !f.retryAt.IsZero(), f.tries > 0, of != nil:
		f.state, f.retryAt = banto.PartReady, zeroTime
	default:
		f.state, f.left = banto.PartWaiting, false
	}
}

// canEnd says whether a skip or force-end makes sense for a part.
func (o *oracle) canEnd(x place, onHosts bool) bool {
	s := x.f.state
	switch {
	case x.f.gone || x.f.has(func(i *fate) bool { return i.gone }):
		return false
	case s.Ended() && s != banto.PartError && !x.f.toSkip:
		return false
	case s == banto.PartWaiting && x.of != nil:
		return false
	case s == banto.PartError && x.of != nil && x.of.state.Ended() && (x.of.state != banto.PartError || x.of.forced != ""):
		return false
	case o.cancelling && !onHosts:
		return false
	case o.state.Ended() && s != banto.PartError:
		return false
	}
	return true
}

func runsNow(f *fate) bool {
	return (f.state == banto.PartStarting || f.state == banto.PartRunning) && !f.spread() && f.until.IsZero()
}

func (o *oracle) skip(in engine.Skip) (refused bool) {
	parts, ok := o.named(in.Parts)
	if !ok || len(parts) == 0 {
		return true
	}
	for _, x := range parts {
		if runsNow(x.f) || x.f.has(runsNow) || !o.canEnd(x, onHost(x.f.state)) {
			return true
		}
		if len(x.p.ways) > 0 && !x.f.toSkip {
			return true
		}
	}
	o.takeUp()
	for _, x := range parts {
		o.skipOne(x)
	}
	return false
}

// skipOne skips a part, at once if its turn has come.
func (o *oracle) skipOne(x place) {
	f := x.f
	if f.spread() {
		for _, i := range f.items {
			if i.state.Live() || isHeld(i) || i.state == banto.PartError {
				o.skipOne(place{i, f, x.p})
			}
		}
		return
	}
	turn := f.state != banto.PartWaiting && !f.toSkip
	if isHeld(f) {
		turn = x.of != nil || f.tries > 0 || f.via != ""
	}
	f.state, f.exit, f.hasN, f.healed, f.forced, f.retryAt = banto.PartSkipped, nil, false, false, "", zeroTime
	f.toSkip, f.stopped, f.outlet, f.until = !turn, false, "", zeroTime
}

func (o *oracle) forceEnd(in engine.ForceEnd) (refused bool) {
	parts, ok := o.named(in.Parts)
	if !ok || len(parts) == 0 || in.Outcome == "" {
		return true
	}
	for _, x := range parts {
		if x.f.state == banto.PartError && in.Outcome == banto.Error || !o.canEnd(x, onHost(x.f.state)) {
			return true
		}
		wantsWay := len(x.p.ways) > 0 && in.Outcome != banto.Error
		isWay := slices.ContainsFunc(x.p.ways, func(w simWay) bool { return w.outlet == string(in.Outlet) })
		if wantsWay && !isWay || !wantsWay && in.Outlet != "" {
			return true
		}
	}
	o.takeUp()
	for _, x := range parts {
		o.forceOne(x, in.Outcome)
		x.f.outlet = string(in.Outlet)
	}
	return false
}

// forceOne gives a part an outcome, at once unless it runs.
func (o *oracle) forceOne(x place, outcome banto.Outcome) {
	f := x.f
	switch {
	case f.spread():
		f.forced = outcome
		for _, i := range f.items {
			if runsNow(i) {
				i.killing = true
			} else if !i.state.Ended() {
				o.forceOne(place{i, f, x.p}, outcome)
			}
		}
		return
	case runsNow(f):
		f.forced, f.killing = outcome, true
		return
	}
	f.state, f.exit, f.hasN, f.healed, f.retryAt = banto.PartState(outcome), nil, false, false, zeroTime
	f.forced, f.toSkip, f.stopped, f.outlet, f.until = outcome, false, false, "", zeroTime
	if x.of == nil && f.state != banto.PartError {
		o.heal(x.p, func(g *fate) { g.healed = true })
	}
}

// takeUp goes on with a tracker that has ended.
func (o *oracle) takeUp() {
	if !o.state.Ended() {
		return
	}
	o.rerun++
	o.restarts = 0
	o.state = banto.TrackerRunning
	for _, p := range o.flow.parts {
		if f := o.parts[p.name]; f.state == banto.PartUnreached {
			o.reset(f)
		}
	}
}

func (o *oracle) kill(in engine.KillParts) (refused bool) {
	if o.state.Ended() {
		return true
	}
	parts, ok := o.named(in.Parts)
	if len(in.Parts) == 0 {
		for i := range o.flow.parts {
			p := &o.flow.parts[i]
			if f := o.parts[p.name]; f.out() || f.has((*fate).out) {
				parts = append(parts, place{f, nil, p})
			}
		}
		ok = len(parts) > 0
	}
	for _, x := range parts {
		if !x.f.out() && !x.f.has((*fate).out) {
			return true
		}
	}
	anew := slices.ContainsFunc(parts, func(x place) bool {
		return !x.f.spread() && !x.f.killing || x.f.has(func(i *fate) bool { return i.out() && !i.killing || canHoldItem(i) })
	})
	if !ok || !anew {
		return true
	}
	for _, x := range parts {
		if !x.f.spread() {
			x.f.killing = true
			continue
		}
		for _, i := range x.f.items {
			if i.out() {
				i.killing = true
			} else if canHoldItem(i) {
				i.fail()
				i.retryAt = zeroTime
			}
		}
	}
	return false
}

func (o *oracle) cancel() (refused bool) {
	if o.state.Ended() {
		return true
	}
	if o.cancelling {
		return false
	}
	o.cancelling, o.held, o.starting = true, false, false
	o.all(func(f, of *fate, p *simPart) {
		switch {
		case f.gone:
			f.state, f.gone = banto.PartCancelled, false
		case !f.until.IsZero():
			f.state, f.until = banto.PartCancelled, zeroTime
		case onHost(f.state):
			f.killing = true
		case f.state.Ended() || f.spread() || of != nil && f.state == banto.PartWaiting:
		default:
			f.state, f.retryAt = banto.PartCancelled, zeroTime
		}
	})
	return false
}
