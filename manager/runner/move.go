package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// Move is what an operator does to a tracker or to parts of it. The flow is
// that of the definition that is active now, for a rerun with the latest;
// FlowBody is its encoded form.
type Move struct {
	Request  banto.MoveRequest
	Flow     *jobnet.Flow
	FlowHash string
	Version  int
	FlowBody []byte
	Calls    map[string]Called // with Flow: the jobnets that it may run
}

// Move makes a move, or says what it would do. A tracker that has ended is
// brought back when the move makes sense for it. What was done is durable when
// it returns; a refusal has changed nothing.
func (r *Runner) Move(ctx context.Context, by banto.Principal, id banto.TrackerID, m Move) (banto.MoveResult, error) {
	result := banto.MoveResult{Move: m.Request.Move, DryRun: m.Request.DryRun, Changes: []banto.MoveChange{}}
	in, c, err := m.newIn(by, id)
	if err != nil {
		return result, err
	}
	a, err := r.call(ctx, m.what(id), *c, in)
	result.Tracker = a.tracker
	if a.changes != nil {
		result.Changes = a.changes
	}
	return result, err
}

// PostMove is Move for a caller that does not wait: then is called by the loop,
// once. An error says that it never will be.
func (r *Runner) PostMove(by banto.Principal, id banto.TrackerID, m Move, then func(banto.Tracker, error)) error {
	in, c, err := m.newIn(by, id)
	if err != nil {
		return err
	}
	c.then = func(a answer) { then(a.tracker, a.err) }
	return r.inbox.call(in)
}

func (m Move) what(id banto.TrackerID) string {
	return "cannot " + verb(m.Request.Move) + " " + string(id)
}

// newIn makes the input of a move and its caller, or refuses it.
func (m Move) newIn(by banto.Principal, id banto.TrackerID) (input, *caller, error) {
	what := m.what(id)
	if err := m.check(what); err != nil {
		return nil, nil, err
	}
	if err := storable(what, m.texts(by)...); err != nil {
		return nil, nil, err
	}
	if !id.Valid() {
		return nil, nil, noTracker(what)
	}
	if m.Request.Move == banto.MoveComment {
		in := &commentIn{caller: newCaller(), by: by, id: id, what: what, text: m.Request.Reason, dry: m.Request.DryRun}
		return in, &in.caller, nil
	}
	in := &changeIn{caller: newCaller(), Move: m, by: by, id: id, what: what, input: m.input(by.Name)}
	return in, &in.caller, nil
}

// Cancel kills what runs in a tracker and starts nothing more.
func (r *Runner) Cancel(ctx context.Context, by banto.Principal, id banto.TrackerID, reason string) (banto.Tracker, error) {
	result, err := r.Move(ctx, by, id, Move{Request: banto.MoveRequest{Move: banto.MoveCancel, Reason: reason}})
	return result.Tracker, err
}

// Rerun runs parts of a tracker again. flowBody is the encoded flow when in
// carries a new one, else nil.
func (r *Runner) Rerun(ctx context.Context, by banto.Principal, id banto.TrackerID, in engine.Rerun, flowBody []byte) (banto.Tracker, error) {
	result, err := r.Move(ctx, by, id, Move{
		Request: banto.MoveRequest{
			Move: banto.MoveRerun, Parts: in.From, Only: in.Only, Params: in.Params, Yes: in.Yes,
			Latest: in.Flow != nil, Reason: in.Reason,
		},
		Flow: in.Flow, FlowHash: in.FlowHash, Version: in.Version, FlowBody: flowBody,
	})
	return result.Tracker, err
}

// verb is a move as it stands before the tracker in a sentence.
func verb(m banto.Move) string {
	if m == banto.MoveComment {
		return "comment on"
	}
	return string(m)
}

