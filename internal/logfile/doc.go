// Package logfile is a file that a process logs to and that never fills the
// disk: when it has grown to its size it is put aside as name.1, the one
// before as name.2 and so on, and the oldest goes.
//
// It owns the files of its name. It refuses to lose a line to a rotation that
// fails: it goes on in the file that it has and tries again at the next size.
// Writes are whole: a line is never in two files.
package logfile
