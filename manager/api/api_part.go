package api

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

type listPartsIn struct {
	TrackerPath
	PageQuery
}

// partCursor is where a page of parts ended: behind a part, or behind an item
// of it. People are given it as a text that says nothing to them.
type partCursor struct {
	index int
	item  banto.PartKey // empty: behind the part itself
}

func (c partCursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(c.index) + ":" + string(c.item)))
}

func parsePartCursor(text string) (partCursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	index, item, ok := strings.Cut(string(raw), ":")
	n, numErr := strconv.Atoi(index)
	if err != nil || !ok || numErr != nil || n < 0 || strconv.Itoa(n) != index {
		return partCursor{}, banto.Fail(banto.KindInvalid, "cannot read the request", "the cursor is not one that a page gave", "begin without a cursor")
	}
	return partCursor{index: n, item: banto.PartKey(item)}, nil
}

// listParts lists the parts of a tracker in the order of its definition, the
// items of one that runs on several hosts behind it. Parts that never left
// waiting have no row: they are made from the flow.
func (s *server) listParts(ctx context.Context, in *listPartsIn) (*out[banto.PartView], error) {
	what := "cannot list the parts of tracker " + string(in.ID)
	begun := in.Cursor != ""
	var from partCursor
	if begun {
		var err error
		if from, err = parsePartCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	t, err := s.tracker(ctx, what, in.ID)
	if err != nil {
		return nil, err
	}
	flow, err := s.Designs.FlowByHash(ctx, t.Flow)
	if err != nil {
		return nil, err
	}
	list := partList{s: s, id: t.ID, flow: flow, limit: in.Limit + 1}
	if err := list.read(ctx, from, begun); err != nil {
		return nil, storeError(what, "", "", err)
	}
	return cut(list.views, in.Limit, same, func(v banto.PartView) string {
		c := partCursor{index: v.Index}
		if isItem(v.Key) {
			c.item = v.Key
		}
		return c.String()
	}), nil
}

// partList collects the parts of a page.
type partList struct {
	s     *server
	id    banto.TrackerID
	flow  *jobnet.Flow
	limit int
	views []banto.PartView

	groups map[string]bool // the names that parts have for their host: is it a group?
}

// read collects what is behind the cursor, or from the beginning.
func (l *partList) read(ctx context.Context, from partCursor, begun bool) error {
	first := min(from.index, len(l.flow.Parts))
	last := min(first+l.limit+1, len(l.flow.Parts)) // the first may have been on the page before
	keys := make([]banto.PartKey, 0, last-first)
	for i := first; i < last; i++ {
		keys = append(keys, banto.PartKey(l.flow.Parts[i].Name))
	}
	rows, err := l.s.Store.PartsByKey(ctx, l.id, keys)
	if err != nil {
		return err
	}
	byKey := make(map[banto.PartKey]banto.Part, len(rows))
	for _, p := range rows {
		byKey[p.Key] = p
	}
	for i, key := range keys {
		if len(l.views) >= l.limit {
			return nil
		}
		p, ok := byKey[key]
		if !ok {
			p = banto.Part{Tracker: l.id, Key: key, State: banto.PartWaiting}
		}
		after := banto.PartKey("")
		if begun && i == 0 {
			after = from.item
		} else {
			l.views = append(l.views, l.view(first+i, p))
		}
		if ok && l.mayHaveItems(ctx, &l.flow.Parts[first+i]) {
			if err := l.items(ctx, first+i, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// items adds the items of a part, those after a key.
func (l *partList) items(ctx context.Context, index int, after banto.PartKey) error {
	prefix := banto.PartKey(l.flow.Parts[index].Name + "[")
	if !strings.HasPrefix(string(after), string(prefix)) {
		after = prefix
	}
	room := l.limit - len(l.views)
	if room <= 0 {
		return nil
	}
	rows, err := l.s.Store.Parts(ctx, l.id, 0, after, room)
	if err != nil {
		return err
	}
	for n, p := range rows {
		if !strings.HasPrefix(string(p.Key), string(prefix)) {
			break
		}
		if n == 0 {
			l.sumOf(index)
		}
		l.views = append(l.views, l.view(index, p))
	}
	return nil
}

// sumOf takes from a part that has items the last line of an attempt it made
// before it had any.
func (l *partList) sumOf(index int) {
	if n := len(l.views) - 1; n >= 0 && l.views[n].Index == index && !isItem(l.views[n].Key) {
		l.views[n].Progress = ""
	}
}

// view is a part as a list shows it.
func (l *partList) view(index int, p banto.Part) banto.PartView {
	if p.State == banto.PartRunning && p.AttemptID != "" {
		p.Progress = l.s.lastLine(p.AttemptID, l.flow.Parts[index].Encoding)
	}
	return viewOf(l.flow, index, p)
}

// isItem says whether a key names an item of a part, such as "copy[db01]".
func isItem(key banto.PartKey) bool { return strings.HasSuffix(string(key), "]") }

// mayHaveItems says whether a part can run on several hosts: not one that names
// a host.
func (l *partList) mayHaveItems(ctx context.Context, def *jobnet.FlowPart) bool {
	name, literal := def.Host.Literal()
	if len(def.HostLabels) > 0 || !literal {
		return true
	}
	if name == "" {
		return false // the host beside the manager
	}
	group, looked := l.groups[name]
	if !looked {
		_, err := l.s.Store.Host(ctx, name)
		group = err != nil // a name is that of a host or of a group
		if l.groups == nil {
			l.groups = map[string]bool{}
		}
		l.groups[name] = group
	}
	return group
}

// viewOf adds to a part its place in the definition.
func viewOf(flow *jobnet.Flow, i int, p banto.Part) banto.PartView {
	def := &flow.Parts[i]
	v := banto.PartView{Part: p, Index: i, Title: def.Title, Kind: string(def.Kind)}
	if isItem(p.Key) {
		return v // its edges are its part's
	}
	for _, e := range def.After {
		edge := flow.Parts[e.From].Name
		if e.Outlet != jobnet.OutletDone {
			edge += "." + string(e.Outlet)
		}
		v.After = append(v.After, edge)
	}
	return v
}

// encodingOf gives the encoding of what a part prints.
func encodingOf(flow *jobnet.Flow, key banto.PartKey) string {
	name, _, _ := strings.Cut(string(key), "[")
	if i := flow.Part(name); i >= 0 {
		return flow.Parts[i].Encoding
	}
	return ""
}
