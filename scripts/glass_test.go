//go:build unix

package scripts_test

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// glass is what a terminal shows: of the control sequences it knows those that
// the commands use, the second screen among them.
type glass struct {
	lines       [][]rune // a wide character is followed by a 0
	row, column int
	kept        [][]rune // the first screen, while the second is shown
	keptRow     int
	second      bool
	hidden      bool   // the cursor
	rest        string // the beginning of a sequence
	last        string // what the second screen showed at its end
}

var (
	sequence = regexp.MustCompile(`^\x1b\[(\??)([0-9;]*)([A-Za-z])`)
	begun    = regexp.MustCompile(`^\x1b(\[\??[0-9;]*)?$`)
)

// draw gives what a terminal shows once it has got all of a text.
func draw(text string) string {
	var g glass
	g.write(text)
	return g.String()
}

func (g *glass) write(text string) {
	text = g.rest + text
	g.rest = ""
	for len(text) > 0 {
		if begun.MatchString(text) || !utf8.FullRuneInString(text) {
			g.rest = text
			return
		}
		if m := sequence.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			g.obey(m[1] != "", m[2], m[3])
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		g.put(r)
	}
}

// here gives the line that the cursor is in.
func (g *glass) here() *[]rune {
	for len(g.lines) <= g.row {
		g.lines = append(g.lines, nil)
	}
	return &g.lines[g.row]
}

func (g *glass) put(r rune) {
	switch r {
	case '\n':
		g.row++
		g.column = 0
		return
	case '\r':
		g.column = 0
		return
	}
	line := g.here()
	cells := []rune{r}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		cells = append(cells, 0)
	}
	for _, c := range cells {
		for len(*line) <= g.column {
			*line = append(*line, ' ')
		}
		(*line)[g.column] = c
		g.column++
	}
}

func (g *glass) obey(private bool, numbers, command string) {
	first, second, _ := strings.Cut(numbers, ";")
	n, _ := strconv.Atoi(first)
	m, _ := strconv.Atoi(second)
	line := g.here()
	switch {
	case private && numbers == "1049":
		g.turn(command == "h")
	case private && numbers == "25":
		g.hidden = command == "l"
	case command == "A":
		g.row = max(0, g.row-max(n, 1))
	case command == "H":
		g.row, g.column = max(n, 1)-1, max(m, 1)-1
	case command == "J" && n == 2:
		g.lines = nil
	case command == "K", command == "J":
		*line = (*line)[:min(g.column, len(*line))]
		if command == "J" {
			g.lines = g.lines[:g.row+1]
		}
	}
}

// turn shows the second screen, or the first again.
func (g *glass) turn(second bool) {
	if second == g.second {
		return
	}
	g.second = second
	if second {
		g.kept, g.keptRow, g.lines, g.row = g.lines, g.row, nil, 0
	} else {
		g.last = g.String()
		g.lines, g.row = g.kept, g.keptRow
	}
	g.column = 0
}

func (g *glass) String() string {
	var b strings.Builder
	for _, line := range g.lines {
		text := strings.ReplaceAll(string(line), "\x00", "")
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}
