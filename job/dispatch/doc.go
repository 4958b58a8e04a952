// Package dispatch decides who may start now: which of the parts that are
// ready get a place on which host.
//
// It owns the places: a host has a number of slots, a ready part waits for one
// on its host, first come first served. It refuses clocks, I/O and the rules
// of a tracker, and it remembers nothing that cannot be rebuilt from the
// trackers that have not ended. The cost of a decision does not grow with what
// waits.
package dispatch
