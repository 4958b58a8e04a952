package enginetest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// operate does what an operator might, sensible or not.
func (w *world) operate() error {
	var parts []banto.PartKey
	for range 1 + w.r.IntN(2) {
		parts = append(parts, w.anyKey())
	}
	if w.r.IntN(40) == 0 {
		parts = append(parts, "nobody[h1]")
	}
	const by = "operator"
	var in engine.Input
	switch w.r.IntN(12) {
	case 0:
		in = engine.Hold{By: by}
	case 1:
		in = engine.Release{By: by}
	case 2:
		in = engine.KillParts{By: by}
	case 3, 4:
		in = engine.Hold{By: by, Parts: parts}
	case 5:
		in = engine.Release{By: by, Parts: w.held(parts)}
	case 6, 7:
		in = engine.Skip{By: by, Parts: parts}
	case 8, 9:
		outcome := []banto.Outcome{banto.OK, banto.Warning, banto.Error, ""}[w.r.IntN(4)]
		outlet := []jobnet.Outlet{"", "", "w0", "otherwise"}[w.r.IntN(4)]
		in = engine.ForceEnd{By: by, Parts: parts, Outcome: outcome, Outlet: outlet}
	case 10:
		in = engine.KillParts{By: by, Parts: parts}
	default:
		if w.r.IntN(4) > 0 {
			return w.rerun()
		}
		in = engine.Cancel{By: by}
	}
	return w.step(in)
}

// held gives one of the parts that are held, if there are any.
func (w *world) held(otherwise []banto.PartKey) []banto.PartKey {
	for _, key := range slices.Sorted(maps.Keys(w.parts)) {
		if w.parts[key].State == banto.PartHeld && w.r.IntN(2) == 0 {
			return []banto.PartKey{key}
		}
	}
	return otherwise
}

// anyKey names a part, or one of its items.
func (w *world) anyKey() banto.PartKey {
	key := w.anyPart()
	f := w.oracle.parts[string(key)]
	if hosts := slices.Sorted(maps.Keys(f.items)); len(hosts) > 0 && w.r.IntN(2) == 0 {
		key += banto.PartKey("[" + hosts[w.r.IntN(len(hosts))] + "]")
	}
	return key
}

// regroup changes which hosts are in the group.
func (w *world) regroup() {
	w.all = nil
	for _, h := range w.hosts {
		if w.r.IntN(2) == 0 {
			w.all = append(w.all, h.name)
		}
	}
	w.note("the group is now %v", w.all)
	w.board.SetGroup(dispatch.Group{Name: allOf, Hosts: w.all, Pick: string(jobnet.PickAll)})
}

// isMove says whether an operator asked for it.
func isMove(in engine.Input) bool {
	switch in.(type) {
	case engine.Hold, engine.Release, engine.Skip, engine.ForceEnd, engine.KillParts, engine.Cancel, engine.Rerun:
		return true
	}
	return false
}

// plan asks for the plan of a move.
func (w *world) plan(in engine.Input) ([]banto.MoveChange, error) {
	if !isMove(in) {
		return nil, nil
	}
	return w.tracker.Plan(in, w.now)
}

// mayStart says why an attempt must not have started: a part that is held, or
// was skipped or force-ended, never starts, and a tracker stays on the host
// that it chose.
func (w *world) mayStart(a banto.Attempt) error {
	name, item := cut(a.Part)
	p, was := w.oracle.flow.part(name), w.was[a.Part]
	switch {
	case w.row.Held:
		return fmt.Errorf("%s starts, and the tracker is held", a.Part)
	case was.State != banto.PartReady:
		return fmt.Errorf("%s starts, and it was %s", a.Part, was.State)
	case w.done[a.Part]:
		return fmt.Errorf("%s starts, and it was skipped or force-ended", a.Part)
	case len(w.flows) == 1 && item == "" && was.Host == oneOf && !p.perPart && w.row.Places[oneOf] != a.HostID:
		return fmt.Errorf("%s starts on %s; the tracker chose %s", a.Part, a.HostID, w.row.Places[oneOf])
	}
	return nil
}
