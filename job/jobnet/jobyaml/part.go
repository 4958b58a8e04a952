package jobyaml

import (
	"fmt"
	"strconv"
	"strings"
	"time"

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
		case "job", "run":
			ok = r.kindKey(m, p)
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
	}
	return false
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
