//go:build linux

// Command bench measures every figure that Banto publishes, against the real
// binary, with the limit or the peer of each figure taken in the same run.
//
// It owns scratch directories, the processes that it starts and a private
// PostgreSQL, and leaves none of them behind. It asserts nothing about time: a
// goal that is missed is printed as missed, and the exit code is that of a
// measurement that could not be made.
//
// It runs on Linux: processes are looked at in /proc, those that lose their
// parent become its own, and disks are made slow by seccomp (slow.go).
//
// One file holds one row (row_<name>.go); rows() lists them in the order in
// which they are printed.
package main
