package jobyaml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bantoops/banto/job/jobnet"
)

// acceptable looks at the bytes of a file before anything reads them.
func (r *reader) acceptable(text []byte) bool {
	if len(text) > MaxSize {
		r.report.Add(jobnet.Pos{}, "", fmt.Sprintf("the file has %d bytes, more than %d MiB", len(text), MaxSize>>20), "cut it into several files")
		return false
	}
	line, column, marks := 1, 1, 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if fault, hint := asciiFault(c, i); fault != "" {
				r.report.Add(jobnet.Pos{Line: line, Column: column}, "", fault, hint)
				return false
			}
			if marks += structure(text, i); marks > maxStructure {
				r.report.Add(jobnet.Pos{Line: line, Column: column}, "", "the file holds too many values", "cut it into several files")
				return false
			}
			i, column = i+1, column+1
			if c == '\n' {
				line, column = line+1, 1
			}
			continue
		}
		char, size := utf8.DecodeRune(text[i:])
		if fault, hint := charFault(char, size, i); fault != "" {
			r.report.Add(jobnet.Pos{Line: line, Column: column}, "", fault, hint)
			return false
		}
		i, column = i+size, column+1
	}
	return true
}

// structure counts the marks that can begin a node, so that the memory of the
// nodes is bounded before they are made.
func structure(text []byte, i int) int {
	switch text[i] {
	case '\n', ',', '[', '{':
		return 1
	case ':', '-', '?':
		if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
			return 1
		}
	}
	return 0
}

func asciiFault(c byte, offset int) (fault, hint string) {
	switch {
	case c == 0:
		return "a NUL stands here", "this is no YAML text; if it is UTF-16, save it as UTF-8"
	case offset == 0 && (c < '\t' || c > '\r' && c < ' ' || c == 0x7f):
		return "this is no text", "definitions are YAML files"
	case c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0x7f:
		return fmt.Sprintf("the control character %#02x stands here", c), `take it away; if it is meant, write it as "\x1b" inside double quotes`
	}
	return "", ""
}

func charFault(char rune, size, offset int) (fault, hint string) {
	switch {
	case char == utf8.RuneError && size == 1:
		return "this is not UTF-8", "save the file as UTF-8"
	case char == '\ufeff' && offset == 0:
		return "the file begins with a byte order mark", "save it as UTF-8 without BOM"
	case char == '\ufeff', char == '\ufffe', char == '\uffff', 0x80 <= char && char < 0xa0 && char != 0x85:
		return fmt.Sprintf("the character %U stands here", char), "take it away"
	}
	return "", ""
}

// piece is the text of one document of a file.
type piece struct {
	text string
	base int // lines before it
}

// split cuts a file at its document marks, so that a fault in one document
// does not hide those of the next. A line that begins with --- is such a mark
// wherever it stands, even inside a script.
func split(text string) []piece {
	var out []piece
	start, base, line := 0, 0, 0
	add := func(end int) {
		if p := text[start:end]; !blank(p) {
			out = append(out, piece{p, base})
		}
	}
	for at := 0; at < len(text); {
		next := len(text)
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		if rest, ok := marked(text[at:next]); ok {
			add(at)
			start, base = at, line
			if strings.TrimSpace(rest) == "" {
				start, base = next, line+1
			}
		}
		at, line = next, line+1
	}
	add(len(text))
	return out
}

// marked says whether a line is a document mark, and what follows it.
func marked(line string) (rest string, ok bool) {
	if !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "...") {
		return "", false
	}
	rest = line[3:]
	if rest != "" && !strings.ContainsAny(rest[:1], " \t\r\n") {
		return "", false
	}
	if trimmed := strings.TrimSpace(rest); strings.HasPrefix(trimmed, "#") {
		return "", true
	}
	return rest, true
}

// blank says whether a text has nothing but comments and directives in it.
func blank(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if s := strings.TrimSpace(line); s != "" && s[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}
