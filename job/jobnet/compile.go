package jobnet

import (
	"fmt"
	"time"

	// Time zones must be known alike on every machine.
	_ "time/tzdata"

	"github.com/bantoops/banto"
)

// Limits of a jobnet.
const (
	MaxParts     = 200_000
	MaxScript    = 8 << 20   // bytes of one part's script
	InlineScript = 64 << 10  // bytes of a script that travels with its order; a longer one is fetched by the host
	MaxCarried   = 400 << 10 // bytes of one part's arguments, variables and such a script, as they travel to the host
	MaxFlow      = 64 << 20  // bytes of the scripts, arguments and variables of all parts
	maxParams    = 1000
	maxSets      = 1000 // of one part
)

// Compile makes a flow of a jobnet: the defaults and variables of its folders
// (the root first) merged in, the nearest winning, its edges resolved and its
// expressions typed. There is no flow when there are problems.
func Compile(j *Jobnet, folders []*Folder) (*Flow, []banto.Problem) {
	r := Report{File: j.File}
	flow := compile(j, folders, &r)
	if r.Len() > 0 {
		return nil, r.Problems()
	}
	return flow, nil
}

// Check reports what is wrong with a jobnet that may have been read only in
// part, folders aside.
func (j *Jobnet) Check(r *Report) { compile(j, nil, r) }

// compilation is the work on one jobnet.
type compilation struct {
	jobnet *Jobnet
	flow   *Flow
	names  *namespace
	report *Report
	uses   []use
	seen   map[After]bool
	size   int       // bytes of all parts so far
	base   inherited // what parts get from the folders and the jobnet
}

// inherited is what a part gets from above.
type inherited struct {
	Defaults

	manner
	target
	lost
	dir Text
	env []FlowEnv
}

func compile(j *Jobnet, folders []*Folder, r *Report) *Flow {
	c := &compilation{jobnet: j, report: r, flow: &Flow{
		Jobnet: j.Path, Title: j.Title, Timezone: j.Timezone, OnError: j.OnError,
	}}
	if fault := pathFault(j.Path); fault != "" && !(j.Faulty && j.Path == "") {
		r.Add(j.Pos, "jobnet", fmt.Sprintf("the path %q %s", clip(j.Path), fault), pathHint)
	}
	c.flow.Params = checkParams(j.Params, r)
	c.partNames()
	c.names = c.flow.namespace()
	c.names.silent = r.Full
	defer c.names.forget()
	c.inherit(folders)
	for i := range j.Parts {
		c.edges(&j.Parts[i], &c.flow.Parts[i])
	}
	c.flow.index()
	order, acyclic := c.order()
	for i := range j.Parts {
		if c.part(i, &j.Parts[i], &c.flow.Parts[i]); c.size > MaxFlow {
			r.Add(j.Pos, "parts", fmt.Sprintf("the jobnet grows to more than %d MiB with what its folders and defaults hand down", MaxFlow>>20), "hand down less, or put large texts into files on the host")
			return c.flow
		}
	}
	if acyclic {
		c.checkUses(order)
	}
	c.restarts()
	return c.flow
}

// partNames makes the parts of the flow and checks what they are called.
func (c *compilation) partNames() {
	parts := c.jobnet.Parts
	if len(parts) == 0 && !c.jobnet.Faulty {
		c.report.Add(c.jobnet.Pos, "parts", "the jobnet has no parts", "write parts: with at least one part")
	}
	if len(parts) > MaxParts {
		c.report.Add(c.jobnet.Pos, "parts", fmt.Sprintf("the jobnet has %d parts, more than %d", len(parts), MaxParts), "cut it into several jobnets")
	}
	c.flow.Parts = make([]FlowPart, len(parts))
	c.flow.byName = make(map[string]int, len(parts))
	for i := range parts {
		name := parts[i].Name
		c.flow.Parts[i].Name = name
		c.flow.Parts[i].Kind, c.flow.Parts[i].Sets = parts[i].Kind, parts[i].Sets
		if fault := partNameFault(name); fault != "" {
			c.report.Add(parts[i].Pos, "parts", fmt.Sprintf("the part name %q %s", clip(name), fault), nameHint(name))
		}
		if first, ok := c.flow.byName[name]; ok {
			c.report.Add(parts[i].Pos, "parts."+name, fmt.Sprintf("there are two parts of this name, the first in line %d", parts[first].Pos.Line), "give one of them another name")
			continue
		}
		c.flow.byName[name] = i
	}
}

func nameHint(name string) string {
	if reserved(name) {
		return "call it " + name + "_part, for example"
	}
	return partNameHint
}

// inherit merges what the folders and the jobnet hand down.
func (c *compilation) inherit(folders []*Folder) {
	own := c.report.File
	for _, f := range folders {
		c.report.File = f.File
		c.merge(f.Defaults, f.Env, f.KeyPos, levelFolder)
		checkHead(f.Timezone, f.OnError, f.KeyPos, c.report)
		if c.jobnet.Timezone == "" && f.Timezone != "" {
			c.flow.Timezone = f.Timezone
		}
		if c.jobnet.OnError == "" && f.OnError != "" {
			c.flow.OnError = f.OnError
		}
	}
	c.report.File = own
	c.dropHidden()
	if c.jobnet.Delayed != nil {
		c.base.delayed = c.jobnet.Delayed
	}
	c.merge(c.jobnet.Defaults, c.jobnet.Env, c.jobnet.KeyPos, levelJobnet)
	checkHead(c.jobnet.Timezone, c.jobnet.OnError, c.jobnet.KeyPos, c.report)
	if c.flow.OnError == "" {
		c.flow.OnError = OnErrorEnd
	}
}

