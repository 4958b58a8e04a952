package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// simPart is a part of a random flow, in words that oracle and definition
// are both made from.
type simPart struct {
	name     string
	edges    []simEdge
	any      bool
	when     simWhen
	whenOf   string // of whenExit: the part whose exit code is looked at
	heals    bool
	attempts int // 0: no retry
	wait     time.Duration
	codes    bool // retry on exit code 75 only
	warns    bool // exit codes 1 to 3 are a warning
	sets     bool // declares the integer n
	needs    string
	host     string
	perPart  bool
	rerun    jobnet.Rerun
	onLost   jobnet.OnLost
	after    time.Duration // with onLost
	ways     []simWay      // of a branch
	end      banto.Outcome // of an end
	pause    time.Duration // of a wait
	calls    bool          // it runs another jobnet
}

// simWay is a way out of a branch: whenAlways is else, which stands last.
type simWay struct {
	outlet string
	when   simWhen
}

// runs says whether the part runs something on a host.
func (p *simPart) runs() bool { return len(p.ways) == 0 && p.end == "" && p.pause == 0 && !p.calls }

// simEdge is an edge by name.
type simEdge struct {
	from   string
	outlet jobnet.Outlet
	way    bool // the outlet is one of a branch's own
}

// The groups of the simulator: a part runs on one host of the first, and on
// all of the second.
const (
	oneOf = "one"
	allOf = "all"
)

// simWhen is a condition of a random part.
type simWhen int

// The conditions.
const (
	whenAlways simWhen = iota
	whenTrue
	whenFalse
	whenExit // the exit code of a part before it is 0; without one: no value
)

// simFlow is a random flow.
type simFlow struct {
	parts   []simPart
	wait    bool     // on-error: wait
	dropped []string // parts of an earlier definition
}

// part finds a part by name.
func (f *simFlow) part(name string) *simPart {
	for i := range f.parts {
		if f.parts[i].name == name {
			return &f.parts[i]
		}
	}
	return nil
}

var outlets = []jobnet.Outlet{
	jobnet.OutletDone, jobnet.OutletDone, jobnet.OutletDone, jobnet.OutletOK, jobnet.OutletWarning,
	jobnet.OutletError, jobnet.OutletError, jobnet.OutletEnded, jobnet.OutletEnded,
}

// randomFlow makes a flow whose edges lead from earlier parts to later ones.
func randomFlow(r *rand.Rand) *simFlow {
	f := &simFlow{wait: r.IntN(3) == 0}
	n := 1 + r.IntN(14)
	if r.IntN(10) == 0 {
		n = 30 + r.IntN(20)
	}
	for i := range n {
		f.parts = append(f.parts, randomPart(r, fmt.Sprintf("p%d", i), f.parts))
	}
	f.policies(r)
	return f
}

// policies says what is done about lost hosts: in some flows nothing, in some
// mostly that all starts again.
func (f *simFlow) policies(r *rand.Rand) {
	mood := r.IntN(4)
	for i := range f.parts {
		p := &f.parts[i]
		if !p.runs() {
			continue
		}
		p.after = time.Duration(15+r.IntN(30)) * time.Second
		if mood == 1 {
			p.rerun = ""
		}
		switch n := r.IntN(8); {
		case mood == 0 || n < 2:
		case n < 3:
			p.onLost = jobnet.LostFail
		case mood == 1:
			p.onLost = jobnet.LostRerunJobnet
		default:
			p.onLost = jobnet.LostRerun
		}
	}
	f.obey()
}

// obey takes back an on-lost that would run again what may not run again
// unasked.
func (f *simFlow) obey() {
	asks := func(p simPart) bool { return p.rerun == jobnet.RerunAsk || p.rerun == jobnet.RerunNever }
	some := slices.ContainsFunc(f.parts, asks)
	for i := range f.parts {
		p := &f.parts[i]
		if some && p.onLost == jobnet.LostRerunJobnet || asks(*p) && p.onLost == jobnet.LostRerun {
			p.onLost = jobnet.LostFail
		}
	}
}

