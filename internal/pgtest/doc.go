// Package pgtest runs a private PostgreSQL for tests.
//
// It owns a directory, a process and a port for as long as a test binary runs:
// one server for all its tests, a fresh database for each. It uses what the
// machine has (on PATH, or where Debian and PostgreSQL's own installation put
// it) and never touches a server that is there already. Where there is none the
// test is skipped, and says so. A server dies with the process that started
// it, however that dies.
//
// A test that stops, restarts or fills the disk of a server starts one of its
// own.
package pgtest
