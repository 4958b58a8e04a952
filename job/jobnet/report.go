package jobnet

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
)

// MaxProblems is how many problems a report keeps; it counts the rest.
const MaxProblems = 100

// Report gathers the problems of a definition, so that a designer sees all of
// them in one go. The zero Report is ready for use.
type Report struct {
	File string // named in the problems that follow

	list []banto.Problem
	more int
}

// Add notes a problem: what was found at a place, and what to write.
func (r *Report) Add(at Pos, path, message, hint string) {
	if r.Full() {
		r.more++
		return
	}
	r.list = append(r.list, banto.Problem{
		File: r.File, Line: at.Line, Column: at.Column,
		Path: path, Message: message, Hint: hint,
	})
}

// Full says that further problems are counted and no longer kept, so a costly
// hint for them is wasted.
func (r *Report) Full() bool { return len(r.list) >= MaxProblems }

// Len gives the number of problems so far.
func (r *Report) Len() int { return len(r.list) + r.more }

// Problems gives the problems in the order of their places. When there were
// too many, the last one says how many more there are.
func (r *Report) Problems() []banto.Problem {
	if r.Len() == 0 {
		return nil
	}
	out := slices.Clone(r.list)
	slices.SortStableFunc(out, func(a, b banto.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if r.more > 0 {
		out = append(out, banto.Problem{
			File:    r.File,
			Message: fmt.Sprintf("and %d more", r.more),
			Hint:    "mend these first; the rest may be of the same cause",
		})
	}
	return out
}

// Nearest gives the candidate that the word was most likely meant to be, or "".
func Nearest(word string, candidates []string) string {
	const longest, most = 40, 2000 // a hint is not worth more time
	w := []rune(word)
	if len(w) > longest {
		return ""
	}
	candidates = candidates[:min(most, len(candidates))]
	limit := max(1, len(w)/3)
	best, at := "", limit+1
	for _, c := range candidates {
		if d := distance(w, []rune(c), at); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of letters to put in, take out, change or swap with
// their neighbour, given up at the limit.
func distance(a, b []rune, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit {
		return limit
	}
	older, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, prev, row = prev, row, older
	}
	return min(prev[len(b)], limit)
}

// didYouMean makes the hint of a word that is not known.
func didYouMean(word string, candidates []string, otherwise string) string {
	if n := Nearest(word, candidates); n != "" {
		return fmt.Sprintf("did you mean %s?", n)
	}
	return otherwise
}
