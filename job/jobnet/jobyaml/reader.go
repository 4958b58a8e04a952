package jobyaml

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bantoops/banto/job/jobnet"
	"go.yaml.in/yaml/v3"
)

// reader walks the nodes of one file.
type reader struct {
	file   string
	report *jobnet.Report
	table  *table

	piece  piece // the document at hand
	starts []int // where its lines start, once asked for
	visits int
	bytes  int
	gaveUp bool
}

func (r *reader) pos(n *yaml.Node) jobnet.Pos {
	return jobnet.Pos{Line: n.Line + r.piece.base, Column: n.Column}
}

// textPos gives where the text of a scalar begins, behind its quote. It is
// exact when the text stands there letter for letter.
func (r *reader) textPos(n *yaml.Node) jobnet.Pos {
	p := r.pos(n)
	if n.Kind == yaml.ScalarNode && n.Style&yaml.LiteralStyle != 0 {
		return r.literalPos(n, p)
	}
	if n.Kind != yaml.ScalarNode || n.Style&yaml.FoldedStyle != 0 || strings.Contains(n.Value, "\n") {
		return p
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		p.Column++
	}
	rest := r.line(n.Line)
	for range p.Column - 1 {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	p.Exact = strings.HasPrefix(rest, n.Value)
	return p
}

// literalPos is textPos for a block behind |, which begins on the next line,
// indented.
func (r *reader) literalPos(n *yaml.Node, p jobnet.Pos) jobnet.Pos {
	first, _, _ := strings.Cut(n.Value, "\n")
	indent, ok := strings.CutSuffix(strings.TrimRight(r.line(n.Line+1), "\r\n"), first)
	if !ok || first == "" || strings.Trim(indent, " ") != "" {
		return p
	}
	return jobnet.Pos{Line: p.Line + 1, Column: len(indent) + 1, Exact: true}
}

// line gives a line of the document at hand, from 1.
func (r *reader) line(n int) string {
	if r.starts == nil {
		r.starts = append(r.starts, 0)
		for i := range len(r.piece.text) {
			if r.piece.text[i] == '\n' {
				r.starts = append(r.starts, i+1)
			}
		}
		r.starts = append(r.starts, len(r.piece.text))
	}
	if n < 1 || n >= len(r.starts) {
		return ""
	}
	return r.piece.text[r.starts[n-1]:r.starts[n]]
}

// value gives the node behind an alias, and counts.
func (r *reader) value(n *yaml.Node) *yaml.Node {
	r.visits++
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	r.bytes += len(n.Value)
	if !r.gaveUp && (r.visits > maxVisits || r.bytes > maxText) {
		r.gaveUp = true
		r.report.Add(r.pos(n), "", "the document grows too large, its aliases written out", "use fewer aliases; put what is common under defaults")
	}
	return n
}

// isNull says whether nothing stands here.
func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// what says in words what a node is.
func what(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return fmt.Sprintf("%q", clip(n.Value))
}

func clip(s string) string {
	if utf8.RuneCountInString(s) > 60 {
		return string([]rune(s)[:60]) + "…"
	}
	return s
}

// wrong reports that a value is not of the type of its key.
func (r *reader) wrong(n *yaml.Node, path string, k *key) {
	hint := "write " + k.name + ": " + k.example
	switch {
	case k.typ == typeScript && n.Kind == yaml.SequenceNode:
		hint = "write run: for a program with arguments, or job: | with the script on the next line"
	case k.typ == typeScript:
		hint = "write job: | and the script on the next line, indented"
	}
	r.report.Add(r.pos(n), path, fmt.Sprintf("%s wants %s, not %s", k.name, k.typ.kind().en, what(n)), hint)
}

// member is one key of a mapping with its value.
type member struct {
	key         *key
	at, value   *yaml.Node // at is the key's own node
	above, name string
}

func (m member) path() string { return join(m.above, m.name) }

// mapping walks a mapping with keys of the table. It gives false when
// something in it could not be read.
func (r *reader) mapping(n *yaml.Node, w where, path string, each func(member) bool) bool {
	good := true
	r.pairs(n, path, func(at, value *yaml.Node) bool {
		name := at.Value
		k := r.table.rows[w][name]
		switch {
		case k == nil:
			r.unknown(at, w, path, name)
			good = false
		case k.later:
			r.report.Add(r.pos(at), join(path, name), fmt.Sprintf("%s is not supported by this version", name), "leave it out; a later version will know it")
			good = false
		case !each(member{k, at, value, path, name}):
			good = false
		}
		return !r.gaveUp
	})
	return good
}

func (r *reader) unknown(at *yaml.Node, w where, path, name string) {
	hint := ""
	if !r.report.Full() {
		hint = r.unknownHint(w, name)
	}
	r.report.Add(r.pos(at), path, fmt.Sprintf("%q is not a key of %s", clip(name), w.owner()), hint)
}

func (r *reader) unknownHint(w where, name string) string {
	switch {
	case name == "<<":
		return "merge keys are not read; write defaults: for what is common"
	case w == inExit || w == inRetry || w == inLost || w == inWait:
		return "keys are " + strings.Join(r.table.names[w], ", ") + "; put a list with commas in quotes"
	}
	if n := jobnet.Nearest(name, r.table.names[w]); n != "" {
		return fmt.Sprintf("did you mean %s?", n)
	}
	if slices.Contains(documentKinds(), name) && slices.Contains(documentKinds(), string(w)) && name != "account" {
		return "it begins another document; put a line --- between two documents"
	}
	if home := r.table.elsewhere(name); home != "" {
		return "it is a key of " + home.owner()
	}
	return "keys are " + strings.Join(r.table.names[w], ", ")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// pairs walks a mapping, and reports keys that are no texts or stand twice.
func (r *reader) pairs(n *yaml.Node, path string, each func(at, value *yaml.Node) bool) {
	var seen map[string]int
	if len(n.Content) > 32 {
		seen = make(map[string]int, len(n.Content)/2)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := r.value(n.Content[i])
		if at.Kind != yaml.ScalarNode || at.Style&yaml.TaggedStyle != 0 {
			r.report.Add(r.pos(n.Content[i]), path, fmt.Sprintf("a key must be a text, not %s", what(at)), "")
			continue
		}
		if line := twice(n, i, seen); line > 0 {
			r.report.Add(r.pos(at), path, fmt.Sprintf("%q stands here twice, first in line %d", clip(at.Value), line+r.piece.base), "leave out one of the two")
			continue
		}
		if !each(at, n.Content[i+1]) || r.gaveUp {
			return
		}
	}
}

// twice gives the line of an earlier key of the same name, or 0. Small
// mappings, which most are, need no table for it.
func twice(n *yaml.Node, i int, seen map[string]int) int {
	name := n.Content[i].Value
	if seen != nil {
		name = jobnet.Normal(name)
		if line, ok := seen[name]; ok {
			return line
		}
		seen[name] = n.Content[i].Line
		return 0
	}
	for j := 0; j < i; j += 2 {
		if other := n.Content[j]; other.Kind == yaml.ScalarNode && (other.Value == name || jobnet.Normal(other.Value) == jobnet.Normal(name)) {
			return other.Line
		}
	}
	return 0
}

// text reads a scalar as it is written.
func (r *reader) text(m member) (string, bool) {
	n := r.value(m.value)
	if n.Kind != yaml.ScalarNode || isNull(n) {
		r.wrong(n, m.path(), m.key)
		return "", false
	}
	return r.scalar(n, m)
}

func (r *reader) scalar(n *yaml.Node, m member) (string, bool) {
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		r.report.Add(r.pos(n), m.path(), fmt.Sprintf("the tag %s is not read", clip(n.Tag)), "write the text alone, in quotes if need be")
		return "", false
	case strings.ContainsRune(n.Value, 0):
		r.report.Add(r.pos(n), m.path(), "the text holds a NUL", "no program can take one")
		return "", false
	}
	return n.Value, true
}

// texts reads a list of scalars. The nodes are those of the texts if all could
// be read.
func (r *reader) texts(m member) ([]string, []*yaml.Node, bool) {
	n := r.value(m.value)
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, m.path(), m.key)
		return nil, nil, false
	}
	out := make([]string, 0, len(n.Content))
	good := true
	for _, item := range n.Content {
		v := r.value(item)
		if v.Kind != yaml.ScalarNode || isNull(v) {
			r.report.Add(r.pos(v), m.path(), fmt.Sprintf("%s wants texts, not %s", m.name, what(v)), "write "+m.name+": "+m.key.example)
			good = false
			continue
		}
		s, ok := r.scalar(v, m)
		if !ok {
			good = false
			continue
		}
		out = append(out, s)
		if r.gaveUp {
			return nil, nil, false
		}
	}
	return out, n.Content, good
}

// oneOrMore reads a scalar or a list of scalars.
func (r *reader) oneOrMore(m member) ([]string, []*yaml.Node, bool) {
	if n := r.value(m.value); n.Kind != yaml.SequenceNode {
		s, ok := r.text(m)
		return []string{s}, []*yaml.Node{n}, ok
	}
	return r.texts(m)
}

// word reads one of a few words.
func (r *reader) word(m member, words ...string) (string, bool) {
	s, ok := r.text(m)
	if ok && !slices.Contains(words, s) {
		r.wrong(r.value(m.value), m.path(), m.key)
		return "", false
	}
	return s, ok
}
