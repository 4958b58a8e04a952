package api

import (
	"context"
	"strconv"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/manager/runner"
)

type moveIn struct {
	TrackerPath
	Body banto.MoveRequest
}

// action is the one of the move. A dry run is no change, and leaves no row.
func (in *moveIn) action() audit.Action {
	if in.Body.DryRun {
		return ""
	}
	return audit.OfMove(in.Body.Move)
}

type moveOut struct{ Body banto.MoveResult }

// move does what an operator asks of a tracker, or says what it would do.
func (s *server) move(ctx context.Context, in *moveIn) (*moveOut, error) {
	t, err := s.tracker(ctx, "cannot "+string(in.Body.Move)+" "+string(in.ID), in.ID)
	if err != nil {
		return nil, err
	}
	m := runner.Move{Request: in.Body}
	if in.Body.Latest && in.Body.Move == banto.MoveRerun {
		r, err := s.Designs.Resolve(ctx, t.Jobnet)
		if err != nil {
			return nil, err
		}
		m.Flow, m.FlowHash, m.Version, m.FlowBody = r.Flow, r.Hash, r.Version, r.Body
		if m.Calls, err = s.calls(ctx, r); err != nil {
			return nil, err
		}
	}
	result, err := s.Runner.Move(ctx, principal(ctx), in.ID, m)
	if err != nil {
		return nil, err
	}
	if result.Changes == nil {
		result.Changes = []banto.MoveChange{}
	}
	return &moveOut{Body: result}, nil
}

type historyIn struct {
	TrackerPath
	PageQuery
}

// listHistory lists what people did to a tracker, newest first.
func (s *server) listHistory(ctx context.Context, in *historyIn) (*out[banto.AuditEntry], error) {
	what := "cannot list the history of tracker " + string(in.ID)
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	if _, err := s.tracker(ctx, what, in.ID); err != nil {
		return nil, err
	}
	rows, err := s.Store.ListAudit(ctx, string(in.ID), before, in.Limit+1)
	if err != nil {
		return nil, storeError(what, "", "", err)
	}
	return cut(rows, in.Limit, same, func(e banto.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) }), nil
}
