//go:build linux

package main

import (
	"context"
	"time"
)

// Row is one figure, or a few that one piece of work gives.
type Row struct {
	Name  string   // as a person asks for it: make bench NAME=chain
	Work  string   // what is done, in one sentence
	On    []string // stores on which it runs: sqlite, postgres; empty: none is needed
	Slow  bool     // takes many minutes: runs only when it is asked for by name, or with -all
	Smoke bool     // has a short form (Env.Short) that says something within ten seconds
	Sync  bool     // is repeated with 2 ms added to every fsync (Env.Sync)
	Run   func(ctx context.Context, e *Env) ([]Measure, error)
}

// Measure is one number.
type Measure struct {
	What   string  // "rate", "step p99"; with the row's name and the store it is unique
	Value  float64 // in Unit
	Unit   string  // "jobs/s", "ms", "s", "MiB", "×" (a ratio), "" (a count)
	Beside string  // what was measured beside it in the same run, in words: "xargs 4,210 jobs/s"
	Goal   Goal
	Note   string // what a reader must know
}

// Goal is what a number is to reach. The zero Goal: it is told for itself.
type Goal struct {
	Limit   float64
	AtLeast bool // else at most
}

// atLeast and atMost make goals.
func atLeast(limit float64) Goal { return Goal{Limit: limit, AtLeast: true} }
func atMost(limit float64) Goal  { return Goal{Limit: limit} }

// None says that there is no goal.
func (g Goal) None() bool { return g == Goal{} }

// Reached says whether a number is as good as was asked.
func (g Goal) Reached(v float64) bool {
	if g.AtLeast {
		return v >= g.Limit
	}
	return v <= g.Limit
}

// Result is what a row gave on one store.
type Result struct {
	Row      string
	Store    string        // sqlite or postgres; empty: none is needed
	Sync     time.Duration // added to every fsync
	Measures []Measure
	Err      error // why it could not be measured
	Took     time.Duration
	Load     string // of the machine when it began
}

// On says in words where the figures were taken.
func (r Result) On() string {
	on := r.Store
	if on == "" {
		on = "—"
	}
	if r.Sync > 0 {
		on += ", fsync + " + r.Sync.String()
	}
	return on
}
