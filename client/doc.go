// Package client is the Go client of Banto's HTTP API: what the commands and
// the whole-binary tests use, and what other programs may.
//
// It owns the way to the managers of one store: one method per route, time-outs,
// the size of an answer, which manager is asked, what is tried again and what is
// not. It refuses to know what an answer means: it prints nothing, decides
// nothing, and imports only banto and the standard library.
//
// # Several managers
//
// One manager is asked until it does not answer, or says that it is not the
// active one; then the next is, and so on round. What may be sent twice is sent
// again for as long as a take-over takes; anything else only when it is certain
// that nobody has done anything about it: it had no connection to go out on, or a
// standby says so.
//
// Promises: every error is a *banto.ErrorInfo, an answer of the manager as it
// was given and a manager that does not answer as KindUnreachable; nothing but
// reads and a submission with its key is ever sent twice; the token goes to
// the managers' own addresses only, never along a redirect.
package client
