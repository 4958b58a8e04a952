// Package app wires the rooms into the processes of Banto, one readable
// function per role: server (the manager), agent, and up, which is both for a
// laptop.
//
// It owns the order of start and stop, the layout of the data directory, and
// the first administrator's token. It refuses behaviour: what it wires is
// decided elsewhere, and it is the only package that may import everything.
//
// A data directory holds
//
//	store/     the store of the manager
//	outputs/   what jobs printed
//	fabric/    the keys of the fabric
//	agent/     an agent's own: identity, credentials, and the keeper's journal
//
// Promise: a start that fails leaves nothing running.
package app
