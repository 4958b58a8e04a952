package jobyaml

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"go.yaml.in/yaml/v3"
)

func (r *reader) parts(m member) ([]jobnet.Part, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	if count := len(n.Content) / 2; count > jobnet.MaxParts {
		r.report.Add(r.pos(m.at), m.path(), fmt.Sprintf("the jobnet has %d parts, more than %d", count, jobnet.MaxParts), "cut it into several jobnets")
		return nil, false
	}
	out := make([]jobnet.Part, 0, len(n.Content)/2)
	good := true
	r.pairs(n, m.path(), func(at, value *yaml.Node) bool {
		out = append(out, jobnet.Part{Name: jobnet.Normal(at.Value), Pos: r.pos(at)})
		p := &out[len(out)-1]
		v := r.value(value)
		if v.Kind != yaml.MappingNode {
			p.Faulty = true
			r.report.Add(r.pos(value), join(m.path(), at.Value), fmt.Sprintf("a part wants a mapping, not %s", what(v)), partHint(at.Value, v))
		} else {
			r.part(v, join(m.path(), at.Value), p)
		}
		good = good && !p.Faulty
		return true
	})
	return out, good
}

func partHint(name string, v *yaml.Node) string {
	if v.Kind == yaml.ScalarNode && !isNull(v) {
		return fmt.Sprintf("write %s: {job: …}, or job: on the next line, indented", clip(name))
	}
	return "write job: with a script below the name, indented"
}

func (r *reader) part(n *yaml.Node, path string, p *jobnet.Part) {
	good := r.mapping(n, inPart, path, func(m member) (ok bool) {
		switch m.name {
		case "job", "run", "jobnet", "branch", "end", "wait":
			ok = r.kindKey(m, p)
		case "with":
			p.Mark("with", r.pos(m.at))
			r.called(p).With, ok = r.env(m)
		case "title":
			p.Title, ok = r.text(m)
		case "after":
			p.After, ok = r.after(m)
		case "join":
			var s string
			s, ok = r.word(m, string(jobnet.JoinAll), string(jobnet.JoinAny))
			p.Join = jobnet.Join(s)
		case "when":
			if p.When, ok = r.filled(m); ok {
				p.Mark("when", r.textPos(r.value(m.value)))
			}
		case "heals":
			p.Heals, ok = r.boolean(m)
			p.Mark("heals", r.pos(m.value))
		case "env":
			p.Env, ok = r.env(m)
		case "sets":
			p.Sets, ok = r.sets(m)
		default:
			ok = r.running(m, p)
		}
		return ok
	})
	p.Faulty = p.Faulty || !good
}

// running reads the keys of a part that say where and how it runs.
func (r *reader) running(m member, p *jobnet.Part) (ok bool) {
	switch m.name {
	case "host":
		p.Host, p.HostLabels, ok = r.host(m)
		p.Mark("host", r.textPos(r.value(m.value)))
	case "pick":
		p.Pick, ok = r.partPick(m)
	case "dir":
		p.Dir, ok = r.filled(m)
		p.Mark("dir", r.textPos(r.value(m.value)))
	case "account":
		p.Account, ok = r.filled(m)
		p.Mark("account", r.pos(m.value))
	case "shell":
		p.Shell, ok = r.filled(m)
		p.Mark("shell", r.pos(m.value))
	case "delayed":
		p.Delayed, ok = r.booleanOrNot(m)
		p.Mark("delayed", r.pos(m.value))
	case "encoding":
		p.Encoding, ok = r.filled(m)
		p.Mark("encoding", r.pos(m.value))
	case "limits":
		p.Limits, ok = r.limits(m)
		p.Mark("limits", r.pos(m.at))
	case "rerun":
		var s string
		s, ok = r.word(m, reruns()...)
		p.Rerun = jobnet.Rerun(s)
		p.Mark("rerun", r.pos(m.value))
	case "on-lost":
		p.OnLost, p.LostAfter, ok = r.onLost(m)
		p.Mark("on-lost", r.pos(m.value))
	case "timeout":
		p.Timeout, ok = r.duration(m, time.Second)
	case "retry":
		p.Retry, ok = r.retry(m)
		p.Mark("retry", r.pos(m.at))
	case "exit":
		p.Exit, ok = r.exit(m)
		p.Mark("exit", r.pos(m.at))
	}
	return ok
}

