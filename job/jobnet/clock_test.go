package jobnet

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
)

func TestParseClock(t *testing.T) {
	for text, want := range map[string]Clock{"00:00": 0, "9:05": 545, "22:00": 1320, "26:30": 1590, "47:59": MaxClock} {
		if got, err := ParseClock(text); got != want || err != nil {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "22", "22:0", "22:60", "48:00", "-1:00", "+1:00", "1:-5", "1:+5", "100:00", "22:00:00", " 22:00", "二二:00"} {
		if got, err := ParseClock(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// A time of the base day is what the clocks of the zone show: also beyond
// midnight, on a day on which they are changed, and where they skip it or show it
// twice. The days are those of the tz database for New York and Lord Howe in 2026.
func TestClockOn(t *testing.T) {
	for _, c := range []struct{ day, clock, zone, want string }{
		{"2026-11-21", "22:00", "Asia/Tokyo", "2026-11-21T22:00:00+09:00"},
		{"2026-11-21", "26:30", "Asia/Tokyo", "2026-11-22T02:30:00+09:00"},
		{"2026-12-31", "47:59", "UTC", "2027-01-01T23:59:00Z"},
		{"2026-11-21", "08:00", "+05:30", "2026-11-21T08:00:00+05:30"},
		{"2026-03-08", "01:59", "America/New_York", "2026-03-08T01:59:00-05:00"},
		{"2026-03-08", "02:30", "America/New_York", "2026-03-08T03:30:00-04:00"}, // skipped
		{"2026-03-08", "03:00", "America/New_York", "2026-03-08T03:00:00-04:00"},
		{"2026-03-07", "26:30", "America/New_York", "2026-03-08T03:30:00-04:00"},
		{"2026-11-01", "00:59", "America/New_York", "2026-11-01T00:59:00-04:00"},
		{"2026-11-01", "01:30", "America/New_York", "2026-11-01T01:30:00-04:00"}, // the first of two
		{"2026-11-01", "02:00", "America/New_York", "2026-11-01T02:00:00-05:00"},
		{"2026-10-31", "25:30", "America/New_York", "2026-11-01T01:30:00-04:00"},
		{"2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-04T02:45:00+11:00"}, // half an hour is skipped
	} {
		day, err := banto.ParseDate(c.day)
		if err != nil {
			t.Fatal(err)
		}
		clock, err := ParseClock(c.clock)
		if err != nil {
			t.Fatal(err)
		}
		zone := Zone(c.zone)
		if got := clock.On(day, zone).In(zone).Format(time.RFC3339); got != c.want {
			t.Errorf("%s of %s in %s is %s, not %s", c.clock, c.day, c.zone, got, c.want)
		}
	}
	if Zone("Nowhere/Land") != time.UTC || Zone("") != time.UTC || Zone("Local") != time.UTC {
		t.Error("what is no zone is not UTC")
	}
}