// randomPart makes a part behind some of those that are there.
func randomPart(r *rand.Rand, name string, before []simPart) simPart {
	p := simPart{name: name, any: r.IntN(4) == 0, warns: r.IntN(2) == 0, sets: r.IntN(3) == 0}
	if len(before) > 0 && r.IntN(6) > 0 {
		for range 1 + r.IntN(4) {
			// Mostly near ones, so that flows are deep as well as wide.
			from := len(before) - 1 - min(r.IntN(len(before)), r.IntN(len(before)))
			e := randomEdge(r, &before[from])
			if before[from].end == "" && !slices.Contains(p.edges, e) {
				p.edges = append(p.edges, e)
			}
		}
	}
	for _, e := range p.edges {
		if e.outlet == jobnet.OutletError || e.outlet == jobnet.OutletEnded {
			p.heals = r.IntN(2) == 0
		}
	}
	p.conditions(r, before)
	switch n := r.IntN(24); {
	case n < 3:
		p.branch(r)
		return p
	case n < 8 && n > 5:
		p.calls, p.warns, p.sets = true, false, false
		if r.IntN(3) == 0 {
			p.attempts, p.wait = 1+r.IntN(3), time.Duration(r.IntN(3))*time.Second
		}
		return p
	case n < 6 && n > 3:
		p.pause, p.warns, p.sets = time.Duration(1+r.IntN(5))*time.Second, false, false
		return p
	case n == 3 && len(before) > 0:
		p.end, p.warns, p.sets = []banto.Outcome{banto.OK, banto.Warning, banto.Error}[r.IntN(3)], false, false
		return p
	}
	if r.IntN(3) == 0 {
		p.attempts, p.codes = 1+r.IntN(3), r.IntN(3) == 0
		p.wait = time.Duration(r.IntN(3)) * time.Second
	}
	if len(p.edges) > 0 && r.IntN(4) == 0 {
		from := p.edges[r.IntN(len(p.edges))].from
		if i := slices.IndexFunc(before, func(b simPart) bool { return b.name == from }); before[i].sets {
			p.needs = from
		}
	}
	p.host = []string{"", "h1", "h1", "h2", "h3", oneOf, oneOf, allOf}[r.IntN(8)]
	p.perPart = p.host == oneOf && r.IntN(3) == 0
	p.rerun = []jobnet.Rerun{"", "", "", "", jobnet.RerunYes, jobnet.RerunAsk, jobnet.RerunNever}[r.IntN(7)]
	if r.IntN(2) == 0 {
		p.rerun = ""
	}
	if r.IntN(40) == 0 {
		p.host = "nowhere"
	}
	return p
}

// randomEdge leaves a part by one of its outlets.
func randomEdge(r *rand.Rand, from *simPart) simEdge {
	if len(from.ways) == 0 {
		return simEdge{from: from.name, outlet: outlets[r.IntN(len(outlets))]}
	}
	if r.IntN(3) > 0 {
		return simEdge{from.name, jobnet.Outlet(from.ways[r.IntN(len(from.ways))].outlet), true}
	}
	return simEdge{from: from.name, outlet: []jobnet.Outlet{jobnet.OutletDone, jobnet.OutletError, jobnet.OutletEnded}[r.IntN(3)]}
}

// branch makes a branch of the part.
func (p *simPart) branch(r *rand.Rand) {
	p.warns, p.sets = false, false
	for i := range 1 + r.IntN(3) {
		w := simWay{fmt.Sprintf("w%d", i), []simWhen{whenTrue, whenFalse}[r.IntN(2)]}
		if p.whenOf != "" && r.IntN(2) == 0 {
			w.when = whenExit
		}
		p.ways = append(p.ways, w)
	}
	if r.IntN(3) > 0 {
		p.ways = append(p.ways, simWay{"otherwise", whenAlways})
	}
}

// conditions gives the part a condition, or a part to look at in one.
func (p *simPart) conditions(r *rand.Rand, before []simPart) {
	runs := func(name string) bool {
		return before[slices.IndexFunc(before, func(b simPart) bool { return b.name == name })].runs()
	}
	switch r.IntN(12) {
	case 0:
		p.when = whenTrue
	case 1:
		p.when = whenFalse
	case 2:
		if len(p.edges) > 0 && !p.any && runs(p.edges[0].from) {
			p.when, p.whenOf = whenExit, p.edges[0].from
		}
	case 3, 4:
		if len(p.edges) > 0 && runs(p.edges[0].from) {
			p.whenOf = p.edges[0].from // a branch may look at it
		}
	}
}

// changed makes a flow that someone has mended: a part has gone, one is new,
// rules and hosts differ.
func (f *simFlow) changed(r *rand.Rand, fresh string) *simFlow {
	g := &simFlow{wait: f.wait, parts: slices.Clone(f.parts)}
	if len(g.parts) > 1 && r.IntN(2) == 0 {
		i := r.IntN(len(g.parts))
		g.dropped = append(g.dropped, g.parts[i].name)
		g.drop(g.parts[i].name)
	}
	for i := range g.parts {
		p := &g.parts[i]
		if !p.runs() {
			continue
		}
		if p.host == "nowhere" {
			p.host = "h1"
		}
		if r.IntN(8) == 0 {
			p.host, p.perPart = []string{"h2", oneOf, allOf}[r.IntN(3)], false
		}
		if r.IntN(5) == 0 {
			p.warns = !p.warns
		}
		if p.when == whenFalse && r.IntN(2) == 0 {
			p.when = whenTrue
		}
	}
	for _, p := range f.dropped {
		if r.IntN(2) == 0 {
			g.parts = append(g.parts, randomPart(r, p, g.parts)) // it comes back
		} else {
			g.dropped = append(g.dropped, p)
		}
	}
	if r.IntN(2) == 0 {
		g.parts = append(g.parts, randomPart(r, fresh, g.parts))
	}
	for i := range g.parts {
		if p := &g.parts[i]; p.runs() && r.IntN(8) == 0 {
			p.onLost, p.after = []jobnet.OnLost{"", jobnet.LostFail, jobnet.LostRerun, jobnet.LostRerunJobnet}[r.IntN(4)], 20*time.Second
		}
	}
	g.obey()
	return g
}