// kindKey reads the key that says what the part does. It has exactly one.
func (r *reader) kindKey(m member, p *jobnet.Part) bool {
	if p.Kind != "" {
		r.report.Add(r.pos(m.at), m.path(), fmt.Sprintf("the part has %s and %s", p.Kind, m.name), "a part does one thing; make two parts of it")
		return false
	}
	p.Kind = jobnet.Kind(m.name)
	switch p.Kind {
	case jobnet.KindJob:
		return r.script(m, p)
	case jobnet.KindRun:
		return r.args(m, p)
	case jobnet.KindBranch:
		return r.branch(m, p)
	case jobnet.KindWait:
		return r.wait(m, p)
	case jobnet.KindJobnet:
		path, ok := r.filled(m)
		r.called(p).Jobnet, p.Call.Pos = path, r.textPos(r.value(m.value))
		return ok
	case jobnet.KindEnd:
		var s string
		s, ok := r.word(m, outcomes()...)
		p.End = banto.Outcome(s)
		p.Mark("end", r.pos(m.value))
		return ok
	}
	return false
}

// called gives what a part calls, to be filled in.
func (r *reader) called(p *jobnet.Part) *jobnet.Call {
	if p.Call == nil {
		p.Call = &jobnet.Call{}
	}
	return p.Call
}

// branch reads the ways out of a branch, in their order.
func (r *reader) branch(m member, p *jobnet.Part) bool {
	p.Mark("branch", r.pos(m.value))
	n, ok := r.inner(m)
	if !ok {
		return false
	}
	good := true
	r.pairs(n, m.path(), func(at, value *yaml.Node) bool {
		own := member{m.key, at, value, m.path(), at.Value}
		v := r.value(value)
		if v.Kind != yaml.ScalarNode || isNull(v) {
			r.report.Add(r.pos(value), own.path(), fmt.Sprintf("a way wants a condition, not %s", what(v)), "write "+at.Value+": count.files > 1000, or "+at.Value+": else")
			good = false
			return true
		}
		s, ok := r.scalar(v, own)
		good = good && ok
		w := jobnet.Way{Outlet: jobnet.Outlet(jobnet.Normal(at.Value)), Pos: r.pos(at), WhenPos: r.textPos(v)}
		if w.When = s; strings.TrimSpace(s) == otherwise {
			w.When = ""
		} else if strings.TrimSpace(s) == "" {
			r.report.Add(r.pos(value), own.path(), "the condition is empty", "write "+at.Value+": else for the way that is taken when no other is")
			good = false
		}
		p.Ways = append(p.Ways, w)
		return true
	})
	return good
}

// wait reads what a part waits for.
func (r *reader) wait(m member, p *jobnet.Part) bool {
	p.Mark("wait", r.pos(m.value))
	n, ok := r.inner(m)
	if !ok {
		return false
	}
	w := &jobnet.Wait{}
	good := r.mapping(n, inWait, m.path(), func(m member) (ok bool) {
		switch m.name {
		case "time":
			var c jobnet.Clock
			c, ok = r.clock(m)
			w.Time = &c
		case "for":
			w.For, ok = r.duration(m, time.Second)
		}
		return ok
	})
	p.Wait = w
	return good
}

// clock reads a time of the base day.
func (r *reader) clock(m member) (jobnet.Clock, bool) {
	s, ok := r.text(m)
	if !ok {
		return 0, false
	}
	c, err := jobnet.ParseClock(s)
	if err != nil {
		r.report.Add(r.pos(m.value), m.path(), err.Error(), "in quotes: "+m.name+": "+m.key.example)
		return 0, false
	}
	return c, true
}

// otherwise is the condition of the way that is taken when no other is.
const otherwise = "else"

func outcomes() []string {
	return []string{string(banto.OK), string(banto.Warning), string(banto.Error)}
}

func (r *reader) script(m member, p *jobnet.Part) (ok bool) {
	p.Script, ok = r.text(m)
	if strings.TrimSpace(p.Script) == "" {
		p.Mark("job", r.pos(m.value))
	}
	return ok
}

func (r *reader) args(m member, p *jobnet.Part) bool {
	args, at, ok := r.texts(m)
	p.Args = args
	if !ok || len(args) == 0 || args[0] == "" {
		p.Mark("run", r.pos(m.value))
		return ok
	}
	for i, n := range at {
		if pos := r.expressionPos(r.value(n)); pos.Exact {
			p.Mark("run."+strconv.Itoa(i), pos)
		}
	}
	return ok
}

func (r *reader) after(m member) ([]jobnet.After, bool) {
	texts, at, ok := r.oneOrMore(m)
	if !ok {
		return nil, false
	}
	out := make([]jobnet.After, len(texts))
	for i, s := range texts {
		out[i] = jobnet.ParseAfter(s)
		out[i].Pos = r.pos(at[i])
	}
	return out, true
}
