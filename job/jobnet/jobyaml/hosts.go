package jobyaml

import (
	"fmt"
	"strconv"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"go.yaml.in/yaml/v3"
)

func (r *reader) group(root, at *yaml.Node) *jobnet.Group {
	g := &jobnet.Group{File: r.file, Pos: r.pos(at), KeyPos: map[string]jobnet.Pos{}}
	good := r.mapping(root, inGroup, "", func(m member) (ok bool) {
		g.KeyPos[m.name] = r.pos(m.value)
		switch m.name {
		case "group":
			g.Name, ok = r.filled(m)
		case "title":
			g.Title, ok = r.text(m)
		case "hosts":
			ok = r.groupHosts(m, g)
		case "pick":
			var s string
			s, ok = r.word(m, picks()...)
			g.Pick = jobnet.Pick(s)
		}
		return ok
	})
	g.Faulty = !good
	return g
}

// groupHosts reads a list of names, or labels.
func (r *reader) groupHosts(m member, g *jobnet.Group) (ok bool) {
	if r.value(m.value).Kind == yaml.MappingNode {
		g.Labels, ok = r.labelled(m)
		return ok
	}
	names, at, ok := r.oneOrMore(m)
	if !ok {
		return false
	}
	g.Hosts = names
	for i, n := range at {
		g.KeyPos["hosts."+strconv.Itoa(i)] = r.pos(n)
	}
	return true
}

// labelled reads {labels: {…}}.
func (r *reader) labelled(m member) (map[string]string, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	out := map[string]string{}
	good := r.mapping(n, inHosts, m.path(), func(m member) bool {
		labels, ok := r.labels(m)
		for _, l := range labels {
			if !jobnet.ValidLabel(l.Name) || !jobnet.ValidLabel(l.Value) {
				r.report.Add(l.Pos, m.path(), fmt.Sprintf("%q cannot be a label", clip(l.Name+": "+l.Value)), jobnet.LabelHint)
				ok = false
			}
			out[l.Name] = l.Value
		}
		return ok
	})
	if good && len(out) == 0 {
		r.report.Add(r.pos(m.at), m.path(), m.name+" names none", "write "+m.name+": {labels: {role: batch}}")
		good = false
	}
	if !good {
		return nil, false
	}
	return out, true
}

// labels reads names with values.
func (r *reader) labels(m member) ([]jobnet.Label, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	out := make([]jobnet.Label, 0, len(n.Content)/2)
	good := true
	r.pairs(n, m.path(), func(at, value *yaml.Node) bool {
		v := r.value(value)
		own := member{m.key, at, value, m.path(), at.Value}
		if v.Kind != yaml.ScalarNode || isNull(v) {
			r.report.Add(r.pos(value), own.path(), fmt.Sprintf("a label wants a text, not %s", what(v)), "write "+clip(at.Value)+": with a value")
			good = false
			return true
		}
		s, ok := r.scalar(v, own)
		good = good && ok
		out = append(out, jobnet.Label{Name: at.Value, Value: s, Pos: r.pos(at), ValuePos: r.expressionPos(v)})
		return true
	})
	return out, good
}

// host reads where a part runs: a name, or labels.
func (r *reader) host(m member) (name string, labels []jobnet.Label, ok bool) {
	if r.value(m.value).Kind != yaml.MappingNode {
		name, ok = r.filled(m)
		return name, nil, ok
	}
	labels, ok = r.labels(m)
	if ok && len(labels) == 0 {
		r.report.Add(r.pos(m.value), m.path(), m.name+" is empty", "leave it out, or write "+m.name+": {role: batch}")
		return "", nil, false
	}
	return "", labels, ok
}

func (r *reader) partPick(m member) (jobnet.Pick, bool) {
	s, ok := r.word(m, partPicks()...)
	return jobnet.Pick(s), ok
}

// booleanOrNot reads true or false where a key that is left out is neither.
func (r *reader) booleanOrNot(m member) (*bool, bool) {
	b, ok := r.boolean(m)
	return &b, ok
}

func (r *reader) account(root, at *yaml.Node) *jobnet.Account {
	a := &jobnet.Account{File: r.file, Pos: r.pos(at), KeyPos: map[string]jobnet.Pos{}}
	good := r.mapping(root, inAccount, "", func(m member) (ok bool) {
		a.KeyPos[m.name] = r.pos(m.value)
		switch m.name {
		case "account":
			a.Name, ok = r.filled(m)
		case "title":
			a.Title, ok = r.text(m)
		case "users":
			a.Users, ok = r.users(m)
		}
		return ok
	})
	a.Faulty = !good
	return a
}

func (r *reader) users(m member) ([]jobnet.AccountUser, bool) {
	n := r.value(m.value)
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, m.path(), m.key)
		return nil, false
	}
	out := make([]jobnet.AccountUser, 0, len(n.Content))
	good := true
	for i, item := range n.Content {
		v := r.value(item)
		path := join(m.path(), strconv.Itoa(i))
		if v.Kind != yaml.MappingNode {
			r.report.Add(r.pos(item), path, fmt.Sprintf("an entry of users wants a mapping, not %s", what(v)), "write users: [{hosts: batch-east, user: nightly}]")
			out, good = append(out, jobnet.AccountUser{Pos: r.pos(v)}), false
			continue
		}
		u := jobnet.AccountUser{Pos: r.pos(v), KeyPos: map[string]jobnet.Pos{}}
		good = r.mapping(v, inUser, path, func(m member) bool { return r.user(m, &u) }) && good
		out = append(out, u)
		if r.gaveUp {
			return nil, false
		}
	}
	return out, good
}

func (r *reader) user(m member, u *jobnet.AccountUser) (ok bool) {
	u.KeyPos[m.name] = r.pos(m.value)
	switch m.name {
	case "user":
		u.User, ok = r.filled(m)
	case "hosts":
		if r.value(m.value).Kind != yaml.MappingNode {
			u.Hosts, ok = r.filled(m)
			return ok
		}
		labels, good := r.labelled(m)
		u.Hosts, ok = jobnet.LabelsText(labels), good
	}
	return ok
}

func (r *reader) limits(m member) (*banto.Limits, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	var out banto.Limits
	good := r.mapping(n, inLimits, m.path(), func(m member) (ok bool) {
		switch m.name {
		case "memory":
			out.Memory, ok = measured(r, m, jobnet.ParseSize)
		case "cpu":
			out.CPU, ok = measured(r, m, jobnet.ParsePercent)
		case "processes":
			out.Processes, ok = r.positive(m)
		case "files":
			out.Files, ok = r.positive(m)
		case "nice":
			out.Nice, ok = r.integer(m)
		}
		return ok
	})
	return &out, good
}

// measured reads a number with its unit.
func measured[T any](r *reader, m member, parse func(string) (T, error)) (T, bool) {
	var none T
	s, ok := r.text(m)
	if !ok {
		return none, false
	}
	v, err := parse(s)
	if err != nil {
		r.report.Add(r.pos(m.value), m.path(), err.Error(), "write "+m.name+": "+m.key.example)
		return none, false
	}
	return v, true
}

// positive reads an integer from 1: 0 would look like a limit, and be none.
func (r *reader) positive(m member) (int, bool) {
	n, ok := r.integer(m)
	if ok && n < 1 {
		r.report.Add(r.pos(m.value), m.path(), fmt.Sprintf("a limit of %d", n), "leave it out, or write "+m.name+": "+m.key.example)
		return 0, false
	}
	return n, ok
}
