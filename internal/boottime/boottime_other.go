//go:build !linux && !windows

package boottime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now gives the time since the machine was started. What CLOCK_MONOTONIC counts
// of a suspend is the system's: macOS counts it.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("boottime: the system has no CLOCK_MONOTONIC: " + err.Error()) //nolint:forbidigo // POSIX asks for it
	}
	return time.Duration(t.Nano())
}
