package engine

import (
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// rerunFrom gives the parts that are named, or those that failed; and notes in
// the plan which items of them alone are meant.
func (t *Tracker) rerunFrom(plan *rerunPlan, in Rerun) ([]int, error) {
	if len(in.From) == 0 {
		return t.rerunFailed(plan), nil
	}
	var from []int
	whole := map[int]bool{}
	for _, key := range in.From {
		name, host := split(key)
		i := plan.flow.Part(name)
		if i < 0 || host == "" && string(key) != name {
			return nil, t.unknown(banto.MoveRerun, key, plan.flow.Jobnet)
		}
		if host != "" {
			item := t.part(key)
			if item == nil || item.state() == banto.PartNotTaken {
				return nil, t.unknown(banto.MoveRerun, key, plan.flow.Jobnet)
			}
			if plan.items[i] == nil {
				plan.items[i] = map[string]bool{}
			}
			plan.items[i][host] = true
			if item.of.spread() {
				plan.alone[i] = true // the part has not ended, so nothing is behind it yet
				continue
			}
		} else {
			whole[i] = true
		}
		from = append(from, i)
	}
	for i := range whole {
		delete(plan.items, i)
		delete(plan.alone, i)
	}
	return from, nil
}

// rerunFailed gives the parts that failed or were not reached. Of one on
// several hosts only what failed runs again.
func (t *Tracker) rerunFailed(plan *rerunPlan) []int {
	var from []int
	for i := range t.root.parts {
		p := &t.root.parts[i]
		switch p.state() {
		case banto.PartError:
			if p.row.Healed {
				continue
			}
		case banto.PartCancelled, banto.PartUnreached:
		default:
			continue
		}
		n := plan.flow.Part(p.def().Name)
		if n < 0 {
			continue
		}
		from = append(from, n)
		some := map[string]bool{}
		p.each(func(i *part) {
			switch i.state() {
			case banto.PartError, banto.PartCancelled, banto.PartWaiting:
				some[i.host] = true
			}
		})
		if len(some) > 0 && plan.flow.Parts[n].Kind.Runs() {
			plan.items[n] = some
		}
	}
	return from
}

// behind marks the parts and all that can be reached from them.
func behind(flow *jobnet.Flow, from []int) []bool {
	marked := make([]bool, len(flow.Parts))
	for len(from) > 0 {
		i := from[len(from)-1]
		from = from[:len(from)-1]
		if marked[i] {
			continue
		}
		marked[i] = true
		for _, n := range flow.Parts[i].Next {
			from = append(from, n.To)
		}
	}
	return marked
}

// checkStates refuses to run again what has not ended, and a rerun of nothing.
func (t *Tracker) checkStates(plan *rerunPlan, in Rerun) error {
	some := t.changesParts(plan.flow)
	conflict := func(why, hint string) error { return t.refuse(banto.MoveRerun, banto.KindConflict, why, hint) }
	const wait = "wait until it has ended, or cancel the tracker first"
	for i, yes := range plan.reset {
		p := t.root.part(plan.flow.Parts[i].Name)
		if p == nil {
			continue
		}
		if plan.alone[i] && !yes {
			if p.row.Forced != "" {
				return conflict(string(p.key())+" is being force-ended", wait)
			}
			if n := slices.IndexFunc(p.items.list, func(item *part) bool {
				return plan.items[i][item.host] && !item.state().Ended()
			}); n >= 0 {
				return conflict(p.items.list[n].is(), wait)
			}
			some = true
		}
		if !yes {
			continue
		}
		switch s := p.state(); {
		case s.Live():
			return conflict(p.is(), wait)
		case s == banto.PartHeld && plan.named[i]:
			return conflict(p.is(), "release it to let it run")
		case p.toSkip():
			some = some || plan.named[i]
		default:
			some = some || s.Ended()
		}
	}
	switch {
	case some:
		return nil
	case len(in.From) == 0:
		return conflict("nothing failed", "name the parts to run again")
	}
	return conflict(fmt.Sprintf("%s has not run yet", in.From[0]), "")
}

// checkEdges refuses to run again a named part that could not start, because
// one before it that does not run again has failed.
func (t *Tracker) checkEdges(plan *rerunPlan) error {
	var no refusals
	for i := range plan.reset {
		if fp := &plan.flow.Parts[i]; plan.reset[i] && plan.named[i] {
			if from := t.inTheWay(plan, fp); from != nil {
				hint := "rerun " + string(from.key()) + " too"
				if from.state() == banto.PartError {
					hint += ", or skip or force-end it"
				}
				no.add(fmt.Sprintf("%s cannot run before %s: %s is %s", fp.Name, from.key(), from.key(), from.state()), hint)
			}
		}
	}
	return t.refuseAll(banto.MoveRerun, no)
}

// inTheWay gives the first failed part that keeps a part from running again,
// whatever else comes; nil if there is none.
func (t *Tracker) inTheWay(plan *rerunPlan, fp *jobnet.FlowPart) *part {
	var first *part
	for _, e := range fp.After {
		from, w := t.root.part(plan.flow.Parts[e.From].Name), open
		if from != nil && !plan.reset[e.From] {
			w = through(from.stands(), e.Outlet)
		}
		switch {
		case w == failed && first == nil:
			first = from
		case fp.Join == jobnet.JoinAny && (w == open || w == taken):
			return nil
		}
	}
	return first
}

// checkRules obeys what the designer said of parts that would run again.
func (t *Tracker) checkRules(plan *rerunPlan, in Rerun) error {
	var never, ask refusals
	for i := range plan.reset {
		fp := &plan.flow.Parts[i]
		p := t.root.part(fp.Name)
		if p == nil || !plan.reset[i] && !plan.alone[i] || !p.ranBefore(plan.items[i]) {
			continue
		}
		switch {
		case fp.Rerun == jobnet.RerunNever:
			never.add(fmt.Sprintf("%s must not run again (rerun: never)", p.key()), "rerun other parts, or one part alone with only; skip or force-end this one")
		case fp.Rerun == jobnet.RerunAsk && !in.Yes:
			ask.add(fmt.Sprintf("%s asks before it runs again (rerun: ask)", p.key()), "say yes (--yes) if it may")
		}
	}
	never.whys = append(never.whys, ask.whys...)
	if never.hint == "" {
		never.hint = ask.hint
	}
	return t.refuseAll(banto.MoveRerun, never)
}

// ranBefore says whether an attempt was made of the part, or of one of the
// items if there are any.
func (p *part) ranBefore(some map[string]bool) bool {
	tried := func(p *part) bool { return p.row != nil && p.row.Attempt > 0 }
	if some != nil {
		return p.any(func(i *part) bool { return some[i.host] && tried(i) })
	}
	return tried(p) || p.any(tried)
}