// drop takes a part out, with the edges that leave it and what needed it.
func (f *simFlow) drop(name string) {
	f.parts = slices.DeleteFunc(f.parts, func(p simPart) bool { return p.name == name })
	for i := range f.parts {
		p := &f.parts[i]
		p.edges = slices.DeleteFunc(slices.Clone(p.edges), func(e simEdge) bool { return e.from == name })
		if p.needs == name {
			p.needs = ""
		}
		if p.whenOf == name {
			p.whenOf = ""
			if p.when == whenExit {
				p.when = whenAlways
			}
			for i := range p.ways {
				if p.ways[i].when == whenExit {
					p.ways = slices.Clone(p.ways)
					p.ways[i].when = whenTrue
				}
			}
		}
		p.heals = p.heals && slices.ContainsFunc(p.edges, func(e simEdge) bool {
			return e.outlet == jobnet.OutletError || e.outlet == jobnet.OutletEnded
		})
	}
}

// compile makes the flow that the engine runs.
func (f *simFlow) compile() (*jobnet.Flow, error) {
	yes, no := "true", "false"
	j := &jobnet.Jobnet{
		Path: "sim/flow",
		Params: []jobnet.Param{
			{Name: "yes", Type: jobnet.Boolean, Default: &yes},
			{Name: "no", Type: jobnet.Boolean, Default: &no},
		},
	}
	if f.wait {
		j.OnError = jobnet.OnErrorWait
	}
	for i := range f.parts {
		j.Parts = append(j.Parts, f.parts[i].define())
	}
	flow, problems := jobnet.Compile(j, nil)
	if len(problems) > 0 {
		return nil, fmt.Errorf("cannot compile a random flow: %v", problems)
	}
	return flow, nil
}

// define writes the part as a designer would.
func (p *simPart) define() jobnet.Part {
	d := jobnet.Part{Name: p.name, Kind: jobnet.KindJob, Script: "true", Heals: p.heals, Host: p.host, Rerun: p.rerun, OnLost: p.onLost}
	switch {
	case len(p.ways) > 0:
		d.Kind, d.Script = jobnet.KindBranch, ""
		for _, w := range p.ways {
			d.Ways = append(d.Ways, jobnet.Way{Outlet: jobnet.Outlet(w.outlet), When: p.condition(w.when)})
		}
	case p.calls:
		d.Kind, d.Script, d.Call = jobnet.KindJobnet, "", &jobnet.Call{Jobnet: "sim/other"}
	case p.pause > 0:
		d.Kind, d.Script, d.Wait = jobnet.KindWait, "", &jobnet.Wait{For: p.pause}
	case p.end != "":
		d.Kind, d.Script, d.End = jobnet.KindEnd, "", p.end
	}
	if p.onLost != "" {
		d.LostAfter = p.after
	}
	if p.perPart {
		d.Pick = jobnet.PerPart
	}
	for _, e := range p.edges {
		d.After = append(d.After, jobnet.After{Part: e.from, Outlet: e.outlet})
	}
	if p.any {
		d.Join = jobnet.JoinAny
	}
	d.When = p.condition(p.when)
	if p.attempts > 0 {
		d.Retry = &jobnet.Retry{Attempts: p.attempts, Wait: p.wait, Backoff: 2}
		if p.codes {
			d.Retry.Codes = []jobnet.CodeRange{{From: 75, To: 75}}
		}
	}
	if p.warns {
		d.Exit = &jobnet.ExitRules{OK: []jobnet.CodeRange{{From: 0, To: 0}}, Warning: []jobnet.CodeRange{{From: 1, To: 3}}}
	}
	if p.sets {
		d.Sets = []jobnet.Set{{Name: "n", Type: jobnet.Integer}}
	}
	if p.needs != "" {
		d.Env = []jobnet.EnvVar{{Name: "N", Value: "${" + p.needs + ".n}"}}
	}
	return d
}

// condition writes a condition as a designer would; none for whenAlways.
func (p *simPart) condition(w simWhen) string {
	switch w {
	case whenTrue:
		return "params.yes"
	case whenFalse:
		return "params.no"
	case whenExit:
		return p.whenOf + ".exit == 0"
	}
	return ""
}