// input is what the move is to the engine; nil for a comment.
func (m Move) input(by string) engine.Input {
	req := m.Request
	switch req.Move {
	case banto.MoveHold:
		return engine.Hold{By: by, Reason: req.Reason, Parts: req.Parts}
	case banto.MoveRelease:
		return engine.Release{By: by, Reason: req.Reason, Parts: req.Parts}
	case banto.MoveSkip:
		return engine.Skip{By: by, Reason: req.Reason, Parts: req.Parts}
	case banto.MoveForceEnd:
		return engine.ForceEnd{By: by, Reason: req.Reason, Parts: req.Parts, Outcome: req.Outcome, Outlet: jobnet.Outlet(req.Outlet)}
	case banto.MoveKill:
		return engine.KillParts{By: by, Reason: req.Reason, Parts: req.Parts}
	case banto.MoveCancel:
		return engine.Cancel{By: by, Reason: req.Reason}
	case banto.MoveRerun:
		return engine.Rerun{
			By: by, Reason: req.Reason, From: req.Parts, Only: req.Only, Params: req.Params, Yes: req.Yes,
			Flow: m.Flow, FlowHash: m.FlowHash, Version: m.Version,
		}
	}
	return nil
}

// check refuses a request that says what its move does not know.
func (m Move) check(what string) error {
	req := m.Request
	invalid := func(why, hint string) error { return banto.Fail(banto.KindInvalid, what, why, hint) }
	switch req.Move {
	case banto.MoveHold, banto.MoveRelease, banto.MoveKill, banto.MoveRerun:
	case banto.MoveSkip, banto.MoveForceEnd:
		if len(req.Parts) == 0 {
			return invalid("no part is named", "say which parts")
		}
	case banto.MoveCancel, banto.MoveComment:
		if len(req.Parts) > 0 {
			return invalid("it is for the whole tracker, and parts are named", "leave the parts out")
		}
	default:
		return invalid(fmt.Sprintf("there is no move %q", req.Move), "hold, release, skip, force-end, kill, cancel, rerun or comment")
	}
	if req.Move == banto.MoveComment && strings.TrimSpace(req.Reason) == "" {
		return invalid("the comment is empty", "say something")
	}
	switch valid := req.Outcome == banto.OK || req.Outcome == banto.Warning || req.Outcome == banto.Error; {
	case req.Move == banto.MoveForceEnd && !valid:
		return invalid(fmt.Sprintf("%q is no outcome", req.Outcome), "ok, warning or error")
	case req.Move != banto.MoveForceEnd && req.Outcome != "":
		return invalid("an outcome is stated, which is for force-end", "leave the outcome out")
	case req.Move != banto.MoveForceEnd && req.Outlet != "":
		return invalid("an outlet is stated, which is for force-end", "leave the outlet out")
	}
	if req.Move != banto.MoveRerun && (req.Only || req.Latest || req.Yes || len(req.Params) > 0) {
		return invalid("it holds what is for rerun only (only, latest, yes or parameters)", "leave that out")
	}
	if req.Latest != (m.Flow != nil) || m.Flow != nil && len(m.FlowBody) == 0 {
		return banto.Fail(banto.KindInternal, what, "the request and its flow do not fit", "")
	}
	return nil
}

// texts are all texts of a move that may be stored.
func (m Move) texts(by banto.Principal) []string {
	texts := []string{by.Name, m.Request.Reason, m.Request.Outlet}
	for _, p := range m.Request.Parts {
		texts = append(texts, string(p))
	}
	for name, value := range m.Request.Params {
		texts = append(texts, name, value)
	}
	return texts
}

// detail says for the trail what was asked for; values of parameters stay out.
func (m Move) detail(path string) string {
	req := m.Request
	said := []string{path}
	if len(req.Parts) > 0 {
		said = append(said, listed(req.Parts))
	}
	if req.Outcome != "" {
		said = append(said, "as "+string(req.Outcome))
	}
	if req.Only {
		said = append(said, "only these")
	}
	if len(req.Params) > 0 {
		said = append(said, "other values for "+listed(slices.Sorted(maps.Keys(req.Params))))
	}
	if m.Flow != nil {
		said = append(said, fmt.Sprintf("with version %d", m.Version))
	}
	if req.Yes {
		said = append(said, "also parts that want to be asked for")
	}
	return strings.Join(said, "; ")
}

// maxListed is how many bytes of names an audit row holds: the reason behind
// them must not be cut off.
const maxListed = 1000

// listed writes names in a row, and how many more there are.
func listed[S ~string](names []S) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 && b.Len()+len(name) > maxListed {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(clean(string(name), maxListed))
	}
	return b.String()
}
