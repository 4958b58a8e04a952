// Package engine is the machine of one tracker: Step takes an input and the
// time, changes the tracker, and gives back effects for others to carry out.
//
// It owns what flows where: when a part may start, what its end means to the
// parts behind it, retries, cancel, rerun, and when a tracker has ended or is
// blocked. It refuses clocks, I/O, goroutines, logs and chance. The caller
// saves the records among the effects in one transaction and only then carries
// out the others; Restore brings a tracker back from the saved records, equal
// in every respect to the one that was lost.
//
// The cost of a step depends on the edges of the part that moved, never on the
// number of parts of the flow (but for the end, a cancel and a rerun).
package engine
