// Package sqlite keeps everything a manager keeps in one SQLite file, with no
// set-up: it implements store.Store with a pure Go driver.
//
// It owns the SQL, the migrations, and the lock that lets one process at a
// time open a data directory. It refuses rules: it never decides what a state
// means beyond whether it has ended.
//
// One connection writes, one transaction at a time, in WAL mode with a full
// sync at each commit; a pool of read-only connections reads what is committed
// and never waits for the writer. Statements of the writer are prepared once
// and kept. Each record has one list of columns and one list of fields, used
// both to write and to read it, so that a column cannot be forgotten on one
// way. Every list walks an index in its own order from its cursor on; no list
// sorts or reads over what it does not give back.
//
// The statements keep to what PostgreSQL accepts too, but for placeholders and
// where a comment says why not.
package sqlite
