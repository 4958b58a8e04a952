package boottime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now gives the time since the machine was started, suspends included.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("boottime: the system has no CLOCK_BOOTTIME: " + err.Error()) //nolint:forbidigo // every Linux since 2.6.39 has it
	}
	return time.Duration(t.Nano())
}
