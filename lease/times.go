package lease

import (
	"fmt"
	"time"
)

// Times are the times of a lease; see the package comment.
type Times struct {
	Renew  time.Duration
	GiveUp time.Duration
	TTL    time.Duration
	Poll   time.Duration
	Grace  time.Duration
}

// DefaultTimes are those of a manager: followed within two seconds when it is
// killed, and within ten when it is stopped.
func DefaultTimes() Times {
	return Times{
		Renew: 500 * time.Millisecond, GiveUp: 6 * time.Second, TTL: 8 * time.Second,
		Poll: 200 * time.Millisecond, Grace: 700 * time.Millisecond,
	}
}

// slowest is how long one renewal may take and the lease still be kept.
const slowest = 3 * time.Second

// Check says which of the times do not fit together.
func (t Times) Check() error {
	switch {
	case t.Renew <= 0 || t.Poll <= 0 || t.Grace <= 0:
		return fmt.Errorf("cannot use the lease's times: renew (%s), poll (%s) and grace (%s) must be more than zero", t.Renew, t.Poll, t.Grace)
	case t.Renew+slowest > t.GiveUp:
		return fmt.Errorf("cannot use the lease's times: a manager gives itself up %s after its last proof, but one may take %s to come (every %s, in %s)",
			t.GiveUp, t.Renew+slowest, t.Renew, slowest)
	case t.GiveUp+time.Second > t.TTL:
		return fmt.Errorf("cannot use the lease's times: a manager gives itself up after %s, and another may follow after %s: there must be a second between them",
			t.GiveUp, t.TTL)
	}
	return nil
}
