package engine

import (
	"fmt"
	"maps"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// rerun takes parts and all that is behind them back to waiting, and starts
// what can start.
func (t *Tracker) rerun(in Rerun) error {
	plan, err := t.planRerun(in)
	if err != nil {
		return err
	}
	t.touch()
	t.row.Params = plan.params
	if in.Flow != nil {
		t.replace(in)
	} else {
		t.root.give(plan.params)
	}
	t.row.Rerun++
	t.row.Restarts = 0
	t.row.State, t.row.EndedAt = banto.TrackerRunning, nil
	if !t.row.Held {
		t.row.Message = ""
	}
	for i, yes := range plan.reset {
		p := &t.root.parts[i]
		switch some := plan.items[i]; {
		case yes && some != nil:
			t.reset(p)
			t.resetItems(p, some)
		case yes:
			t.resetWhole(p, plan.named[i])
		case plan.alone[i]:
			t.resetItems(p, some)
		}
	}
	t.recount()
	t.recountHealed()
	for i := range t.root.parts {
		if plan.alone[i] {
			t.startItems(&t.root.parts[i])
		}
	}
	t.startAll()
	if in.Flow != nil {
		t.deadlines() // on-lost may be another
	}
	return nil
}

// resetWhole takes a part back to waiting, to be run on whatever hosts it then
// has. A hold or skip of what was not reached stays, unless the part is named.
func (t *Tracker) resetWhole(p *part, named bool) {
	p.each(func(i *part) { t.resetItem(i, banto.PartNotTaken) })
	if p.toSkip() && !named {
		return
	}
	t.reset(p)
}

// reset takes a part back to waiting; one that is held stays so. Its attempts
// stay, and are counted on.
func (t *Tracker) reset(p *part) {
	s := p.state()
	if s == banto.PartWaiting {
		return
	}
	r := t.edit(p)
	held := r.Message
	r.Tries, r.Host, r.Via = 0, "", ""
	t.clear(r)
	if s == banto.PartHeld {
		r.Message = held
		return
	}
	r.State = banto.PartWaiting
}

// resetItems makes the items on those hosts wait for their part.
func (t *Tracker) resetItems(p *part, hosts map[string]bool) {
	p.each(func(i *part) {
		if hosts[i.host] {
			t.resetItem(i, banto.PartWaiting)
		}
	})
}

// resetItem makes an item wait for its part, or takes it out.
func (t *Tracker) resetItem(i *part, s banto.PartState) {
	if i.state() == s {
		return
	}
	r := t.edit(i)
	r.State, r.Tries, r.Host = s, 0, ""
	t.clear(r)
}

// replace goes on with another flow: parts keep their rows by name.
func (t *Tracker) replace(in Rerun) {
	old := t.root
	old.all(func(p *part) {
		if p.row != nil && in.Flow.Part(p.def().Name) < 0 {
			t.gone[p.key()] = p.row
		}
	})
	t.row.Flow, t.row.Version, t.row.Title = in.FlowHash, in.Version, in.Flow.Title
	t.row.Calls = in.Calls
	t.use(in.Flow)
	back := map[*part]bool{}
	for i := range t.root.parts {
		p := &t.root.parts[i]
		o := old.part(p.def().Name)
		if o == nil {
			continue
		}
		p.row, p.items = o.row, o.items
		p.each(func(i *part) { i.in, i.at, i.of = p.in, p.at, p })
	}
	for key, r := range t.gone {
		// One that comes back: what an earlier flow left of it ends here.
		name, _ := split(key)
		if p := t.root.part(name); p != nil {
			delete(t.gone, key)
			p.take(r)
			back[p] = true
		}
	}
	for i := range t.root.parts {
		if p := &t.root.parts[i]; back[p] {
			if p.items != nil {
				p.sortItems()
			}
			t.resetWhole(p, true)
		}
	}
}

// take gives the part, or its item, a row that was saved.
func (p *part) take(r *banto.Part) {
	if _, host := split(r.Key); host != "" {
		p = p.addItem(host)
	}
	p.row = r
}

// recountHealed reckons anew which errors are healed: a healer that runs again
// has yet to end well.
func (t *Tracker) recountHealed() {
	parts := t.root.parts
	now := make([]bool, len(parts))
	for i := range parts {
		if s := parts[i].state(); s == banto.PartOK || s == banto.PartWarning {
			parts[i].heals(func(from *part) { now[from.at] = true })
		}
	}
	for i := range parts {
		if r := parts[i].row; r != nil && r.Healed != now[i] {
			t.edit(&parts[i]).Healed = now[i]
		}
	}
}

// rerunPlan is what a rerun is going to do, found out before anything changes.
// Its lists are by index into the flow's parts.
type rerunPlan struct {
	flow   *jobnet.Flow
	params map[string]string
	reset  []bool // parts that wait again
	named  []bool // those that were named
	// items holds the hosts of the only items that run again; nil: all do.
	items map[int]map[string]bool
	alone map[int]bool // parts that go on: only those items of them run again
}

// planRerun says what a rerun means, or why it makes no sense.
func (t *Tracker) planRerun(in Rerun) (*rerunPlan, error) {
	plan := &rerunPlan{flow: t.root.flow, params: t.row.Params, items: map[int]map[string]bool{}, alone: map[int]bool{}}
	if t.row.Cancelling {
		return nil, t.refuse(banto.MoveRerun, banto.KindConflict, "the tracker is being cancelled", "wait until it has ended")
	}
	if t.starting {
		return nil, t.refuse(banto.MoveRerun, banto.KindConflict, "it is about to start again from its start by itself, once nothing of it runs", startsAgain)
	}
	if in.Only && len(in.From) == 0 {
		return nil, t.refuse(banto.MoveRerun, banto.KindInvalid, "no part is named", "name the parts that are to run again alone")
	}
	if in.Flow != nil {
		plan.flow = in.Flow
	}
	if err := t.planParams(plan, in); err != nil {
		return nil, err
	}
	from, err := t.rerunFrom(plan, in)
	if err != nil {
		return nil, err
	}
	plan.named = make([]bool, len(plan.flow.Parts))
	for _, i := range from {
		plan.named[i] = len(in.From) > 0
	}
	if in.Only {
		plan.reset = plan.named
	} else {
		plan.reset = behind(plan.flow, from)
	}
	if err := t.checkStates(plan, in); err != nil {
		return nil, err
	}
	if err := t.checkEdges(plan); err != nil {
		return nil, err
	}
	return plan, t.checkRules(plan, in)
}

// planParams checks that the tracker can go on with another flow or other
// values of its parameters.
func (t *Tracker) planParams(plan *rerunPlan, in Rerun) error {
	if in.Flow == nil && len(in.Params) == 0 {
		return nil
	}
	for i := range t.root.parts {
		p := &t.root.parts[i]
		if p.state().Live() && plan.flow.Part(p.def().Name) < 0 {
			return t.refuse(banto.MoveRerun, banto.KindConflict,
				fmt.Sprintf("%s is %s, and the new definition does not hold it", p.key(), p.state()),
				"wait until it has ended, or cancel the tracker first")
		}
		if why := p.otherKind(plan.flow); why != "" {
			return t.refuse(banto.MoveRerun, banto.KindConflict, why, "wait until it has ended, or cancel the tracker first")
		}
	}
	given := map[string]string{}
	for _, p := range plan.flow.Params {
		if text, ok := t.row.Params[p.Name]; ok {
			given[p.Name] = text
		}
	}
	maps.Copy(given, in.Params)
	params, problems := plan.flow.BindParams(given)
	if len(problems) > 0 {
		why := problems[0].Path + ": " + problems[0].Message
		if len(in.Params) == 0 {
			why = "the tracker's parameters do not fit the new definition: " + why
		}
		err := t.refuse(banto.MoveRerun, banto.KindInvalid, why, problems[0].Hint)
		err.Problems = problems
		return err
	}
	plan.params = params
	return nil
}

// changesParts says whether another flow holds parts that this one does not,
// or lacks some that it has.
func (t *Tracker) changesParts(flow *jobnet.Flow) bool {
	if flow == t.root.flow {
		return false
	}
	if len(flow.Parts) != len(t.root.flow.Parts) {
		return true
	}
	for i := range flow.Parts {
		if t.root.part(flow.Parts[i].Name) == nil {
			return true
		}
	}
	return false
}

// otherKind says why a part that is under way cannot go on with another flow: it
// would be of another kind. What runs on a host may be a script or a program.
func (p *part) otherKind(flow *jobnet.Flow) string {
	n := flow.Part(p.def().Name)
	begun := p.state().Live() || p.state() == banto.PartHeld && p.row.Tries > 0
	if n < 0 || !begun {
		return ""
	}
	was, is := p.def().Kind, flow.Parts[n].Kind
	if was == is || was.Runs() && is.Runs() {
		return ""
	}
	return fmt.Sprintf("%s is %s, and in the new definition it is of the kind %s, not %s", p.key(), p.state(), is, was)
}
