package store

import (
	"fmt"
	"strings"
	"time"
)

// Blocker is a session of the database, none of a manager's, that keeps all
// managers from the lease: it holds the lease's row in a transaction of its own.
type Blocker struct {
	PID         int // 0: a prepared transaction, which has no session
	User        string
	Application string
	Address     string    // where it comes from; empty: the server's own machine, or not to be seen
	Since       time.Time // when its transaction began; zero: not to be seen
	Query       string    // how its last statement begins; empty: not to be seen
}

// String says who it is, without what it does.
func (b Blocker) String() string {
	if b.PID == 0 {
		return "a prepared transaction of the database holds the lease"
	}
	var who []string
	for _, w := range []struct{ what, is string }{{"user", b.User}, {"application", b.Application}, {"from", b.Address}} {
		if w.is != "" {
			who = append(who, w.what+" "+w.is)
		}
	}
	text := fmt.Sprintf("session %d of the database", b.PID)
	if len(who) > 0 {
		text += " (" + strings.Join(who, ", ") + ")"
	}
	text += " holds the lease"
	if !b.Since.IsZero() {
		text += " since " + b.Since.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	return text
}

// Advice says what to do about it.
func (b Blocker) Advice() string {
	if b.PID == 0 {
		return "find it in pg_prepared_xacts, and commit it or roll it back"
	}
	return fmt.Sprintf("end that session: SELECT pg_terminate_backend(%d)", b.PID)
}
