package jobyaml

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bantoops/banto/job/jobnet"
	"go.yaml.in/yaml/v3"
)

// decode reads one document into nodes. The library has panicked on odd
// input before; whatever it does then, it is a fault of the text.
func decode(text string) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(strings.NewReader(text))
	var n yaml.Node
	if err := d.Decode(&n); err != nil {
		return nil, err
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("yaml: something follows the document")
		}
		return nil, err
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
		return nil, errors.New("yaml: this is no document")
	}
	return n.Content[0], nil
}

// syntax reports that a document cannot be read as YAML.
func (r *reader) syntax(p piece, err error) {
	line, what := splitError(err)
	if name, ok := anchorName(what); ok {
		r.report.Add(r.find(p, "*"+name), "", what, "an alias (*name) needs its anchor (&name) before it in the same document")
		return
	}
	if !strings.Contains(what, "unexpected end of stream") && !r.report.Full() {
		line = faultLine(p.text, what, line)
	}
	lines := strings.SplitAfter(p.text, "\n")
	line = max(1, min(line, len(lines)))
	text := strings.TrimRight(lines[line-1], "\r\n")
	column, hint := syntaxHint(text, what)
	r.report.Add(jobnet.Pos{Line: p.base + line, Column: column}, "", "this is not YAML: "+what, hint)
}

// splitError takes the words of the library apart: "yaml: line 3: what".
func splitError(err error) (line int, what string) {
	what = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		if number, after, ok := strings.Cut(rest, ": "); ok {
			line, _ = strconv.Atoi(number)
			what = after
		}
	}
	return line, what
}

// faultLine finds the line at which the library stumbles. It tells the line
// where the construct began that it could not finish; so try shorter and
// shorter beginnings of the text until it stumbles no more.
func faultLine(text, what string, told int) int {
	const most = 1 << 20
	if len(text) > most {
		return told
	}
	ends := []int{0}
	for i := range len(text) {
		if text[i] == '\n' {
			ends = append(ends, i+1)
		}
	}
	ends = append(ends, len(text))
	good, bad := 0, len(ends)-1
	for bad-good > 1 {
		mid := (good + bad) / 2
		if _, err := decode(text[:ends[mid]]); err != nil {
			if _, w := splitError(err); w == what {
				bad = mid
				continue
			}
		}
		good = mid
	}
	return bad
}

// anchorName reads: unknown anchor 'name' referenced.
func anchorName(what string) (string, bool) {
	rest, ok := strings.CutPrefix(what, "unknown anchor '")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "' referenced")
}

// find gives the place of the first occurrence of a word in a document.
func (r *reader) find(p piece, word string) jobnet.Pos {
	before, _, _ := strings.Cut(p.text, word)
	start := strings.LastIndexByte(before, '\n') + 1
	return jobnet.Pos{Line: p.base + 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(before[start:])}
}

// syntaxHint says where in a line the fault is, and what to write.
func syntaxHint(line, what string) (column int, hint string) {
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	at := func(i int) int { return utf8.RuneCountInString(line[:i]) + 1 }
	switch tab := strings.IndexByte(line[:indent], '\t'); {
	case tab >= 0:
		return at(tab), "indent with blanks, not with a tab"
	case strings.Contains(what, "mapping values"), strings.Contains(what, "',' or '}'"):
		if colon := secondColon(line); colon > 0 {
			if strings.Contains(line[:colon], "job:") {
				return at(colon), "the text holds a colon and a blank; write job: | and the script on the next line, indented"
			}
			return at(colon), "the text holds a colon and a blank; put it in quotes"
		}
		if strings.Contains(what, "',' or '}'") {
			return at(indent), "a bracket or a comma is missing here or before"
		}
	case strings.Contains(what, "cannot start any token"):
		if i := strings.IndexAny(line, "@`%\t"); i >= 0 {
			return at(i), "a text cannot begin with @, `, % or a tab; put it in quotes"
		}
	case strings.Contains(what, "unexpected end of stream"):
		if i := strings.LastIndexAny(line, `"'`); i >= 0 {
			return at(i), "the quote that opens here is not closed"
		}
	case strings.Contains(what, "max depth"):
		return at(indent), "nothing here needs such depth"
	}
	return at(indent), "look at the indentation, the quotes and the brackets of this line and the one before"
}

// secondColon finds the colon that makes a second key of the text behind a
// first one, or -1.
func secondColon(line string) int {
	start := strings.LastIndexByte(line, '{') + 1
	for i := strings.Index(line[start:], ": "); i >= 0; {
		next := strings.Index(line[start+i+1:], ": ")
		if next < 0 {
			return -1
		}
		if comma := strings.IndexByte(line[start+i:start+i+1+next], ','); comma < 0 || start == 0 {
			return start + i + 1 + next
		}
		start, i = start+i+1, next
	}
	return -1
}
