//go:build unix && !linux

package keeper

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeOnExec marks every open file of this process but the standard ones, so
// that no child inherits it.
func closeOnExec() {
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
