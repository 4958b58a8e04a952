package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Codes that our own functions raise.
const (
	codeDeposed   = "BN001"
	codeUncertain = "BN002"
)

// Codes of PostgreSQL that we tell apart.
const (
	codeFull          = "53100"
	codeTooMany       = "53300"
	codeReadOnly      = "25006"
	codeNotYet        = "57P03" // starting up, or in recovery
	codeShutdown      = "57P01"
	codeCrash         = "57P02"
	codeCancelled     = "57014"
	codeLocked        = "55P03"
	codeNoDatabase    = "3D000"
	codePassword      = "28P01"
	codeAuthorization = "28000"
	codeNotAllowed    = "42501"
	codeDamagedData   = "XX001"
	codeDamagedIndex  = "XX002"
)

// code gives the SQLSTATE of an error, or nothing.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// definite says that the server itself refused, in the transaction: nothing of
// it was written. When the connection was ended with it, that is not so sure.
func definite(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	severity := e.SeverityUnlocalized
	if severity == "" {
		severity = e.Severity
	}
	return severity == "ERROR"
}

// failing says in words what people can do about an error of the server.
type failing struct {
	kind      banto.Kind
	why, hint string
	is        error
}

// reason finds the words for an error; none if it is one that people can do
// nothing about.
func (s *Store) reason(err error) (failing, bool) {
	const later = "the manager goes on by itself when it can be used again"
	var connect *pgconn.ConnectError
	var network net.Error
	_, blocked := s.Blocker()
	switch c := code(err); {
	case c == codeFull:
		return failing{banto.KindUnavailable, "the disk of the PostgreSQL server is full", "free space on it; nothing was half written", store.ErrFull}, true
	case c == codeReadOnly, strings.Contains(err.Error(), "read only connection"): // or so says the library, of several servers
		return failing{banto.KindUnavailable, "the PostgreSQL server is read-only (a standby, or set so)", "promote it, or give the address of the primary; " + later, nil}, true
	case c == codeNotYet, c == codeShutdown, c == codeCrash:
		return failing{banto.KindUnavailable, "the PostgreSQL server starts, stops or recovers", later, nil}, true
	case c == codeTooMany:
		return failing{banto.KindUnavailable, "the PostgreSQL server takes no more connections", "raise max_connections; each manager needs about 20", nil}, true
	case c == codePassword, c == codeAuthorization:
		return failing{banto.KindInvalid, "the PostgreSQL server refuses the user " + s.config().User, "look at user, password and pg_hba.conf", nil}, true
	case c == codeNoDatabase:
		return failing{banto.KindInvalid, "there is no database " + s.config().Database, "make it: createdb -O " + s.config().User + " " + s.config().Database, nil}, true
	case c == codeNotAllowed:
		return failing{banto.KindInvalid, "the user " + s.config().User + " lacks a right: " + serverSays(err), "make it the owner of the database", nil}, true
	case c == codeDamagedData, c == codeDamagedIndex:
		return failing{banto.KindInternal, "the database is damaged: " + serverSays(err), "stop the manager and put a backup in its place", store.ErrDamaged}, true
	case c == codeLocked && blocked:
		return failing{banto.KindUnavailable, store.Locked, "banto doctor says which session, and what to do", nil}, true
	case c == codeLocked, c == codeCancelled:
		return failing{banto.KindUnavailable, "the PostgreSQL server took too long: " + serverSays(err), "look for what blocks it in pg_stat_activity", nil}, true
	case c == "" && errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connect):
		return failing{banto.KindUnavailable, "the PostgreSQL server at " + s.where + " did not answer in time", "look at its load and at the network; " + later, nil}, true
	case c == "" && (errors.As(err, &connect) || errors.As(err, &network) || closed(err)):
		return failing{banto.KindUnavailable, "the PostgreSQL server at " + s.where + " cannot be reached", "start it, or look at the network; " + later, nil}, true
	}
	return failing{}, false
}

// closed says that a connection ended under us.
func closed(err error) bool {
	text := err.Error()
	for _, sign := range []string{"unexpected EOF", "conn closed", "connection reset", "broken pipe", "closed network connection", "EOF"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

func serverSays(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}

// explain makes the error of a statement one that people can act on, where
// there is something to do, and takes out what must not be told.
func (s *Store) explain(err error) error {
	if err == nil {
		return nil
	}
	switch code(err) {
	case codeDeposed:
		return store.ErrDeposed
	case codeUncertain:
		return store.ErrUncertain
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	f, ok := s.reason(err)
	if !ok {
		return s.discreet(err)
	}
	cause := s.discreet(err)
	if f.is != nil {
		cause = fmt.Errorf("%w: %w", f.is, cause)
	}
	e := banto.Fail(f.kind, "cannot use the store", f.why, f.hint).Because(cause)
	if f.kind == banto.KindUnavailable && f.is == nil {
		e = e.After(storeWait)
	}
	return e
}

// storeWait is when trying again makes sense while the server is away.
const storeWait = time.Second

// cannotOpen says why the store does not open, and what to do.
func (s *Store) cannotOpen(err error) error {
	what := "cannot open the store in " + s.where
	cause := s.discreet(err)
	switch {
	case errors.Is(err, store.ErrNewer):
		return banto.Fail(banto.KindInvalid, what, "a newer version of Banto wrote it", "use that version, or give another --store").Because(cause)
	case errors.Is(err, store.ErrDamaged):
		return banto.Fail(banto.KindInvalid, what, "the schema holds tables of another program", "give a database of its own with --store").Because(cause)
	case errors.Is(err, errTooOld):
		return banto.Fail(banto.KindInvalid, what, err.Error(), "use PostgreSQL 14 or newer").Because(cause)
	case errors.Is(err, context.Canceled):
		return banto.Fail(banto.KindUnavailable, what, "it was called off", "").Because(cause)
	}
	if f, ok := s.reason(err); ok {
		if f.is != nil {
			cause = fmt.Errorf("%w: %w", f.is, cause)
		}
		return banto.Fail(f.kind, what, f.why, f.hint).Because(cause)
	}
	return banto.Fail(banto.KindInvalid, what, cause.Error(), "").Because(cause)
}

// discreet takes the password out of an error's text, should it be there.
func (s *Store) discreet(err error) error {
	if c := s.config(); c != nil && c.Password != "" && strings.Contains(err.Error(), c.Password) {
		return errors.New(strings.ReplaceAll(err.Error(), c.Password, "…"))
	}
	return err
}
