package jobnet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// Call is what a part of kind jobnet runs: another jobnet, with values for its
// parameters.
type Call struct {
	Jobnet string   // its path
	With   []EnvVar // parameters by name; values are source texts
	Pos    Pos      // of the path
}

// FlowCall is a call as the engine makes it.
type FlowCall struct {
	Jobnet string    `json:"jobnet"`
	With   []FlowEnv `json:"with,omitempty"`
}

// call fills in which jobnet a part runs. Whether there is one of that path, and
// what parameters it has, is looked at where other jobnets are known.
func (c *compilation) call(p *Part, to *FlowPart, at func(string) place) {
	if p.Call == nil {
		return
	}
	if fault := pathFault(p.Call.Jobnet); fault != "" && !p.Faulty {
		c.report.Add(p.Call.Pos, at("jobnet").path(), fmt.Sprintf("the path %q %s", clip(p.Call.Jobnet), fault), pathHint)
	} else if p.Call.Jobnet == c.jobnet.Path && fault == "" {
		c.report.Add(p.Call.Pos, at("jobnet").path(), "the jobnet would run itself, and that itself again", "say repeat of a part, or for-each")
	}
	to.Call = &FlowCall{Jobnet: p.Call.Jobnet}
	for _, w := range p.Call.With {
		if slices.ContainsFunc(to.Call.With, func(e FlowEnv) bool { return e.Name == w.Name }) {
			continue // the reader has told that a key stands there twice
		}
		if fault := paramNameFault(w.Name); fault != "" {
			c.report.Add(w.Pos, at("with").path(), fmt.Sprintf("the parameter name %q %s", clip(w.Name), fault), paramNameHint)
			continue
		}
		own := place{p.Name, "with." + w.Name, w.ValuePos, levelPart, at("").part}
		to.Call.With = append(to.Call.With, FlowEnv{w.Name, c.text(w.Value, own)})
	}
}

// Calls gives the paths of the jobnets that the flow runs, each once.
func (f *Flow) Calls() []string {
	return f.refs(func(p *FlowPart) (string, bool) {
		if p.Call == nil {
			return "", false
		}
		return p.Call.Jobnet, true
	})
}

// CheckCall says what is wrong with the values that the part hands to a jobnet: one
// that it does not take, one that is missing, one that cannot be read. Files are the
// caller's to fill in.
func (p *Part) CheckCall(called *Jobnet) []banto.Problem {
	var found []banto.Problem
	tell := func(at Pos, key, message, hint string) {
		found = append(found, banto.Problem{Line: at.Line, Column: at.Column, Path: "parts." + p.Name + "." + key, Message: message, Hint: hint})
	}
	names := make([]string, len(called.Params))
	for i := range called.Params {
		param := &called.Params[i]
		names[i] = param.Name
		n := slices.IndexFunc(p.Call.With, func(e EnvVar) bool { return e.Name == param.Name })
		if n < 0 {
			if param.Required && param.Default == nil {
				tell(p.Call.Pos, "with", fmt.Sprintf("%s wants a value for its parameter %s", called.Path, param.Name), fmt.Sprintf("write with: {%s: …}", param.Name))
			}
			continue
		}
		if given := &p.Call.With[n]; !strings.Contains(given.Value, "${") {
			if _, fault, hint := param.accept(given.Value); fault != "" {
				tell(given.ValuePos, "with."+given.Name, fmt.Sprintf("the value of %s for %s %s", given.Name, called.Path, fault), hint)
			}
		}
	}
	for _, e := range p.Call.With {
		if !slices.Contains(names, e.Name) {
			tell(e.Pos, "with."+e.Name, fmt.Sprintf("%s has no parameter %s", called.Path, e.Name), didYouMean(e.Name, names, paramList(names)))
		}
	}
	return found
}

// TakesAll says whether the jobnet takes whatever another form of it took: no
// parameter has gone, is required now, or is of another kind.
func (j *Jobnet) TakesAll(old *Jobnet) bool {
	was := map[string]*Param{}
	for i := range old.Params {
		was[old.Params[i].Name] = &old.Params[i]
	}
	for i := range j.Params {
		p := &j.Params[i]
		before := was[p.Name]
		delete(was, p.Name)
		wants := p.Required && p.Default == nil
		switch {
		case before == nil && wants:
			return false
		case before == nil:
		case wants && !(before.Required && before.Default == nil), p.Type != before.Type, !slices.Equal(p.Of, before.Of),
			p.Min != nil && (before.Min == nil || *before.Min != *p.Min), p.Max != nil && (before.Max == nil || *before.Max != *p.Max):
			return false
		}
	}
	return len(was) == 0
}

// maxRing is how many jobnets are looked at for a circle.
const maxRing = 10_000

// Ring gives the way from a jobnet over one that it runs back to it, or nil. callee
// gives a jobnet by its path, nil if it is not known.
func Ring(home, from string, callee func(path string) (*Jobnet, error)) ([]string, error) {
	before := map[string]string{from: home}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == home {
			return nil, nil // it runs itself, which has been told
		}
		j, err := callee(queue[0])
		if err != nil {
			return nil, err
		}
		if j == nil {
			continue
		}
		for i := range j.Parts {
			call := j.Parts[i].Call
			if call == nil || j.Parts[i].Kind != KindJobnet {
				continue
			}
			if call.Jobnet == home {
				ring := []string{home}
				for at := queue[0]; at != home; at = before[at] {
					ring = append(ring, at)
				}
				ring = append(ring, home)
				slices.Reverse(ring)
				return ring, nil
			}
			if _, seen := before[call.Jobnet]; !seen && len(before) < maxRing {
				before[call.Jobnet] = queue[0]
				queue = append(queue, call.Jobnet)
			}
		}
	}
	return nil, nil
}

// InACircle is the problem of jobnets that run each other so.
func InACircle(ring []string) banto.Problem {
	return banto.Problem{Message: "the jobnets run each other in a circle: " + strings.Join(ring, " → "), Hint: "take one of these calls away"}
}
