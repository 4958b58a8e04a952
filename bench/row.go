package main

import (
	"context"
	"io"
	"time"
)

// Row is one figure, or a few that one piece of work gives.
type Row struct {
	Name  string   // as a person asks for it: make bench NAME=chain
	Work  string   // what is done, in one sentence
	On    []string // stores on which it runs: sqlite, postgres; empty: none is needed
	Slow  bool     // takes many minutes: runs only when it is asked for by name, or with -all
	Smoke bool     // has a short form (Env.Short) that says something within ten seconds
	Run   func(ctx context.Context, e *Env) ([]Measure, error)
}

// Measure is one number.
type Measure struct {
	What   string  // "rate", "step p99"; with the row's name it is unique
	Value  float64 // in Unit
	Unit   string  // "jobs/s", "ms", "s", "MiB", "×" (a ratio), "" (a count)
	Beside string  // what was measured beside it in the same run, in words: "xargs 4,210 jobs/s"
	Goal   Goal
	Note   string // what a reader must know, such as "2 ms added to every fsync"
}

// Goal is what a number is to reach. The zero Goal: it is told for itself.
type Goal struct {
	Limit   float64
	AtLeast bool // else at most
}

// None says that there is no goal.
func (g Goal) None() bool { return g == Goal{} }

// Reached says whether a number is as good as was asked.
func (g Goal) Reached(v float64) bool {
	if g.AtLeast {
		return v >= g.Limit
	}
	return v <= g.Limit
}

// Env is what a row runs in. A row starts its processes through it, so that they
// end with the row however that ends.
type Env struct {
	Binary string        // the real binary
	Dir    string        // scratch, of this run of the row alone
	Store  string        // sqlite or postgres
	Short  bool          // the form for bench-smoke
	Sync   time.Duration // is added to every fsync; zero: nothing is
	Log    io.Writer     // progress, for a person
	ended  []func()      // in reverse when the row is over
}

// After runs f when the row is over.
func (e *Env) After(f func()) { e.ended = append(e.ended, f) }
