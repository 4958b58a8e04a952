package engine

import (
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
}

// part is one part of a flow.
type part struct {
	in  *frame
	at  int         // its index in the flow
	row *banto.Part // nil while it has never left waiting
	// How its edges stand: not yet settled, taken, failed; the rest are off.
	open, taken, failed int
	dirty               bool
}

// newFrame makes a frame whose parts all wait.
func newFrame(flow *jobnet.Flow, prefix string, texts map[string]string) *frame {
	f := &frame{
		flow: flow, prefix: prefix, texts: texts,
		params: make(map[string]jobnet.Value, len(flow.Params)),
		parts:  make([]part, len(flow.Parts)),
	}
	for _, p := range flow.Params {
		text, ok := texts[p.Name]
		if !ok {
			continue
		}
		if v, err := jobnet.ValueOf(p.Type, text); err == nil {
			f.params[p.Name] = v
		}
	}
	for i := range f.parts {
		f.parts[i].in, f.parts[i].at = f, i
	}
	return f
}

// part finds a part by its name, or nil.
func (f *frame) part(name string) *part {
	if i := f.flow.Part(name); i >= 0 {
		return &f.parts[i]
	}
	return nil
}

// def gives the part as it is defined.
func (p *part) def() *jobnet.FlowPart { return &p.in.flow.Parts[p.at] }

// key gives the key of the part.
func (p *part) key() banto.PartKey { return banto.PartKey(p.in.prefix + p.def().Name) }

// state gives the state of the part.
func (p *part) state() banto.PartState {
	if p.row != nil {
		return p.row.State
	}
	return banto.PartWaiting
}
