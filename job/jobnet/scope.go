package jobnet

import "github.com/bantoops/banto"

// Value is a value of the expression language: string, int (of 64 bits),
// float64, bool, banto.Date or []string; nil is "not set".
type Value any

// Scope gives an expression the values it may see. It is read only, and the
// same names give the same values for as long as an evaluation lasts.
type Scope interface {
	// Param gives the value of a parameter by name.
	Param(name string) Value
	// Part gives what a part offers: outcome, exit, output or a variable that
	// it declared. nil when it has none (yet).
	Part(name, field string) Value
	// Date is the base day.
	Date() banto.Date
	// Tracker is the ID of the tracker.
	Tracker() banto.TrackerID
	// Attempt is the number of the part's attempt, from 1.
	Attempt() int
}
