// Package client is the Go client of Banto's HTTP API: what the commands and
// the whole-binary tests use, and what other programs may.
//
// It owns the way to a manager: one method per route, time-outs, the size of
// an answer, what is tried again and what is not. It refuses to know what an
// answer means: it prints nothing, decides nothing, and imports only banto and
// the standard library.
//
// Promises: every error is a *banto.ErrorInfo, an answer of the manager as it
// was given and a manager that does not answer as KindUnreachable; nothing but
// reads and a submission with its key is ever sent twice; the token goes to
// the manager's own address only, never along a redirect.
package client
