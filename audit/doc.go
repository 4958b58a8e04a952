// Package audit makes the entries of the audit trail: who did what to what,
// when, and whether it was done.
//
// The rule: every change leaves a row, done or refused, in the transaction of
// the change itself when it was done. Reading leaves none, and neither does
// what is no change yet: a request that cannot be read, that names nobody, or
// that the manager cannot take now. Secrets never go into an entry: no token,
// no password, no value of a parameter; name the thing, not its content.
//
// It owns the names of the actions, which are part of the API and only added
// to. It refuses storage (store keeps the entries) and clocks. An entry made
// here can always be stored: what cannot be kept as text is replaced and what
// is too long is cut, so that a request cannot slip past the trail by being
// malformed.
package audit
