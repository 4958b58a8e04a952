//go:build unix

package keeper

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollEnd looks once a second, where the system offers nothing better.
func pollEnd(s *startedRecord) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for s.alive() {
		<-look.C
	}
}

// inode gives the number of an open file, by which a pipe is known again.
func inode(f *os.File) uint64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Ino
}

// readable says how many bytes wait in a pipe.
func readable(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), fionread)
	if err != nil {
		return 0
	}
	return n
}
