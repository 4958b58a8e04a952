package engine

import (
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// frame is one flow that a tracker runs, with the values of its parameters and
// where its parts stand. The keys of its parts begin with its prefix; that of
// the tracker's own jobnet is empty.
type frame struct {
	flow   *jobnet.Flow
	prefix string
	texts  map[string]string // parameters, as canonical texts
	params map[string]jobnet.Value
	parts  []part // as flow.Parts
	ends   bool   // some part of it is an end
}

// part is one part of a flow, or one item of a part that is on several hosts.
type part struct {
	in  *frame
	at  int         // its index in the flow
	row *banto.Part // nil while it has never left waiting
	// How its edges stand: not yet settled, taken, failed; the rest are off.
	// They are counted whatever the part's own state.
	open, taken, failed int
	dirty               bool

	items *items // nil: it has never run on several hosts
	of    *part  // of an item: the part that it is an item of
	host  string // of an item: the name of its host
}

// newFrame makes a frame whose parts all wait.
func newFrame(flow *jobnet.Flow, prefix string, texts map[string]string) *frame {
	f := &frame{flow: flow, prefix: prefix, parts: make([]part, len(flow.Parts))}
	f.give(texts)
	for i := range f.parts {
		f.parts[i].in, f.parts[i].at = f, i
		f.ends = f.ends || flow.Parts[i].Kind == jobnet.KindEnd
	}
	return f
}

// give sets the values of the parameters.
func (f *frame) give(texts map[string]string) {
	f.texts, f.params = texts, make(map[string]jobnet.Value, len(f.flow.Params))
	for _, p := range f.flow.Params {
		text, ok := texts[p.Name]
		if !ok {
			continue
		}
		if v, err := jobnet.ValueOf(p.Type, text); err == nil {
			f.params[p.Name] = v
		}
	}
}

// part finds a part by its name, or nil.
func (f *frame) part(name string) *part {
	if i := f.flow.Part(name); i >= 0 {
		return &f.parts[i]
	}
	return nil
}

// split cuts a key into the part's name and, of an item, its host's name.
func split(key banto.PartKey) (name, host string) {
	name, host, _ = strings.Cut(string(key), "[")
	return name, strings.TrimSuffix(host, "]")
}

// find gives the part or item with that key, or nil.
func (f *frame) find(key banto.PartKey) *part {
	name, host := split(key)
	p := f.part(name)
	if p == nil || string(p.key()) == string(key) {
		return p
	}
	if i := p.item(host); i != nil && i.key() == key {
		return i
	}
	return nil
}

// all calls each for every part and item, in the order of the definition.
func (f *frame) all(each func(*part)) {
	for i := range f.parts {
		each(&f.parts[i])
		f.parts[i].each(each)
	}
}

// def gives the part as it is defined.
func (p *part) def() *jobnet.FlowPart { return &p.in.flow.Parts[p.at] }

// key gives the key of the part.
func (p *part) key() banto.PartKey {
	key := p.in.prefix + p.def().Name
	if p.of != nil {
		key += "[" + p.host + "]"
	}
	return banto.PartKey(key)
}

// state gives the state of the part.
func (p *part) state() banto.PartState {
	if p.row != nil {
		return p.row.State
	}
	return banto.PartWaiting
}

// stands gives the state of the part as the edges that leave it see it: one
// that is to be skipped has yet to pass.
func (p *part) stands() stand {
	switch {
	case p.row == nil, p.toSkip():
		return stand{state: banto.PartWaiting}
	}
	return stand{p.row.State, jobnet.Outlet(p.row.Outlet)}
}

// toSkip says whether the part is skipped, but its turn has not come.
func (p *part) toSkip() bool { return p.state() == banto.PartSkipped && p.row.EndedAt == nil }

// before orders parts as they stand in the definition, items by host.
func before(a, b *part) int {
	if a.at != b.at {
		return a.at - b.at
	}
	return strings.Compare(a.host, b.host)
}
