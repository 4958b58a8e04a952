package cli

import (
	"io"
	"slices"
	"strings"
)

// column is one column of a table.
type column struct {
	title string
	right bool // numbers
	// least is how far the column may be shortened to make the table fit; 0
	// means that it is never shortened.
	least int
	// early says that the column is shortened before any other is left out.
	early bool
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

// fit decides which columns are shown and how wide. What goes soonest is
// shortened first; it is left out only when that is not enough; what never goes
// is shortened last.
func (t *table) fit(limit int) (shown []bool, widths []int) {
	shown = make([]bool, len(t.columns))
	natural := make([]int, len(t.columns))
	for i, c := range t.columns {
		shown[i] = true
		natural[i] = max(textWidth(c.title), c.floor)
	}
	for _, row := range t.rows {
		for i, c := range row {
			natural[i] = max(natural[i], textWidth(c.text))
		}
	}
	for {
		widths = slices.Clone(natural)
		over := t.total(shown, widths) - limit
		if limit <= 0 || over <= 0 {
			return shown, widths
		}
		soonest := t.soonest(shown)
		for _, i := range soonest {
			over -= t.shorten(widths, i, over)
		}
		for i, c := range t.columns {
			if c.drop == 0 && (c.early || len(soonest) == 0) {
				over -= t.shorten(widths, i, over)
			}
		}
		if over <= 0 || len(soonest) == 0 {
			return shown, widths
		}
		shown[soonest[0]] = false
	}
}

// soonest gives the shown columns that may be left out, the first to go first.
func (t *table) soonest(shown []bool) []int {
	var all []int
	for i, c := range t.columns {
		if shown[i] && c.drop > 0 {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return t.columns[b].drop - t.columns[a].drop })
	return all
}

// shorten takes up to that many columns off one column, and says how many.
func (t *table) shorten(widths []int, i, over int) int {
	least := t.columns[i].least
	if least == 0 || widths[i] <= least || over <= 0 {
		return 0
	}
	by := min(over, widths[i]-least)
	widths[i] -= by
	return by
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
