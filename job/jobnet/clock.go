package jobnet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// Clock is a time of the base day, in minutes since its midnight: "26:30" is
// half past two of the day after. It is kept as its text.
type Clock int

// MaxClock is the last time of the 48-hour day.
const MaxClock Clock = 48*60 - 1

// ParseClock reads a time of the base day, from 00:00 to 47:59.
func ParseClock(s string) (Clock, error) {
	hours, minutes, ok := strings.Cut(s, ":")
	h, errH := strconv.Atoi(hours)
	m, errM := strconv.Atoi(minutes)
	whole := ok && errH == nil && errM == nil && len(minutes) == 2 && (len(hours) == 1 || len(hours) == 2) && hours[0] != '-' && hours[0] != '+' && minutes[0] != '-' && minutes[0] != '+'
	if !whole || m > 59 || Clock(h*60+m) > MaxClock {
		return 0, fmt.Errorf("%q is not a time of the base day; write 22:00, or 26:30 for half past two of the day after, up to 47:59", s)
	}
	return Clock(h*60 + m), nil
}

// String writes the time as ParseClock reads it.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalText writes the time.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the time.
func (c *Clock) UnmarshalText(b []byte) error {
	v, err := ParseClock(string(b))
	*c = v
	return err
}

// On gives the instant at which the clocks of a zone show the time on a base
// day. Where clocks go forward over it, it is as much later as they do; where they
// go back and show it twice, the first.
func (c Clock) On(day banto.Date, zone *time.Location) time.Time {
	shown := day.Time().Add(time.Duration(c) * time.Minute) // as if the zone were UTC
	reads := func(at time.Time) bool {
		_, offset := at.In(zone).Zone()
		return at.Add(time.Duration(offset) * time.Second).Equal(shown)
	}
	with := func(near time.Time) time.Time {
		_, offset := near.In(zone).Zone()
		return shown.Add(-time.Duration(offset) * time.Second)
	}
	before, after := with(shown.Add(-36*time.Hour)), with(shown.Add(36*time.Hour))
	if !reads(before) && reads(after) {
		return after
	}
	return before
}

// Zone gives a time zone by its name in the tz database, or by its offset as
// "+09:00"; UTC for what is neither.
func Zone(name string) *time.Location {
	if at, err := time.Parse("-07:00", name); err == nil {
		_, offset := at.Zone()
		return time.FixedZone(name, offset)
	}
	if zone, err := time.LoadLocation(name); err == nil && name != "Local" {
		return zone
	}
	return time.UTC
}
