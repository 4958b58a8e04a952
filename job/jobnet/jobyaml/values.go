package jobyaml

import (
	"fmt"
	"strconv"
	"time"

	"github.com/bantoops/banto/job/jobnet"
	"go.yaml.in/yaml/v3"
)

func (r *reader) boolean(m member) (value, ok bool) {
	s, ok := r.word(m, "true", "false")
	return s == "true", ok
}

func (r *reader) integer(m member) (int, bool) {
	s, ok := r.text(m)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		r.wrong(r.value(m.value), m.path(), m.key)
		return 0, false
	}
	return n, true
}

func (r *reader) number(m member) (float64, bool) {
	s, ok := r.text(m)
	if !ok {
		return 0, false
	}
	v, err := jobnet.ValueOf(jobnet.Number, s)
	if err != nil {
		r.wrong(r.value(m.value), m.path(), m.key)
		return 0, false
	}
	f, ok := v.(float64)
	return f, ok
}

func (r *reader) duration(m member, least time.Duration) (time.Duration, bool) {
	s, ok := r.text(m)
	if !ok {
		return 0, false
	}
	d, err := jobnet.ParseDuration(s)
	switch {
	case err != nil:
		r.report.Add(r.pos(m.value), m.path(), err.Error(), "write "+m.name+": "+m.key.example)
		return 0, false
	case d < least:
		r.report.Add(r.pos(m.value), m.path(), fmt.Sprintf("a %s of %s", m.name, s), "leave it out, or write "+m.name+": "+m.key.example)
		return 0, false
	}
	return d, true
}

func (r *reader) codes(m member) ([]jobnet.CodeRange, bool) {
	texts, at, good := r.oneOrMore(m)
	if !good {
		return nil, false
	}
	var out []jobnet.CodeRange
	for i, s := range texts {
		codes, err := jobnet.ParseCodes(s)
		if err != nil {
			r.report.Add(r.pos(at[i]), m.path(), err.Error(), "write "+m.name+": "+m.key.example)
			good = false
		}
		out = append(out, codes...)
	}
	if good && len(out) == 0 {
		r.wrong(r.value(m.value), m.path(), m.key)
		return nil, false
	}
	return out, good
}

func (r *reader) retry(m member) (*jobnet.Retry, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	var out jobnet.Retry
	good := r.mapping(n, inRetry, m.path(), func(m member) (ok bool) {
		switch m.name {
		case "attempts":
			out.Attempts, ok = r.integer(m)
		case "wait":
			out.Wait, ok = r.duration(m, 0)
		case "backoff":
			out.Backoff, ok = r.number(m)
		case "codes":
			out.Codes, ok = r.codes(m)
		}
		return ok
	})
	if good && out.Attempts == 0 && !has(n, "attempts") {
		r.report.Add(r.pos(m.at), m.path(), "retry does not say how often", "write retry: "+m.key.example)
		return nil, false
	}
	if !good {
		return nil, false
	}
	return &out, true
}

