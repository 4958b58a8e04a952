//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// RESULTS.md has a section for each row, with a table of a line for each number,
// and one for each run that a number is of. A run of some rows replaces their
// lines, on the stores on which they ran, and nothing else.

const (
	resultsHead = `# Figures of the benchmark

Made by ` + "`make bench`" + ` (how, and how to read it: [README.md](README.md)). A goal that is missed is called missed. Figures on a
machine that others share are noisy: where there is a limit or a peer it was measured in the same run, and the
ratio is what counts.
`
	runsHead = "## Runs"
	columns  = "| on | measure | value | goal | | beside | note | load | run |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)

// update writes results to a file, and keeps what it has of others.
func update(path string, all []Row, facts Facts, results []Result) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := merge(string(old), all, facts, results)
	return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // it is published
}

// merge gives the new text of the file.
func merge(old string, all []Row, facts Facts, results []Result) string {
	lines, runs := parse(old)
	runs[facts.run()] = factLines(facts)
	var b strings.Builder
	b.WriteString(resultsHead)
	var used []string
	for _, row := range all {
		kept := keep(lines[row.Name], row.Name, results)
		for _, r := range results {
			if r.Row == row.Name {
				kept = append(kept, resultLines(r, facts.run())...)
			}
		}
		if len(kept) == 0 {
			continue
		}
		slices.SortStableFunc(kept, func(a, b string) int { return order(a) - order(b) })
		b.WriteString("\n## " + row.Name + "\n\n" + row.Work + "\n\n" + columns)
		for _, line := range kept {
			b.WriteString(line + "\n")
			used = append(used, lastCell(line))
		}
	}
	b.WriteString("\n" + runsHead + "\n")
	slices.Sort(used)
	for _, run := range slices.Compact(used) {
		b.WriteString("\n### " + run + "\n\n" + strings.Join(runs[run], "\n") + "\n")
	}
	return b.String()
}

// parse reads the lines of numbers by row, and those of facts by run.
func parse(text string) (lines, runs map[string][]string) {
	lines, runs = map[string][]string{}, map[string][]string{}
	var row, run string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "### "):
			row, run = "", line[4:]
		case strings.HasPrefix(line, "## "):
			row, run = line[3:], ""
		case run != "" && strings.HasPrefix(line, "- "):
			runs[run] = append(runs[run], line)
		case row != "" && strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| on |") && !strings.HasPrefix(line, "| --- |"):
			lines[row] = append(lines[row], line)
		}
	}
	return lines, runs
}

// keep gives the lines of a row that none of the results replaces.
func keep(lines []string, row string, results []Result) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return slices.ContainsFunc(results, func(r Result) bool { return r.Row == row && r.On() == cellsOf(line)[0] })
	})
}

func cellsOf(line string) []string {
	cells := strings.Split(strings.Trim(line, "|"), " | ")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func lastCell(line string) string {
	cells := cellsOf(line)
	return cells[len(cells)-1]
}

// order puts the stores in theirs, and added latency last.
func order(line string) int {
	on, n := cellsOf(line)[0], 0
	if strings.HasPrefix(on, "postgres") {
		n = 1
	}
	if strings.Contains(on, "fsync +") {
		n += 2
	}
	return n
}

// resultLines are the lines of a table for one result.
func resultLines(r Result, run string) []string {
	var out []string
	if r.Err != nil {
		out = append(out, tableLine([]string{r.On(), "", "could not be measured", "", "", "", firstLine(r.Err.Error()), r.Load, run}))
	}
	for _, m := range r.Measures {
		cells := append([]string{r.On()}, m.cells()...)
		if cells[4] == "missed" {
			cells[4] = "**missed**"
		}
		out = append(out, tableLine(append(cells, r.Load, run)))
	}
	return out
}

func tableLine(cells []string) string {
	for i, cell := range cells {
		cells[i] = strings.NewReplacer("|", "\\|", "\n", " ").Replace(cell)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

func factLines(f Facts) []string {
	var out []string
	for _, v := range f.Values {
		out = append(out, "- "+v[0]+": "+strings.NewReplacer("<", "&lt;", "*", "\\*").Replace(v[1]))
	}
	return out
}
