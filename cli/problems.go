package cli

import (
	"fmt"
	"strings"

	"github.com/bantoops/banto"
)

// writeProblem writes one fault of a definition or request as
// file:line:column: message (hint), and on a terminal the line it is in.
func (e *env) writeProblem(b *strings.Builder, p pen, problem banto.Problem) {
	place := plain(problem.File)
	if problem.Line > 0 {
		place += fmt.Sprintf(":%d", problem.Line)
		if problem.Column > 0 {
			place += fmt.Sprintf(":%d", problem.Column)
		}
	}
	if place == "" {
		place = plain(problem.Path)
	}
	if place != "" {
		b.WriteString(p.paint(styleBold, place+":") + " ")
	}
	b.WriteString(plain(problem.Message))
	if problem.Hint != "" {
		b.WriteString(" (" + plain(problem.Hint) + ")")
	}
	b.WriteByte('\n')
	if width, _, ok := e.size(e.std.Err); ok {
		e.writeSource(b, p, problem, width)
	}
}

// writeSource writes the line that a problem is in, with a caret below the
// column.
func (e *env) writeSource(b *strings.Builder, p pen, problem banto.Problem, width int) {
	line, ok := e.sourceLine(problem.File, problem.Line)
	if !ok {
		return
	}
	const lead = 4
	before, rest := splitAt(line, problem.Column-1)
	before, rest = plain(before), plain(rest)
	room := max(width-lead, 20)
	// A place far to the right is shown with what stands around it.
	for textWidth(before) > room*2/3 {
		before = before[firstRune(before):]
	}
	b.WriteString(strings.Repeat(" ", lead) + cut(before+rest, room) + "\n")
	if problem.Column > 0 {
		b.WriteString(strings.Repeat(" ", lead+textWidth(before)) + p.paint(styleRed, "^") + "\n")
	}
}

// firstRune gives the length of a text's first character.
func firstRune(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// splitAt cuts a text behind that many characters.
func splitAt(s string, n int) (before, rest string) {
	for i := range s {
		if n <= 0 {
			return s[:i], s[i:]
		}
		n--
	}
	return s, ""
}

// sourceLine gives a line, from 1, of a file that this command has read.
func (e *env) sourceLine(file string, line int) (string, bool) {
	text, ok := e.sources[file]
	if !ok || line < 1 {
		return "", false
	}
	for ; line > 1; line-- {
		_, after, found := strings.Cut(text, "\n")
		if !found {
			return "", false
		}
		text = after
	}
	text, _, _ = strings.Cut(text, "\n")
	return strings.TrimRight(text, "\r"), true
}
