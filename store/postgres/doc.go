// Package postgres keeps everything a manager keeps in a database of
// PostgreSQL 14 or newer, so that several managers can share it: it implements
// store.Store, and store.Outputs beside it.
//
// It owns its SQL, its migrations (the same numbers as those of sqlite), and
// how managers follow each other. It refuses rules: it never decides what a
// state means beyond whether it has ended, nor when a lease should be taken.
//
// # One pipeline for a transaction
//
// A Tx collects; nothing is sent before its function has returned. Then the
// proof, the rows and the end go out in one write, as one implicit transaction,
// so that a manager which is stopped holds no lock between two statements while
// it thinks. Rows of one table are one statement, each column an array.
//
// The first statement proves (epoch, seq) and renews the lease by the server's
// clock (banto_prove, in migration 0003). Another epoch: ErrDeposed. The same
// epoch and another seq: something of our own was written that we do not know
// of, ErrUncertain.
//
// What a method of Tx answers at once (versions, duplicates, what is not there)
// is judged by what is committed, read on another connection, and by what the
// Tx holds already; and by what is remembered of before: which trackers are
// there, and which of those and of the keys that were looked for ahead of the
// transaction were not (absent). That is right because one manager writes;
// should another one have written meanwhile, the proof fails and none of it
// counts. Nothing is taken for absent any more once a transaction has ended, or
// the lease was taken.
//
// # When an answer is lost
//
// A connection that is lost before the answer leaves open whether the
// transaction was written, or will be: the server may have all of it and be
// about to commit. Whoever reads then may read too early. So Write settles it
// before it returns (settle): under the same epoch it moves seq on by two,
// waiting for the other's lock. Behind that the other cannot be written any
// more, since its proof fails; and seq tells whether it was, by an odd distance
// from what we know, however often settling had to be tried. One that was
// written is a success; one that was not is sent again. Settling commits
// itself, so with a synchronous standby what is read afterwards is as safe as
// it.
//
// When it cannot be settled in a few seconds, Write gives ErrUncertain, and the
// caller, who throws its memory away, may rebuild it from a state that is too
// old. Therefore the next Write settles first, and when the transaction turns
// out to have been written it fails with ErrUncertain once more, before it
// calls its function: what was read before that error is out of date, and what
// is read after it is not. Many write who remember nothing, such as the proof of
// the lease, or an entry of the audit trail: when one of them is told so, the
// loop, which remembers (store.Remembering), is told with its own next Write.
//
// Only an error that the server gives with the connection left open counts as
// a refusal. One that ends the connection can come behind the commit.
//
// # Taking the lease from one that is stopped
//
// A manager that is stopped in the middle of its one write can still leave the
// server with half of a transaction, waiting for the rest and holding the
// lease's row; no time-out of the server ends that (idle_in_transaction counts
// only between transactions' messages that end with a Sync). While Take
// waits for the row, it looks on another connection who holds it (the first of
// those that wait for each other, by pg_blocking_pids), and ends who is of the
// deposed holder: by the application's name, "banto <holder>", as
// pg_stat_activity tells it at that time, never by numbers that were stored.
// Both managers must be the same user of the server, or the one that takes over
// a member of pg_signal_backend.
//
// Anybody else who holds it, such as a person with an open transaction, is never
// ended, but named: in the log, in errors, and by Blocker. Write looks in the
// same way when it waits for long.
//
// The holder of the lease has one more connection that holds a session advisory
// lock, with the epoch as its key. When the process dies the server lets go of
// it at once, and Lease.Gone says so: a hint, since a network can do the same.
// The epoch alone protects. Behind a pooler no connection is one's own: such a
// connection is noticed, the hint is then never given, and a dead manager is
// followed only when its lease has run out.
//
// # Outputs
//
// What attempts printed is in a table of pieces, written outside of the
// transactions and without waiting for the disk: the commit of the result that
// depends on it takes all of the server's log before it to disk.
package postgres
