package jobnet

import (
	"time"

	"github.com/bantoops/banto"
)

// Wait says what a part of kind wait waits for; one of its fields is set.
type Wait struct {
	Time *Clock        `json:"time,omitempty"` // of the base day
	For  time.Duration `json:"for,omitempty"`  // from the moment at which its turn comes
}

// text writes what is waited for as in a definition.
func (w *Wait) text() string {
	switch {
	case w == nil:
		return ""
	case w.Time != nil:
		return "time: " + w.Time.String()
	}
	return "for: " + FormatDuration(w.For)
}

// Until gives the instant at which the wait is over, if it is one for time: of
// one whose turn comes now, on that base day, in that zone.
func (w *Wait) Until(now time.Time, day banto.Date, zone *time.Location) time.Time {
	if w.Time != nil {
		return w.Time.On(day, zone)
	}
	return now.Add(w.For)
}

// wait fills in what a part waits for.
func (c *compilation) wait(p *Part, to *FlowPart, at func(string) place) {
	if p.Wait == nil || p.Wait.Time == nil && p.Wait.For == 0 {
		if !p.Faulty {
			c.report.Add(p.place("wait"), at("wait").path(), "it is not said what is waited for", "write wait: {time: \"22:00\"}, or wait: {for: 10m}")
		}
		return
	}
	if p.Wait.Time != nil && p.Wait.For != 0 {
		c.report.Add(p.place("wait"), at("wait").path(), "it waits for a time and for a while", "make two parts of it, one behind the other or side by side")
		return
	}
	to.Wait = p.Wait
}
