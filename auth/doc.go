// Package auth says who asks, and whether they may.
//
// It owns tokens, the classes of access that routes are in, and the checks of
// Host and Origin that keep web pages away from a manager on the same machine.
// It refuses HTTP itself (the API's edge calls it), and secrets in the clear:
// of a token only its SHA-256 is kept.
//
// Promises: there is no way in without a token, on loopback neither; whoever
// is not known gets KindUnauthenticated, whoever is known but may not gets
// KindDenied; a class of access that was forgotten allows nothing.
package auth
