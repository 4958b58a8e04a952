package api

import (
	"context"
	"strconv"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

type listPartsIn struct {
	TrackerPath
	PageQuery
}

// listParts lists the parts of a tracker in the order of its definition. Parts
// that never left waiting have no row: they are made from the flow.
func (s *server) listParts(ctx context.Context, in *listPartsIn) (*out[banto.PartView], error) {
	what := "cannot list the parts of tracker " + string(in.ID)
	from, err := in.number()
	if err != nil {
		return nil, err
	}
	t, err := s.tracker(ctx, what, in.ID)
	if err != nil {
		return nil, err
	}
	flow, err := s.Designs.FlowByHash(ctx, t.Flow)
	if err != nil {
		return nil, err
	}
	first := int(min(from, int64(len(flow.Parts))))
	last := min(first+in.Limit, len(flow.Parts))
	keys := make([]banto.PartKey, 0, last-first)
	for i := first; i < last; i++ {
		keys = append(keys, banto.PartKey(flow.Parts[i].Name))
	}
	rows, err := s.Store.PartsByKey(ctx, t.ID, keys)
	if err != nil {
		return nil, storeError(what, "", "", err)
	}
	byKey := make(map[banto.PartKey]banto.Part, len(rows))
	for _, p := range rows {
		byKey[p.Key] = p
	}
	page := banto.Page[banto.PartView]{Items: make([]banto.PartView, 0, len(keys))}
	for i, key := range keys {
		p, ok := byKey[key]
		if !ok {
			p = banto.Part{Tracker: t.ID, Key: key, State: banto.PartWaiting}
		}
		if p.State == banto.PartRunning && p.AttemptID != "" {
			p.Progress = s.Outputs.LastLine(p.AttemptID)
		}
		page.Items = append(page.Items, viewOf(flow, first+i, p))
	}
	if last < len(flow.Parts) {
		page.Next = strconv.Itoa(last)
	}
	return &out[banto.PartView]{Body: page}, nil
}

// viewOf adds to a part its place in the definition.
func viewOf(flow *jobnet.Flow, i int, p banto.Part) banto.PartView {
	def := &flow.Parts[i]
	v := banto.PartView{Part: p, Index: i, Title: def.Title, Kind: string(def.Kind)}
	for _, e := range def.After {
		edge := flow.Parts[e.From].Name
		if e.Outlet != jobnet.OutletDone {
			edge += "." + string(e.Outlet)
		}
		v.After = append(v.After, edge)
	}
	return v
}
