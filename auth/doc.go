// Package auth says who asks, whether they may, and how they know that it is
// this manager that answers.
//
// It owns tokens, the classes of access that routes are in, and the checks of
// Host and Origin that keep web pages away from a manager on the same machine;
// and the manager's own CA, its certificates, and the tokens with which
// machines join. It refuses HTTP itself (the API's edge calls it), and secrets
// in the clear: of a token only its SHA-256 is kept.
//
// Promises: there is no way in without a token, on loopback neither; whoever
// is not known gets KindUnauthenticated, whoever is known but may not gets
// KindDenied; a class of access that was forgotten allows nothing. A
// certificate of ours is made anew long before it ends, without a restart; a
// given one is read again when its files change, and whatever cannot be used
// leaves the one before in its place. Who pins the CA's fingerprint trusts
// what that CA has signed and nothing else.
package auth
