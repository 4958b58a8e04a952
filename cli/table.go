package cli

import (
	"io"
	"strings"
)

// column is one column of a table.
type column struct {
	title string
	right bool // numbers
	// least is how far the column may be shortened to make the table fit; 0
	// means that it is never shortened.
	least int
	// floor is how wide the column is at least, so that it does not move when
	// its texts change.
	floor int
	// drop says how soon the column is left out when shortening is not enough:
	// the highest goes first, 0 never goes.
	drop int
}

// cell is one text of a table.
type cell struct {
	text string
	look style
}

// table lays out rows of cells in columns.
type table struct {
	columns []column
	rows    [][]cell
	indent  int
}

// gap is the blanks between two columns.
const gap = 2

// add appends a row; cells that a row does not have are empty.
func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// write lays the table out in that many columns; 0 means without a limit.
// Lines never end in blanks.
func (t *table) write(w io.Writer, p pen, limit int) error {
	shown, widths := t.fit(limit)
	titles := make([]cell, len(t.columns))
	titled := false
	for i, c := range t.columns {
		titles[i] = cell{c.title, styleBold}
		titled = titled || c.title != ""
	}
	var b strings.Builder
	if titled {
		t.line(&b, p, titles, shown, widths)
	}
	for _, row := range t.rows {
		t.line(&b, p, row, shown, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fit decides which columns are shown and how wide.
func (t *table) fit(limit int) (shown []bool, widths []int) {
	shown = make([]bool, len(t.columns))
	widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		shown[i] = true
		widths[i] = max(textWidth(c.title), c.floor)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], textWidth(c.text))
		}
	}
	if limit <= 0 {
		return shown, widths
	}
	for t.total(shown, t.least(widths)) > limit {
		if !t.dropOne(shown) {
			break
		}
	}
	for t.total(shown, widths) > limit {
		if !t.shortenOne(shown, widths) {
			break
		}
	}
	return shown, widths
}

func (t *table) total(shown []bool, widths []int) int {
	sum := t.indent - gap
	for i, w := range widths {
		if shown[i] {
			sum += w + gap
		}
	}
	return sum
}

// least gives the widths when every column is as short as it may be.
func (t *table) least(widths []int) []int {
	short := make([]int, len(widths))
	for i, c := range t.columns {
		short[i] = widths[i]
		if c.least > 0 {
			short[i] = min(widths[i], c.least)
		}
	}
	return short
}

func (t *table) dropOne(shown []bool) bool {
	worst := -1
	for i, c := range t.columns {
		if shown[i] && c.drop > 0 && (worst < 0 || c.drop > t.columns[worst].drop) {
			worst = i
		}
	}
	if worst < 0 {
		return false
	}
	shown[worst] = false
	return true
}

// shortenOne takes a column off the widest that may still be shortened.
func (t *table) shortenOne(shown []bool, widths []int) bool {
	widest := -1
	for i, c := range t.columns {
		if shown[i] && c.least > 0 && widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
			widest = i
		}
	}
	if widest < 0 {
		return false
	}
	widths[widest]--
	return true
}

func (t *table) line(b *strings.Builder, p pen, row []cell, shown []bool, widths []int) {
	blanks := t.indent
	first := true
	for i, c := range t.columns {
		if !shown[i] {
			continue
		}
		if !first {
			blanks += gap
		}
		first = false
		var text cell
		if i < len(row) {
			text = row[i]
		}
		short := cut(text.text, widths[i])
		rest := widths[i] - textWidth(short)
		if c.right {
			blanks, rest = blanks+rest, 0
		}
		if short == "" {
			blanks += rest
			continue
		}
		b.WriteString(strings.Repeat(" ", blanks))
		b.WriteString(p.paint(text.look, short))
		blanks = rest
	}
	b.WriteByte('\n')
}
