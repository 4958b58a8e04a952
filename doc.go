// Package banto holds the nouns that every room of Banto shares: identifiers,
// outcomes, states, reasons, hosts, principals, errors, and the records of
// trackers, parts and attempts.
//
// It owns the words and their spelling on the wire and in the store. It
// refuses behaviour: it imports the standard library alone, and no type here
// carries a logger, a lock, a handle or a context. A record here has one shape
// everywhere: the engine writes it, the store keeps it, the API shows it and
// the client reads it. Its JSON field names are part of the HTTP API and are
// never changed, only added to.
package banto
