package engine

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// spec makes what the host is to run for the part's next attempt. The error
// says which of the part's expressions has no value.
func (t *Tracker) spec(p *part) (banto.Spec, error) {
	fp, s := p.def(), t.scope(p)
	spec := banto.Spec{
		Tracker: t.row.ID, Part: p.key(), Attempt: s.Attempt(),
		Script: fp.Script, Shell: fp.Shell, Account: fp.Account,
		TimeoutMS: fp.Timeout.Milliseconds(), WantOutput: fp.OutputUsed, Date: t.row.Date,
		Delayed: fp.Delayed, Encoding: fp.Encoding, Limits: fp.Limits,
	}
	for n, a := range fp.Args {
		text, err := a.Eval(s)
		if err != nil {
			return banto.Spec{}, fmt.Errorf("argument %d of run: %w", n+1, err)
		}
		spec.Args = append(spec.Args, text)
	}
	dir, err := fp.Dir.Eval(s)
	if err != nil {
		return banto.Spec{}, fmt.Errorf("dir: %w", err)
	}
	spec.Dir = dir
	for _, d := range p.in.flow.Params {
		if text, ok := p.in.texts[d.Name]; ok {
			spec.Env = append(spec.Env, d.Name+"="+text)
		}
	}
	for _, e := range fp.Env {
		text, err := e.Value.Eval(s)
		if err != nil {
			return banto.Spec{}, fmt.Errorf("env %s: %w", e.Name, err)
		}
		spec.Env = append(spec.Env, e.Name+"="+text)
	}
	return spec, nil
}

// scope is what the expressions of one part may see.
type scope struct {
	t       *Tracker
	in      *frame
	attempt int
}

// scope gives the values for the part's next attempt.
func (t *Tracker) scope(p *part) scope {
	n := 1
	if r := p.row; r != nil {
		n = r.Attempt + 1
	}
	return scope{t, p.in, n}
}

// Param gives the value of a parameter.
func (s scope) Param(name string) jobnet.Value { return s.in.params[name] }

// Date gives the base day.
func (s scope) Date() banto.Date { return s.t.row.Date }

// Tracker gives the ID of the tracker.
func (s scope) Tracker() banto.TrackerID { return s.t.row.ID }

// Attempt gives the number of the attempt.
func (s scope) Attempt() int { return s.attempt }

// Part gives what a part offers once it has ended.
func (s scope) Part(name, field string) jobnet.Value {
	p := s.in.part(name)
	if p == nil || !p.state().Ended() {
		return nil
	}
	r := p.row
	switch {
	case field == "outcome":
		return outcomeValue(r.State)
	case p.fanned():
		return nil // which of its items would it be
	case field == "exit":
		if r.Exit == nil {
			return nil
		}
		return *r.Exit
	case field == "output":
		if r.StartedAt == nil {
			return nil
		}
		return r.Output
	}
	return varValue(p.def().Sets, r.Vars, field)
}

// outcomeValue gives the outcome of a part as expressions see it.
func outcomeValue(s banto.PartState) jobnet.Value {
	switch s {
	case banto.PartOK, banto.PartWarning, banto.PartError:
		return string(s)
	}
	return nil
}

// varValue gives a variable that a part set.
func varValue(sets []jobnet.Set, vars map[string]string, name string) jobnet.Value {
	text, ok := vars[name]
	if !ok {
		return nil
	}
	for _, set := range sets {
		if set.Name != name {
			continue
		}
		if v, err := jobnet.ValueOf(set.Type, text); err == nil {
			return v
		}
	}
	return nil
}
