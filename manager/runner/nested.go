package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// Bounds of trackers that run others: how deep, and how many below one that have
// not ended.
const (
	maxDepth = 30
	maxBelow = 10_000
)

// rootOf names the outermost tracker.
func (b *batch) rootOf(row banto.Tracker) banto.TrackerID {
	if row.Root != "" {
		return row.Root
	}
	return row.ID
}

// calledText writes what a tracker keeps of a jobnet that it may run, and
// parseCalled reads it.
func calledText(version int, flow string) string { return strconv.Itoa(version) + " " + flow }

func parseCalled(text string) (version int, flow string, ok bool) {
	number, flow, ok := strings.Cut(text, " ")
	version, err := strconv.Atoi(number)
	return version, flow, ok && err == nil
}

// call makes the tracker that an attempt is, in the transaction in which the
// attempt begins, or ends the attempt with the reason why it cannot be made.
func (b *batch) call(id banto.TrackerID, e engine.Call) {
	outer := b.mem.trackers[id]
	sub, why, err := b.called(outer.Row(), e)
	if err != nil {
		b.fail(err)
		return
	}
	if why != "" {
		b.tell(id, engine.Ended{Attempt: e.Attempt.ID, At: b.now, Outcome: banto.Error, Reason: banto.ReasonJobnet, Message: why})
		return
	}
	b.tell(id, engine.Started{Attempt: e.Attempt.ID, At: b.now, Child: sub.ID})
	t, effects := engine.New(sub, b.now)
	b.mem.keep(sub.ID, t)
	b.carry(sub.ID, effects)
}

// called makes the submission of a call; why says in words what keeps it from
// being made.
func (b *batch) called(outer banto.Tracker, e engine.Call) (sub engine.Submission, why string, err error) {
	set, err := b.callSet(outer.Calls)
	if err != nil {
		return sub, "", err
	}
	version, hash, ok := parseCalled(set[e.Jobnet])
	switch {
	case !ok:
		return sub, "there was no jobnet " + e.Jobnet + " when the outermost tracker started", nil
	case b.mem.below[b.rootOf(outer)] >= maxBelow:
		return sub, fmt.Sprintf("%d trackers run below the outermost one already", maxBelow), nil
	case outer.Depth >= maxDepth:
		return sub, fmt.Sprintf("jobnets run one inside another %d deep, and no deeper", maxDepth), nil
	}
	flow := b.flowOf(hash)
	if flow == nil {
		if flow, err = b.r.flows.load(b.ctx, b.r.opt.Store, hash); errors.Is(err, errUnusable) {
			return sub, "the jobnet " + e.Jobnet + " cannot be read any more", nil
		} else if err != nil {
			return sub, "", err
		}
	}
	params, problems := flow.BindParams(e.Params)
	if len(problems) > 0 {
		return sub, fmt.Sprintf("%s: %s: %s", e.Jobnet, problems[0].Path, problems[0].Message), nil
	}
	id, err := b.newID()
	if err != nil {
		return sub, "", err
	}
	return engine.Submission{
		ID: id, Flow: flow, FlowHash: hash, Version: version, Params: params, Date: outer.Date, Timezone: outer.Timezone,
		By: outer.SubmittedBy, Reason: fmt.Sprintf("%s of %s", e.Attempt.Part, outer.ID), Calls: outer.Calls,
		Parent: outer.ID, ParentPart: e.Attempt.Part, Calling: e.Attempt.ID, Root: b.rootOf(outer), Depth: outer.Depth + 1,
	}, "", nil
}

// returned tells the tracker that runs this one how it ended.
func (b *batch) returned(row banto.Tracker) {
	a, ok := b.mem.calls[row.ID]
	if !ok {
		return // its part has an outcome already
	}
	in := engine.Ended{Attempt: a, At: b.now, StartedAt: row.StartedAt, Outcome: banto.Outcome(row.State)}
	name := fmt.Sprintf("its tracker %s of %s", row.ID, row.Jobnet)
	switch row.State {
	case banto.TrackerError:
		in.Reason, in.Message = banto.ReasonJobnet, name+" ended in error: "+row.Message
	case banto.TrackerCancelled:
		in.Outcome, in.Reason, in.Message = "", banto.ReasonKilled, name+" was cancelled"
	}
	b.tell(row.Parent, in)
}

// above is a tracker that runs another one, as it was before that one goes on.
type above struct {
	t     *engine.Tracker
	ended *time.Time
}

// allAbove gives the trackers that would go on with one that has ended, the nearest
// first, or the refusal of that. They are judged before anything is changed.
func (b *batch) allAbove(what string, row banto.Tracker) (out []above, refusal, err error) {
	for row.Parent != "" && row.State.Ended() {
		outer, loaded, err := b.tracker(row.Parent)
		if err != nil || outer == nil {
			return out, nil, err
		}
		if why := outer.WhyNotAgain(row.ParentPart, row.ID); why != "" {
			return nil, banto.Fail(banto.KindConflict, what, why, "wait until it has ended, or rerun the part there"), nil
		}
		if why := b.goes(row.Parent, what); loaded && why != nil {
			return nil, why, nil
		}
		out = append(out, above{outer, outer.Row().EndedAt})
		row = outer.Row()
	}
	return out, nil, nil
}

