// Package boottime is a clock that goes on while the machine is suspended and
// that nobody can set: time since the machine was started. What must end, or
// may be counted on, within a stated time is measured by it, since Go's
// monotonic clock stands still in a suspend and the clock on the wall jumps.
// All processes of a machine read the same.
package boottime
