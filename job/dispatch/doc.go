// Package dispatch decides who may start now: which of the parts that are
// ready get a place on which host.
//
// It owns the places: a host has a number of slots, and a ready part waits for
// one. It refuses clocks, I/O and the rules of a tracker, and it remembers
// nothing that cannot be rebuilt from the trackers that have not ended.
//
// A want names one host, or a group or labels: then one of those hosts is chosen
// by the group's strategy among those that are connected, open, have the shell
// and are not full; when there is none the want waits, and whichever becomes free
// first gets it. The host is chosen once for a tracker: its other wants for that
// group follow, and wait for that host whatever becomes of it, until it is
// removed. A host that drains is not chosen, and takes only what was chosen for
// it before; a host that is held takes nothing. A group with pick all is handed
// back whole, and its items are wants for one host each.
//
// Wherever several trackers wait they take turns: who was served longest ago
// is next, and within a tracker it is first come, first served. Where a host's own
// line and those of its groups compete for a place, the same holds between
// them, so that nobody starves. What an account keeps from starting is passed
// over and keeps its place.
//
// The cost of a decision does not grow with what waits, nor with the hosts that
// there are: a change of a host costs a look at the groups it is in. What looks
// at every want concerned is a change of a group, of an account, or of a host's
// name.
package dispatch
