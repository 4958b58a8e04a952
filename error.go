package banto

import (
	"errors"
	"strings"
	"time"
)

// Kind says what sort of error it is; the exit code of a command and the
// status of an HTTP answer follow from it. The texts are part of the API.
type Kind string

// The kinds of error.
const (
	KindInvalid         Kind = "invalid"         // wrong use or an invalid definition
	KindUnreachable     Kind = "unreachable"     // the manager cannot be reached
	KindUnauthenticated Kind = "unauthenticated" // no token, or one that is not known
	KindDenied          Kind = "denied"          // known, but not allowed
	KindNotFound        Kind = "not-found"
	KindConflict        Kind = "conflict"    // makes no sense in this state
	KindTooMany         Kind = "too-many"    // a limit was reached; later may do
	KindUnavailable     Kind = "unavailable" // the manager is there but cannot take it now
	KindInternal        Kind = "internal"    // a fault of ours
)

// ErrorInfo is an error as people and programs are told it: what happened, to
// what, why, and what to do.
type ErrorInfo struct {
	Kind     Kind      `json:"kind"`
	What     string    `json:"what"`           // "cannot submit backup/nightly"
	Why      string    `json:"why,omitempty"`  // "parameter generations: 200 is more than 99"
	Hint     string    `json:"hint,omitempty"` // "banto jobnet show backup/nightly lists the parameters"
	Problems []Problem `json:"problems,omitempty"`
	// RetryAfterMS is when trying again makes sense, in milliseconds; 0: nobody knows.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
	cause        error
}

// Problem is one fault at a place of a definition or a request.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`   // from 1
	Column  int    `json:"column,omitempty"` // from 1, in characters
	Path    string `json:"path,omitempty"`   // "parts.archive.after"
	Message string `json:"message"`          // what was found
	Hint    string `json:"hint,omitempty"`   // what to write
}

// Fail makes an error of a kind. The hint may be empty.
func Fail(kind Kind, what, why, hint string) *ErrorInfo {
	return &ErrorInfo{Kind: kind, What: what, Why: why, Hint: hint}
}

// Because keeps the error that caused this one, for errors.Is and logs; it is
// not shown to people beyond what Why says.
func (e *ErrorInfo) Because(cause error) *ErrorInfo {
	e.cause = cause
	return e
}

// After says when trying again makes sense.
func (e *ErrorInfo) After(d time.Duration) *ErrorInfo {
	e.RetryAfterMS = max(d.Milliseconds(), 1)
	return e
}

// Unwrap gives the cause.
func (e *ErrorInfo) Unwrap() error { return e.cause }

// Error writes "what: why (hint)".
func (e *ErrorInfo) Error() string {
	var b strings.Builder
	b.WriteString(e.What)
	if e.Why != "" {
		b.WriteString(": " + e.Why)
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// KindOf gives the kind of an error; one that is not ours is internal.
func KindOf(err error) Kind {
	var e *ErrorInfo
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// ExitCode gives the exit code of a command that failed with this kind.
func (k Kind) ExitCode() int {
	switch k {
	case KindInvalid:
		return 2
	case KindUnreachable, KindUnavailable:
		return 3
	case KindUnauthenticated, KindDenied:
		return 4
	case KindNotFound, KindConflict, KindTooMany:
		return 5
	}
	return 70
}
