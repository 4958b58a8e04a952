package store

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Blocker is a session of the database, none of a manager's, that keeps all
// managers from the lease: it holds the lease's row in a transaction of its own.
type Blocker struct {
	PID         int // 0: a prepared transaction, which has no session
	User        string
	Application string
	Address     string    // where it comes from; empty: the server's own machine, or not to be seen
	Since       time.Time // when its transaction began; zero: not to be seen
	Query       string    // the Shape of its last statement; empty: not to be seen
}

// Locked says, to those who may not know who it is, that somebody holds the lease.
const Locked = "the store's lease is locked by another session"

// shapely are the words of a statement that its shape may have. Any other word
// may be a name, a password or a row's content.
const shapely = " alter analyze and as begin by call cluster commit copy create declare delete do drop end execute exists explain" +
	" fetch for from grant idle in index insert into join key lease lock mode no not nowait of on or order prepare refresh reindex release" +
	" revoke rollback row savepoint select session set share start table to transaction truncate update using vacuum values where with "

// Shape gives what kind of statement a text of SQL is, and which words of its own
// language and which table of ours are in it: nothing that it says of its own.
func Shape(statement string) string {
	var out []string
	word := func(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	for rest := statement; rest != ""; {
		n := len(rest) - len(strings.TrimLeftFunc(rest, word))
		token := rest[:n]
		if n == 0 {
			_, n = utf8.DecodeRuneInString(rest)
			token = rest[:n]
		}
		rest = rest[n:]
		last := ""
		if len(out) > 0 {
			last = out[len(out)-1]
		}
		switch {
		case strings.TrimSpace(token) == "":
		case token == ";" && last != "" && last != ";":
			out = append(out, token)
		case strings.Contains(shapely, " "+strings.ToLower(token)+" "):
			out = append(out, token)
		case last != "…":
			out = append(out, "…")
		}
		if len(out) == shapeWords {
			rest = ""
		}
	}
	return strings.ReplaceAll(strings.Join(out, " "), " ;", ";")
}

// shapeWords is how many words a shape has at most.
const shapeWords = 16

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
