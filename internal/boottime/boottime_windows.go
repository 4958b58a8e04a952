package boottime

import (
	"time"

	"golang.org/x/sys/windows"
)

// Now gives the time since the machine was started, suspends included.
func Now() time.Duration { return windows.DurationSinceBoot() }
