package cli

import (
	"strings"

	"github.com/bantoops/banto"
)

// treeRow is one part in the drawing of a flow.
type treeRow struct {
	part   int    // index into the parts that were drawn
	prefix string // lines that lead to it
	outlet string // of its first edge; empty for the usual one
	others []string
}

// drawTree lays parts out by their edges: a part stands below the first part
// it comes after, and names the others, so that a merge is drawn once. Levels
// beyond deepest are drawn no further to the right.
func drawTree(parts []banto.PartView, deepest int) []treeRow {
	d := drawing{parts: parts, below: make([][]int, len(parts)), deepest: max(deepest, 1)}
	index := make(map[string]int, len(parts))
	for i, p := range parts {
		index[string(p.Key)] = i
	}
	var roots []int
	for i, p := range parts {
		// An item, such as copy[db01], stands below its part.
		if name, _, item := strings.Cut(string(p.Key), "["); item {
			if of, ok := index[name]; ok && of != i {
				d.below[of] = append(d.below[of], i)
				continue
			}
		}
		if len(p.After) > 0 {
			name, _ := cutEdge(p.After[0])
			if from, ok := index[name]; ok && from != i {
				d.below[from] = append(d.below[from], i)
				continue
			}
		}
		roots = append(roots, i)
	}
	for _, i := range roots {
		d.draw(i, nil)
	}
	return d.rows
}

type drawing struct {
	parts   []banto.PartView
	below   [][]int
	deepest int
	rows    []treeRow
}

// draw appends a part and all below it. last says of each level above whether
// its part was the last of its siblings.
func (d *drawing) draw(i int, last []bool) {
	row := treeRow{part: i, prefix: d.prefix(last)}
	for n, edge := range d.parts[i].After {
		if n == 0 {
			_, row.outlet = cutEdge(edge)
		} else {
			row.others = append(row.others, edge)
		}
	}
	d.rows = append(d.rows, row)
	for n, next := range d.below[i] {
		d.draw(next, append(last[:len(last):len(last)], n == len(d.below[i])-1))
	}
}

func (d *drawing) prefix(last []bool) string {
	var b strings.Builder
	from := 0
	if len(last) > d.deepest {
		from = len(last) - d.deepest
		b.WriteString("… ")
	}
	for n := from; n < len(last); n++ {
		switch {
		case n == len(last)-1 && last[n]:
			b.WriteString("└ ")
		case n == len(last)-1:
			b.WriteString("├ ")
		case last[n]:
			b.WriteString("  ")
		default:
			b.WriteString("│ ")
		}
	}
	return b.String()
}

// cutEdge cuts judge.big into the part and the outlet; a part alone is done.
func cutEdge(edge string) (part, outlet string) {
	part, outlet, _ = strings.Cut(edge, ".")
	if outlet == "done" {
		outlet = ""
	}
	return part, outlet
}
