// Package store says what the manager keeps for ever: small interfaces, one
// per aggregate, and transactions. It owns no SQL: sqlite (and later postgres)
// implement it, and storetest is the one suite that each must pass.
//
// Promises: what a transaction that returned nil wrote survives kill -9 and
// loss of power; a transaction that failed wrote nothing; every write proves
// the manager's epoch, and a manager with an old one writes nothing
// (ErrDeposed). Lists come in pages, by an index, newest first unless said.
package store
