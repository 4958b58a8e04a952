package jobnet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Encode gives the canonical encoding of the flow: the same flow gives the
// same bytes everywhere.
func (f *Flow) Encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(f) != nil {
		return nil // only numbers that are none fail to encode, and Compile refuses those
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Decode reads an encoded flow.
func Decode(body []byte) (*Flow, error) {
	f := decodeCanonical(body)
	if f == nil {
		f = new(Flow)
		if err := json.Unmarshal(body, f); err != nil {
			return nil, fmt.Errorf("cannot decode a flow: %w", err)
		}
	}
	for i := range f.Parts {
		for _, e := range f.Parts[i].After {
			if e.From < 0 || e.From >= len(f.Parts) {
				return nil, fmt.Errorf("cannot decode a flow: %s is behind part %d of %d", f.Parts[i].Name, e.From, len(f.Parts))
			}
		}
	}
	f.index()
	names := f.namespace()
	for i := range f.Parts {
		p := &f.Parts[i]
		if fault := p.resolve(names); fault != nil {
			return nil, fmt.Errorf("cannot decode a flow: part %s: %s", p.Name, fault.message)
		}
	}
	return f, nil
}

// Hash names an encoded flow by its content.
func Hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// index makes what follows from the parts: the table of names and Next.
func (f *Flow) index() {
	f.byName = make(map[string]int, len(f.Parts))
	counts := make([]int, len(f.Parts))
	edges := 0
	for i := range f.Parts {
		f.byName[f.Parts[i].Name] = i
		edges += len(f.Parts[i].After)
		for _, e := range f.Parts[i].After {
			counts[e.From]++
		}
	}
	// All edges lie in one piece of memory.
	room := make([]NextEdge, edges)
	for i, n := range counts {
		f.Parts[i].Next = nil
		if n > 0 {
			f.Parts[i].Next, room = room[:0:n], room[n:]
		}
	}
	for i := range f.Parts {
		for n, e := range f.Parts[i].After {
			f.Parts[e.From].Next = append(f.Parts[e.From].Next, NextEdge{To: i, N: n})
		}
	}
}

// namespace gives the names that the expressions of the flow may use.
func (f *Flow) namespace() *namespace {
	ns := &namespace{params: make(map[string]Type, len(f.Params))}
	for _, p := range f.Params {
		ns.params[p.Name] = p.Type
	}
	ns.part = func(name string) *FlowPart {
		i := f.Part(name)
		if i < 0 {
			return nil
		}
		return &f.Parts[i]
	}
	ns.all = func() []string {
		names := make([]string, len(f.Parts), len(f.Parts)+4)
		for i := range f.Parts {
			names[i] = f.Parts[i].Name
		}
		return names
	}
	return ns
}

// resolve gives the texts of a part their names.
func (p *FlowPart) resolve(names *namespace) *fault {
	for _, t := range [...]*Text{&p.Dir, &p.Host} {
		if fault := t.resolve(names); fault != nil {
			return fault
		}
	}
	for i := range p.Args {
		if fault := p.Args[i].resolve(names); fault != nil {
			return fault
		}
	}
	for i := range p.Env {
		if fault := p.Env[i].Value.resolve(names); fault != nil {
			return fault
		}
	}
	for i := range p.HostLabels {
		if fault := p.HostLabels[i].Value.resolve(names); fault != nil {
			return fault
		}
	}
	if p.When != nil {
		p.When.names = names
	}
	if p.Call != nil {
		for i := range p.Call.With {
			if fault := p.Call.With[i].Value.resolve(names); fault != nil {
				return fault
			}
		}
	}
	for i := range p.Ways {
		if p.Ways[i].When != nil {
			p.Ways[i].When.names = names
		}
	}
	return nil
}

// HostRefs gives the names of hosts and groups that the flow names outright,
// each once.
func (f *Flow) HostRefs() []string {
	return f.refs(func(p *FlowPart) (string, bool) { return p.Host.Literal() })
}

// AccountRefs gives the names of accounts that the flow names, each once. One
// that no account has is an OS user.
func (f *Flow) AccountRefs() []string {
	return f.refs(func(p *FlowPart) (string, bool) { return p.Account, true })
}

func (f *Flow) refs(of func(*FlowPart) (string, bool)) []string {
	var out []string
	seen := map[string]bool{"": true}
	for i := range f.Parts {
		if name, ok := of(&f.Parts[i]); ok && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}
