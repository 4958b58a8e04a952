package jobnet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
)

// maxWays is how many ways a branch has at most.
const maxWays = 1000

// ways fills in the ways out of a branch: in their order, but else last.
func (c *compilation) ways(p *Part, to *FlowPart, at func(string) place) {
	switch {
	case len(p.Ways) == 0 && !p.Faulty:
		c.report.Add(p.place("branch"), at("branch").path(), "the branch has no ways", "write branch: {big: count.files > 1000, small: else}")
		return
	case len(p.Ways) > maxWays:
		c.report.Add(p.place("branch"), at("branch").path(), fmt.Sprintf("the branch has %d ways, more than %d", len(p.Ways), maxWays), "cut it into several branches")
		return
	}
	to.Ways = make([]FlowWay, 0, len(p.Ways))
	var otherwise *Way
	for i := range p.Ways {
		w := &p.Ways[i]
		own := place{p.Name, "branch." + string(w.Outlet), w.WhenPos, levelPart, at("").part}
		if fault := outletFault(w.Outlet); fault != "" {
			c.report.Add(w.Pos, own.path(), fmt.Sprintf("the outlet %q %s", clip(string(w.Outlet)), fault), outletNameHint)
		}
		switch {
		case w.When != "":
			cond := &Condition{w.When, c.names}
			c.condition(cond, own)
			to.Ways = append(to.Ways, FlowWay{w.Outlet, cond})
		case otherwise != nil:
			c.report.Add(w.WhenPos, own.path(), fmt.Sprintf("the branch has two ways with else, the first is %s", otherwise.Outlet), "one way is taken when no other is")
		default:
			otherwise = w
		}
	}
	if otherwise != nil {
		to.Ways = append(to.Ways, FlowWay{Outlet: otherwise.Outlet})
	}
}

const outletNameHint = "a name is a letter of any script, then letters, digits and _; not done, ok, warning, error or ended"

// outletFault says why a text cannot be an outlet of a branch's own, or "".
func outletFault(o Outlet) string {
	if slices.Contains(standardOutlets(), o) {
		return "is one that every part has"
	}
	return wordFault(string(o))
}

// ending checks what an end ends with.
func (c *compilation) ending(p *Part, to *FlowPart, at func(string) place) {
	switch p.End {
	case banto.OK, banto.Warning, banto.Error:
		to.End = p.End
	default:
		if !p.Faulty {
			c.report.Add(p.place("end"), at("end").path(), fmt.Sprintf("%q is not an outcome", clip(string(p.End))), "write ok, warning or error")
		}
	}
}

// runsNothing refuses what only a part can have that runs something on a host.
func (c *compilation) runsNothing(p *Part, at func(string) place) {
	for _, k := range []struct {
		key  string
		said bool
	}{
		{"host", p.Host != "" || len(p.HostLabels) > 0}, {"pick", p.Pick != ""}, {"account", p.Account != ""},
		{"dir", p.Dir != ""}, {"env", len(p.Env) > 0}, {"shell", p.Shell != ""}, {"delayed", p.Delayed != nil},
		{"encoding", p.Encoding != ""}, {"limits", p.Limits != nil}, {"on-lost", p.OnLost != ""},
		{"timeout", p.Timeout != 0}, {"exit", p.Exit != nil}, {"sets", len(p.Sets) > 0},
		{"rerun", p.Rerun != "" && !p.Kind.Attempts()}, {"retry", p.Retry != nil && !p.Kind.Attempts()},
	} {
		if k.said {
			c.report.Add(p.place(k.key), at(k.key).path(), fmt.Sprintf("%s is of parts that run something on a host, and %s does not", k.key, p.Kind), "leave it out")
		}
	}
}

// wayNames lists the outlets of a branch's own.
func wayNames(ways []Way) []Outlet {
	out := make([]Outlet, len(ways))
	for i, w := range ways {
		out[i] = w.Outlet
	}
	return out
}

// Choose gives the way that a branch takes: the first that is true, or else.
// found is false when there is none; an error says which way could not be judged.
func (p *FlowPart) Choose(s Scope) (o Outlet, found bool, err error) {
	for _, w := range p.Ways {
		if w.When == nil {
			return w.Outlet, true, nil
		}
		yes, err := w.When.Eval(s)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", w.Outlet, err)
		}
		if yes {
			return w.Outlet, true, nil
		}
	}
	return "", false, nil
}

// HasOutlet says whether a branch has that way out, by its own name.
func (p *FlowPart) HasOutlet(o Outlet) bool {
	return slices.ContainsFunc(p.Ways, func(w FlowWay) bool { return w.Outlet == o })
}

// OwnOutlets lists the ways out of a branch by name, quoted, for errors.
func (p *FlowPart) OwnOutlets() string {
	out := make([]string, len(p.Ways))
	for i, w := range p.Ways {
		out[i] = strconv.Quote(string(w.Outlet))
	}
	return strings.Join(out, ", ")
}

// kindList writes the kinds for hints.
func kindList() string {
	out := make([]string, len(Kinds()))
	for i, k := range Kinds() {
		out[i] = string(k)
	}
	return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
}
