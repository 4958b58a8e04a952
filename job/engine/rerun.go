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
	if in.Flow != nil {
		t.replace(in, plan.params)
	}
	t.row.Rerun++
	t.row.State, t.row.Message, t.row.EndedAt = banto.TrackerRunning, "", nil
	for i, yes := range plan.reset {
		if yes {
			t.reset(&t.root.parts[i])
		}
	}
	t.recount()
	t.recountHealed()
	t.startAll()
	return nil
}

// rerunPlan is what a rerun is going to do, found out before anything changes.
type rerunPlan struct {
	flow   *jobnet.Flow
	reset  []bool // by index into flow.Parts
	params map[string]string
}

// planRerun says what a rerun means, or why it makes no sense.
func (t *Tracker) planRerun(in Rerun) (rerunPlan, error) {
	plan := rerunPlan{flow: t.root.flow, params: t.row.Params}
	if t.row.Cancelling {
		return plan, t.refuse(banto.KindConflict, "the tracker is being cancelled", "wait until it has ended")
	}
	if in.Flow != nil {
		plan.flow = in.Flow
		if err := t.planFlow(&plan); err != nil {
			return plan, err
		}
	}
	from, err := t.rerunFrom(in, plan.flow)
	if err != nil {
		return plan, err
	}
	plan.reset = behind(plan.flow, from)
	some := false
	for i, yes := range plan.reset {
		if !yes {
			continue
		}
		s := t.stateByName(plan.flow.Parts[i].Name)
		if s.Live() {
			return plan, t.refuse(banto.KindConflict, fmt.Sprintf("%s is %s", plan.flow.Parts[i].Name, s),
				"wait until it has ended, or cancel the tracker first")
		}
		some = some || s.Ended()
	}
	if !some && !t.changesParts(plan.flow) {
		if len(in.From) == 0 {
			return plan, t.refuse(banto.KindConflict, "nothing failed", "name the parts to run again")
		}
		return plan, t.refuse(banto.KindConflict, fmt.Sprintf("%s has not run yet", in.From[0]), "")
	}
	return plan, nil
}

// planFlow checks that the tracker can go on with another flow.
func (t *Tracker) planFlow(plan *rerunPlan) error {
	for i := range t.root.parts {
		p := &t.root.parts[i]
		if p.state().Live() && plan.flow.Part(p.def().Name) < 0 {
			return t.refuse(banto.KindConflict, fmt.Sprintf("%s is %s, and the new definition does not hold it", p.key(), p.state()),
				"wait until it has ended, or cancel the tracker first")
		}
	}
	given := map[string]string{}
	for _, p := range plan.flow.Params {
		if text, ok := t.row.Params[p.Name]; ok {
			given[p.Name] = text
		}
	}
	params, problems := plan.flow.BindParams(given)
	if len(problems) > 0 {
		err := t.refuse(banto.KindInvalid, "the tracker's parameters do not fit the new definition: "+problems[0].Path+": "+problems[0].Message, problems[0].Hint)
		err.Problems = problems
		return err
	}
	plan.params = params
	return nil
}

// rerunFrom gives the parts that are named, or those that failed.
func (t *Tracker) rerunFrom(in Rerun, flow *jobnet.Flow) ([]int, error) {
	var from []int
	for _, key := range in.From {
		i := flow.Part(string(key))
		if i < 0 {
			return nil, t.refuse(banto.KindNotFound, fmt.Sprintf("%s has no part %s", flow.Jobnet, key), "")
		}
		from = append(from, i)
	}
	if len(in.From) > 0 {
		return from, nil
	}
	for i := range t.root.parts {
		r := t.root.parts[i].row
		if r == nil {
			continue
		}
		switch r.State {
		case banto.PartError:
			if r.Healed {
				continue
			}
		case banto.PartCancelled, banto.PartUnreached:
		default:
			continue
		}
		if n := flow.Part(t.root.flow.Parts[i].Name); n >= 0 {
			from = append(from, n)
		}
	}
	return from, nil
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

// stateByName gives the state of a part as the tracker now knows it.
func (t *Tracker) stateByName(name string) banto.PartState {
	if p := t.root.part(name); p != nil {
		return p.state()
	}
	return banto.PartWaiting
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
		if t.root.flow.Part(flow.Parts[i].Name) < 0 {
			return true
		}
	}
	return false
}

// replace goes on with another flow: parts keep their rows by name.
func (t *Tracker) replace(in Rerun, params map[string]string) {
	old := t.root
	for i := range old.parts {
		if p := &old.parts[i]; p.row != nil && in.Flow.Part(p.def().Name) < 0 {
			t.gone[p.key()] = p.row
		}
	}
	t.row.Params = maps.Clone(params)
	t.row.Flow, t.row.Version, t.row.Title = in.FlowHash, in.Version, in.Flow.Title
	t.use(in.Flow)
	for i := range t.root.parts {
		p := &t.root.parts[i]
		if o := old.part(p.def().Name); o != nil {
			p.row = o.row
			continue
		}
		key := p.key()
		if r := t.gone[key]; r != nil {
			// It comes back: what an earlier flow left of it ends here.
			delete(t.gone, key)
			p.row = r
			t.reset(p)
		}
	}
}

// reset takes a part back to waiting. Its attempts stay, and are counted on.
func (t *Tracker) reset(p *part) {
	if p.state() == banto.PartWaiting {
		return
	}
	r := t.edit(p)
	r.State, r.Tries, r.Host, r.Via = banto.PartWaiting, 0, "", ""
	t.clear(r)
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

// refuse says that a rerun makes no sense.
func (t *Tracker) refuse(kind banto.Kind, why, hint string) *banto.ErrorInfo {
	return banto.Fail(kind, fmt.Sprintf("cannot rerun tracker %s", t.row.ID), why, hint)
}