// resumed tells the trackers above one that goes on after its end, and if it has
// ended again meanwhile, how.
func (b *batch) resumed(t *engine.Tracker, all []above) {
	inner := t.Row()
	for _, a := range all {
		id := a.t.Row().ID
		b.mem.keep(id, a.t)
		b.tell(id, engine.Again{Part: inner.ParentPart, Child: inner.ID})
		if _, saved := b.trackers.get(id); a.ended != nil && !saved {
			b.mem.drop(id) // it goes on without it
			break
		}
		b.reserveLate(id, a.t, a.ended)
		inner = a.t.Row()
	}
	if row := t.Row(); row.State.Ended() {
		b.returned(row)
	}
}

// cancelCall cancels the tracker that an attempt is. Of one that cannot be brought
// back nothing more will come.
func (b *batch) cancelCall(id banto.TrackerID, e engine.Kill) {
	if b.mem.trackers[e.Child] == nil {
		b.tell(id, engine.Ended{Attempt: e.Attempt, At: b.now, Reason: banto.ReasonKilled, Message: "its tracker " + string(e.Child) + " is not there any more"})
		return
	}
	b.tell(e.Child, engine.Cancel{By: "tracker " + string(id)})
}

// later queues what steps other trackers, or this one again, until all rows of the
// step at hand are in the batch; and does it then, one by one, however deep jobnets
// run each other.
func (b *batch) later(do []func()) {
	b.nested = append(b.nested, do...)
	if b.draining {
		return
	}
	b.draining = true
	for len(b.nested) > 0 {
		next := b.nested[0]
		b.nested = b.nested[1:]
		next()
	}
	b.draining, b.nested = false, nil
}

// tell steps a tracker that is in memory; what it makes no sense of changes
// nothing.
func (b *batch) tell(id banto.TrackerID, in engine.Input) {
	if t := b.mem.trackers[id]; t != nil {
		if err := b.stepTracker(id, t, in); err != nil {
			b.r.log.Debug("a tracker did not take what another told it", "tracker", id, "error", err)
		}
	}
}

// fail makes the transaction fail: what is in memory is rebuilt, and the inputs
// are tried again.
func (b *batch) fail(err error) {
	if b.fault == nil {
		b.fault = err
	}
}

// Called is a jobnet that a tracker may run, as it is when the outermost tracker
// starts.
type Called struct {
	Flow    *jobnet.Flow
	Hash    string
	Version int
	Body    []byte // of the flow, encoded
}

// keepCalls keeps the flows of jobnets that a tracker may run, and the list of them,
// which is kept as flows are; it gives the name of that list, empty without any.
func (b *batch) keepCalls(calls map[string]Called) (string, error) {
	if len(calls) == 0 {
		return "", nil
	}
	set := make(map[string]string, len(calls))
	for _, path := range slices.Sorted(maps.Keys(calls)) {
		c := calls[path]
		set[path] = calledText(c.Version, c.Hash)
		if b.r.flows.get(c.Hash) == nil {
			b.flows.put(c.Hash, newFlow{flow: c.Flow, body: c.Body})
		}
	}
	body, err := json.Marshal(set) // with its keys in order
	if err != nil {
		return "", fmt.Errorf("cannot keep the jobnets that are run: %w", err)
	}
	name := jobnet.Hash(body)
	if b.r.callSets[name] == nil {
		b.sets.put(name, body)
	}
	return name, nil
}

// maxCallSets bounds how many lists of jobnets are remembered.
const maxCallSets = 500

// callSet gives the list of that name.
func (b *batch) callSet(name string) (map[string]string, error) {
	if name == "" {
		return nil, nil
	}
	if set := b.r.callSets[name]; set != nil {
		return set, nil
	}
	body, fresh := b.sets.get(name)
	if !fresh {
		var err error
		if body, err = b.r.opt.Store.Flow(b.ctx, name); err != nil {
			return nil, fmt.Errorf("cannot read the jobnets that are run: %w", err)
		}
	}
	set := map[string]string{}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("cannot read the jobnets that are run: %w", err)
	}
	if !fresh { // one that is not yet stored is not remembered
		if b.r.callSets == nil || len(b.r.callSets) >= maxCallSets {
			b.r.callSets = map[string]map[string]string{}
		}
		b.r.callSets[name] = set
	}
	return set, nil
}

// flowOf gives a flow that is in use or about to be written; nil if it is neither.
func (b *batch) flowOf(hash string) *jobnet.Flow {
	if f, ok := b.flows.get(hash); ok {
		return f.flow
	}
	return b.r.flows.get(hash)
}
