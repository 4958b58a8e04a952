// Package jobnet holds the definitions of jobs: the jobnet as a designer wrote
// it (Jobnet, Folder), and the flow that the engine runs (Flow), which is a
// jobnet with its folders' defaults merged in, its edges resolved and its
// expressions typed.
//
// It owns the rules of what a valid definition is, and the expression
// language. It refuses text formats (jobyaml reads and writes them), clocks,
// I/O and anything of a running tracker. The same definition gives the same
// flow, byte for byte when encoded, on every machine.
package jobnet
