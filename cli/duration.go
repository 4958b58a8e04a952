package cli

import (
	"time"

	"github.com/bantoops/banto/job/jobnet"
)

// duration is the value of a flag that takes a time, written as definitions
// write it: 30m, 1h30m, 2d.
type duration time.Duration

func (d *duration) Set(text string) error {
	long, err := jobnet.ParseDuration(text)
	if err == nil {
		*d = duration(long)
	}
	return err
}

func (d *duration) String() string { return jobnet.FormatDuration(time.Duration(*d)) }

// Type is how the message of a value that is not understood knows it.
func (d *duration) Type() string { return "duration" }
