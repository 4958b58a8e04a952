// Package enginetest tries the engine: scenario files that print every
// transition (testdata, see the README there), and a seeded simulator that
// runs random flows in a fake world in which messages come late, twice, out of
// order or not at all, in which the manager's memory is thrown away at any
// moment, and in which an operator makes whatever moves come to mind.
//
// It owns the oracle: what flows where, written a second time in the plainest
// way from the words of the language, without any counter of the engine's. It
// refuses clocks and processes: the world of a seed is the same on every
// machine, so that a seed that failed fails again.
package enginetest
