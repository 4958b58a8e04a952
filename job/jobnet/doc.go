// Package jobnet holds the definitions of jobs: the jobnet as a designer wrote
// it (Jobnet, Folder), and the flow that the engine runs (Flow), which is a
// jobnet with its folders' defaults merged in, its edges resolved and its
// expressions typed.
//
// An expression is typed when its flow is compiled: every name has a declared
// type, so that "10" == 10 is an error before anything runs. Names are
// parameters, the parts before the part that asks, the base day, the tracker
// and the attempt; there is no clock, no loop and no function but the listed.
// A text that only names a value is replaced without any machinery; other
// expressions become programs once, when they are first needed, behind a lock,
// because trackers share flows.
//
// Every cost is bounded: the size of a definition and of the flow that folders
// make of it, the length of an expression, what a text can grow to.
//
// It owns the rules of what a valid definition is, and the expression
// language. It refuses text formats (jobyaml reads and writes them), clocks,
// I/O and anything of a running tracker. The same definition gives the same
// flow, byte for byte when encoded, on every machine.
package jobnet
