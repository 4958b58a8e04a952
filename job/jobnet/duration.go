package jobnet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxDuration is the longest duration that a definition may state.
const MaxDuration = 3650 * 24 * time.Hour

// ParseDuration reads a duration such as 30m, 1h30m or 2d: whole numbers with
// the units d, h, m and s, the greater unit first.
func ParseDuration(s string) (time.Duration, error) { return parseDuration(s, MaxDuration) }

// ParseKeep reads how long something is kept: a duration that may be longer.
func ParseKeep(s string) (time.Duration, error) { return parseDuration(s, MaxKeep) }

func parseDuration(s string, most time.Duration) (time.Duration, error) {
	var total time.Duration
	rest, before := s, time.Duration(math.MaxInt64)
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, durationFault(s)
		}
		if rest = rest[digits:]; rest == "" {
			return 0, fmt.Errorf("%q has no unit; write %ss, %sm, %sh or %sd", s, s, s, s, s)
		}
		unit := durationUnit(rest[0])
		if unit == 0 || unit >= before {
			return 0, durationFault(s)
		}
		if n > int64(most/unit) || total+time.Duration(n)*unit > most {
			return 0, fmt.Errorf("%q is longer than %s", s, FormatDuration(most))
		}
		total, rest, before = total+time.Duration(n)*unit, rest[1:], unit
	}
	if s == "" {
		return 0, durationFault(s)
	}
	return total, nil
}

func durationUnit(c byte) time.Duration {
	switch c {
	case 'd':
		return 24 * time.Hour
	case 'h':
		return time.Hour
	case 'm':
		return time.Minute
	case 's':
		return time.Second
	}
	return 0
}

func durationFault(s string) error {
	return fmt.Errorf("%q is not a duration; write 30m, 1h30m, 10s or 2d", s)
}

// FormatDuration writes a duration as ParseDuration reads it; less than a
// second is cut away.
func FormatDuration(d time.Duration) string {
	var b strings.Builder
	for _, letter := range []byte("dhms") {
		unit := durationUnit(letter)
		if d >= unit {
			fmt.Fprintf(&b, "%d%c", d/unit, letter)
		}
		d %= unit
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}
