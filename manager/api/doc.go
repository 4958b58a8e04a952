// Package api is the manager's HTTP API: what the commands, the console and
// other programs talk to.
//
// It owns the table of routes (routes.go): each with its method, path, access
// class and handler; the OpenAPI 3.1 document that is made from it; the form
// of an error (RFC 9457, with the kind, hint and problems of
// banto.ErrorInfo); and the walls around every request: token, Host and
// Origin, content type, size, time, and the audit row of a refused change.
//
// It refuses rules: what a definition may be is designs', what a tracker may
// do is the runner's. It writes nothing but audit rows. At /fabric, where the
// WebSockets of agents go, it checks Host and Origin and hands on.
//
// Promises: only a public route answers without a token, and of those only a
// machine that joins changes anything, with a secret of its own and not often;
// every request ends, but for the event stream of a tracker, which ends with it
// or with the server's base context; no list is longer than its limit, and
// reading all pages of a tracker's parts costs no more than its parts; output
// read as text loses and doubles no character, wherever its pieces end; a fault
// of ours is a problem with a request ID that the log has too.
package api