// dropHidden drops the variables of folders that have the name of a parameter:
// the parameter is nearer.
func (c *compilation) dropHidden() {
	kept := c.base.env[:0]
	for _, e := range c.base.env {
		if _, hidden := c.names.params[e.Name]; !hidden {
			kept = append(kept, e)
		}
	}
	c.base.env = kept
}

func checkHead(timezone string, onError OnError, pos map[string]Pos, r *Report) {
	if timezone != "" {
		if _, err := time.LoadLocation(timezone); err != nil || timezone == "Local" {
			r.Add(pos["timezone"], "timezone", fmt.Sprintf("%q is not a time zone", clip(timezone)), "write a name of the tz database, such as Asia/Tokyo or UTC")
		}
	}
	if onError != "" && onError != OnErrorEnd && onError != OnErrorWait {
		r.Add(pos["on-error"], "on-error", fmt.Sprintf("%q is not an answer to an error", clip(string(onError))), "write end or wait")
	}
}

// level says how much the texts of a place may name.
type level int

const (
	levelFolder level = iota // date, tracker, attempt
	levelJobnet              // and parameters
	levelPart                // and parts
)

// merge lays the defaults and variables of one level over those above it.
func (c *compilation) merge(d Defaults, env []EnvVar, pos map[string]Pos, l level) {
	b := &c.base
	at := func(key string) place { return place{"", "defaults." + key, pos["defaults."+key], l, -1} }
	if d.Host != "" || len(d.HostLabels) > 0 {
		b.target = c.where(d.Host, d.HostLabels, at("host"))
	}
	if d.Dir != "" {
		b.dir = c.text(d.Dir, at("dir"))
	}
	b.Account = either(d.Account, b.Account)
	if d.Shell != "" {
		c.shell(d.Shell, at("shell"))
		b.Shell = d.Shell
	}
	if d.Timeout != 0 {
		b.Timeout = d.Timeout
	}
	if d.Retry != nil {
		c.retry(d.Retry, at("retry"))
		b.Retry = d.Retry
	}
	if d.Exit != nil {
		c.exit(d.Exit, at("exit"))
		b.Exit = d.Exit
	}
	if d.OnLost != "" {
		b.lost = c.lost(d.OnLost, d.LostAfter, at("on-lost"))
	}
	b.manner = c.manner(manner{d.Pick, d.Delayed, d.Encoding, d.Limits}, b.manner, at)
	if l == levelJobnet {
		for _, e := range env {
			if _, ok := c.names.params[e.Name]; ok {
				c.report.Add(e.Pos, "env."+e.Name, "a parameter has this name too, and reaches jobs under it", "leave out one of the two")
			}
		}
	}
	b.env = c.env(b.env, env, place{"", "env", Pos{}, l, -1})
}

// place says where a text stands and whose it is. Its path is in two pieces,
// which are put together only when there is something to report.
type place struct {
	above, key string
	pos        Pos
	level      level
	part       int // index, or -1
}

func (p place) path() string {
	if p.part >= 0 {
		return "parts." + p.above + "." + p.key
	}
	return p.above + p.key
}

// env lays variables over those above; a variable keeps the place in the
// order that it was first given.
func (c *compilation) env(above []FlowEnv, own []EnvVar, at place) []FlowEnv {
	if len(own) == 0 {
		return above
	}
	out := make([]FlowEnv, len(above), len(above)+len(own))
	copy(out, above)
	index := make(map[string]int, len(out)+len(own))
	for i, e := range out {
		index[e.Name] = i
	}
	for _, e := range own {
		if fault := envNameFault(e.Name); fault != "" {
			c.report.Add(e.Pos, at.path(), fmt.Sprintf("the variable name %q %s", clip(e.Name), fault), envNameHint)
			continue
		}
		v := FlowEnv{e.Name, c.text(e.Value, place{at.above, at.key + "." + e.Name, e.ValuePos, at.level, at.part})}
		if i, ok := index[e.Name]; ok {
			out[i] = v
			continue
		}
		index[e.Name] = len(out)
		out = append(out, v)
	}
	return out
}

// Check reports what is wrong with a folder.
func (f *Folder) Check(r *Report) {
	if fault := pathFault(f.Path); f.Path != "/" && fault != "" {
		r.Add(f.Pos, "folder", fmt.Sprintf("the path %q %s", clip(f.Path), fault), pathHint+"; the root folder is /")
	}
	c := &compilation{jobnet: &Jobnet{}, flow: &Flow{}, report: r}
	c.names = c.flow.namespace()
	c.merge(f.Defaults, f.Env, f.KeyPos, levelFolder)
	checkHead(f.Timezone, f.OnError, f.KeyPos, r)
	f.checkKeep(r)
}
