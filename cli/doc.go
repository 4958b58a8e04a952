// Package cli is Banto's command line: one file per command (cmd_<name>.go),
// all of them in the one table of cmd_root.go.
//
// It owns words for people (English in the code, other languages in
// words_<language>.go), tables and trees that fit the terminal, exit codes, and
// the reading of definition files. Commands talk to the manager through
// package client alone; only check, and the processes that app wires, need
// none. It refuses globals: everything a command touches of the world comes in
// through Streams.
//
// Promises: what a program reads (--json) goes to standard output as one
// document, errors go to standard error as "banto: what happened: why (what to
// do)"; nothing that a job or a definition says can move the terminal's cursor
// or change its colours, unless it is asked for raw by a program; columns line
// up in Japanese too.
//
// Exit codes: 0 done, 1 the tracker ended in error, was cancelled or is
// blocked, 2 wrong use or an invalid definition, 3 the manager cannot be
// reached, 4 not allowed, 5 refused, 70 a fault of ours, 130 interrupted.
package cli
