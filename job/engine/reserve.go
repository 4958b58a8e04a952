package engine

import "time"

// Reserve makes the numbers of attempts up to that one count as used, so that
// none of them names a new attempt: hosts know attempts under them that the
// records do not. It may be called of a tracker in any state.
func (t *Tracker) Reserve(attempts int, now time.Time) []Effect {
	t.begin(now)
	if attempts > t.row.Attempts {
		t.touch()
		t.row.Attempts = attempts
	}
	return t.flush()
}
