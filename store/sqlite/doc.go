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
// Rows that are there are updated in place, with those of their columns that can
// change; only what fits neither an insertion nor that is an upsert, for which
// SQLite keeps copies of pages. Of trackers that have not ended it is remembered
// which state they were written with: that says what is tried first, and each
// statement looks itself whether it fits.
//
// Tokens that were read are remembered, since each request has one, until a
// transaction of this process touches tokens, committed or not: nobody else writes
// the directory.
//
// The statements keep to what PostgreSQL accepts too, but for placeholders and
// where a comment says why not.
package sqlite
