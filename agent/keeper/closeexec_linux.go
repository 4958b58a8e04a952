package keeper

import (
	"math"

	"golang.org/x/sys/unix"
)

// closeOnExec marks every open file of this process but the standard ones, so
// that no child inherits it.
func closeOnExec() {
	// An old kernel without the call: Go's own files are marked anyway.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}