func has(n *yaml.Node, name string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

func (r *reader) exit(m member) (*jobnet.ExitRules, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	var out jobnet.ExitRules
	good := r.mapping(n, inExit, m.path(), func(m member) (ok bool) {
		switch m.name {
		case "ok":
			out.OK, ok = r.codes(m)
		case "warning":
			out.Warning, ok = r.codes(m)
		case "error":
			out.Error, ok = r.codes(m)
		}
		return ok
	})
	if !good {
		return nil, false
	}
	if out.OK == nil && out.Outcome(0) == "error" && !claims(out.Error, 0) {
		out.OK = []jobnet.CodeRange{{From: 0, To: 0}}
	}
	return &out, true
}

// onLost reads what is done about a lost attempt: a word, or a mapping.
func (r *reader) onLost(m member) (then jobnet.OnLost, after time.Duration, good bool) {
	if r.value(m.value).Kind != yaml.MappingNode {
		s, ok := r.word(m, jobnet.OnLosts()...)
		return jobnet.OnLost(s), 0, ok
	}
	n, ok := r.inner(m)
	if !ok {
		return "", 0, false
	}
	good = r.mapping(n, inLost, m.path(), func(m member) (ok bool) {
		switch m.name {
		case "then":
			var s string
			s, ok = r.word(m, jobnet.OnLosts()...)
			then = jobnet.OnLost(s)
		case "after":
			after, ok = r.duration(m, time.Second)
		}
		return ok
	})
	if good && then == "" {
		r.report.Add(r.pos(m.at), m.path(), "on-lost does not say what is done", "write on-lost: {then: rerun, after: 2m}")
		return "", 0, false
	}
	return then, after, good
}

// keep reads how long what a folder holds is kept.
func (r *reader) keep(m member, pos map[string]jobnet.Pos) (jobnet.Keep, bool) {
	var k jobnet.Keep
	n, ok := r.inner(m)
	if !ok {
		return k, false
	}
	good := r.mapping(n, inKeep, m.path(), func(m member) (ok bool) {
		pos["keep."+m.name] = r.pos(m.value)
		var d time.Duration
		if d, ok = measured(r, m, jobnet.ParseKeep); ok && d == 0 {
			r.report.Add(r.pos(m.value), m.path(), "it is kept for "+jobnet.FormatDuration(0), "from 1d to 36500d; leave it out to keep it for ever")
			return false
		}
		switch m.name {
		case "trackers":
			k.Trackers = d
		case "output":
			k.Output = d
		}
		return ok
	})
	return k, good
}

func claims(codes []jobnet.CodeRange, code int) bool {
	for _, c := range codes {
		if c.From <= code && code <= c.To {
			return true
		}
	}
	return false
}

// inner gives the mapping behind a key.
func (r *reader) inner(m member) (*yaml.Node, bool) {
	n := r.value(m.value)
	if n.Kind != yaml.MappingNode {
		r.wrong(n, m.path(), m.key)
		return nil, false
	}
	return n, true
}

func (r *reader) env(m member) ([]jobnet.EnvVar, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	out := make([]jobnet.EnvVar, 0, len(n.Content)/2)
	good := true
	r.pairs(n, m.path(), func(at, value *yaml.Node) bool {
		v := r.value(value)
		own := member{m.key, at, value, m.path(), at.Value}
		if v.Kind != yaml.ScalarNode || isNull(v) {
			r.report.Add(r.pos(value), own.path(), fmt.Sprintf("a variable wants a text, not %s", what(v)), `write "" for an empty one`)
			good = false
			return true
		}
		s, ok := r.scalar(v, own)
		good = good && ok
		out = append(out, jobnet.EnvVar{Name: at.Value, Value: s, Pos: r.pos(at), ValuePos: r.expressionPos(v)})
		return true
	})
	return out, good
}

// expressionPos is textPos for texts that can hold an expression, and else
// the plain place, which costs less.
func (r *reader) expressionPos(n *yaml.Node) jobnet.Pos {
	for i := 0; i+1 < len(n.Value); i++ {
		if n.Value[i] == '$' && n.Value[i+1] == '{' {
			return r.textPos(n)
		}
	}
	return r.pos(n)
}

func (r *reader) sets(m member) ([]jobnet.Set, bool) {
	n := r.value(m.value)
	var out []jobnet.Set
	switch n.Kind {
	case yaml.SequenceNode:
		names, at, good := r.texts(m)
		if !good {
			return nil, false
		}
		for i, name := range names {
			out = append(out, jobnet.Set{Name: jobnet.Normal(name), Type: jobnet.String, Pos: r.pos(at[i])})
		}
		return out, true
	case yaml.MappingNode:
		good := true
		r.pairs(n, m.path(), func(at, value *yaml.Node) bool {
			s := jobnet.Set{Name: jobnet.Normal(at.Value), Type: jobnet.String, Pos: r.pos(at)}
			if v := r.value(value); !isNull(v) {
				t, ok := r.text(member{m.key, at, value, m.path(), at.Value})
				good = good && ok
				if ok {
					s.Type = jobnet.Type(t)
				}
			}
			out = append(out, s)
			return true
		})
		return out, good
	}
	r.wrong(n, m.path(), m.key)
	return nil, false
}
