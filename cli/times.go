package cli

import (
	"fmt"
	"strconv"
	"time"
)

// clock writes a time in the reader's zone: the day too, unless it is today.
func (e *env) clock(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	local := t.In(e.std.Local)
	now := e.std.Now().In(e.std.Local)
	if local.Year() == now.Year() && local.YearDay() == now.YearDay() {
		return local.Format("15:04:05")
	}
	return local.Format("2006-01-02 15:04")
}

// moment writes a time in the reader's zone, whole.
func (e *env) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(e.std.Local).Format("2006-01-02 15:04:05")
}

// lasted writes how long something took, or has taken so far.
func (e *env) lasted(from, to *time.Time) string {
	if from == nil {
		return ""
	}
	if to == nil {
		// Whole seconds: digits behind the point of something that still goes
		// on only flicker.
		return short(max(e.std.Now().Sub(*from), 0).Truncate(time.Second))
	}
	return short(to.Sub(*from))
}

// short writes a duration in at most two units: 850ms, 12.3s, 3m05s, 2h07m, 3d04h.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d == 0:
		return "0s"
	case d < time.Millisecond:
		return "1ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(float64(d.Truncate(100*time.Millisecond))/float64(time.Second), 'f', -1, 64) + "s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d/time.Minute), int(d/time.Second)%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d/time.Hour), int(d/time.Minute)%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d/(24*time.Hour)), int(d/time.Hour)%24)
}

// size writes a number of bytes as people read it.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	i := -1
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i:i+1] + "iB"
}
