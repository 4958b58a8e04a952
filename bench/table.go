//go:build linux

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// number writes a value so that three digits count, with commas between
// thousands.
func number(v float64) string {
	if math.Abs(v) < 5e-7 { // what would be written as 0.000000
		return "0"
	}
	digits := 0
	if a := math.Abs(v); a > 0 && a < 100 {
		digits = 2 - int(math.Floor(math.Log10(a)))
	}
	s := strconv.FormatFloat(v, 'f', min(max(digits, 0), 6), 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		s = strconv.FormatFloat(v, 'f', 0, 64)
	}
	whole, rest, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}

// withUnit writes a value with its unit.
func withUnit(v float64, unit string) string {
	if unit == "" {
		return number(v)
	}
	return number(v) + " " + unit
}

// text is what was asked for: "≤ 2 ×".
func (g Goal) text(unit string) string {
	switch {
	case g.None():
		return ""
	case g.AtLeast:
		return "≥ " + withUnit(g.Limit, unit)
	}
	return "≤ " + withUnit(g.Limit, unit)
}

// verdict says whether a goal was reached, in words.
func (m Measure) verdict() string {
	switch {
	case m.Goal.None():
		return ""
	case m.Goal.Reached(m.Value):
		return "reached"
	}
	return "missed"
}

// cells are what a table shows of a measure.
func (m Measure) cells() []string {
	return []string{m.What, withUnit(m.Value, m.Unit), m.Goal.text(m.Unit), m.verdict(), m.Beside, m.Note}
}

// text is a result as it is printed as soon as it is there.
func (r Result) text() string {
	var b strings.Builder
	if r.Err != nil {
		fmt.Fprintf(&b, "  could not be measured: %v\n", r.Err)
	}
	for _, m := range r.Measures {
		fmt.Fprintf(&b, "  %s: %s", m.What, withUnit(m.Value, m.Unit))
		if v := m.verdict(); v != "" {
			fmt.Fprintf(&b, " (goal %s: %s)", m.Goal.text(m.Unit), v)
		}
		for _, more := range []string{m.Beside, m.Note} {
			if more != "" {
				fmt.Fprintf(&b, "; %s", more)
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "  (took %s; load average %s when it began)\n", r.Took.Round(100*time.Millisecond), r.Load)
	return b.String()
}

// table is all results, for a terminal.
func table(results []Result) string {
	lines := [][]string{{"row", "on", "measure", "value", "goal", "", "beside"}}
	for _, r := range results {
		if r.Err != nil {
			lines = append(lines, []string{r.Row, r.On(), "could not be measured", "", "", "", firstLine(r.Err.Error())})
		}
		for _, m := range r.Measures {
			lines = append(lines, append([]string{r.Row, r.On()}, m.cells()[:5]...))
		}
	}
	return aligned(lines)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// aligned writes lines of cells under each other.
func aligned(lines [][]string) string {
	var widths []int
	for _, line := range lines {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		var l strings.Builder
		for i, cell := range line {
			l.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	return b.String()
}

// listed is the rows for -list.
func listed(all []Row) string {
	var lines [][]string
	for _, r := range all {
		on := strings.Join(r.On, ", ")
		if r.Slow {
			on += " (slow)"
		}
		lines = append(lines, []string{r.Name, strings.TrimSpace(on), r.Work})
	}
	return aligned(lines)
}
