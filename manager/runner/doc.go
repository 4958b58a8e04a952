// Package runner is the loop of the manager: it takes every input that waits,
// steps the trackers, writes what changed in one transaction, and only then
// answers callers, tells hosts and acknowledges reports.
//
// It owns the trackers in memory, and is the one writer of trackers (what has
// ended is deleted by manager/retention, which asks here before), of the outbox, of hosts (who joins, what they say of themselves, who is removed) and
// of how accounts' logons went, and of the audit rows of the changes that it
// makes. Host groups and accounts it only reads, at the start and when it is
// told that they have changed. It refuses HTTP, wire formats and rules: what
// flows where is engine's, who may start now is dispatch's. What a keeper ends
// for want of contact is the keeper's; when that must have happened is reckoned
// here (lost.go, clock.go), and what then happens is engine's. A change that it
// turns away leaves no row here: whoever asked for it leaves one.
//
// Promises: nothing is answered, sent or acknowledged before it is durable;
// when a transaction fails, memory is thrown away and rebuilt from the store,
// so that memory never holds what the store does not; one input that cannot be
// stored is refused alone and does not fail its batch.
//
// One goroutine does it all (loop.go). An input (inbox.go) is stepped into a
// batch (batch.go, effects.go): rows merge by key, orders go to the outbox,
// what is to be said waits for the commit (commit.go). There is no timer in
// the way: when the loop is idle it commits at once, and what arrives while it
// commits is the next batch.
//
// One jobnet that floods hurts no other: its unfinished trackers, its pace, and
// how many of its submissions may wait are limited (limits.go), and so is its
// share of a batch (inbox.go), as a host's is. What is refused says when to try
// again. What one keeps of the pace is memory alone, the numbers come from the
// store.
//
// When a transaction fails its inputs are tried again one by one (poison.go).
// One that the store calls poison is refused; a result becomes one that ended
// in error, so that no host tells it for ever. For other causes callers are
// told that the manager cannot take it now, what hosts said is kept in order or
// stays unacknowledged, and the store is tried again after a pause, by a
// transaction of its own (probe) and not by the next caller's. Health says so
// meanwhile, without waiting for the loop. A store that says that an earlier
// transaction was written without an answer (store.ErrUncertain) has memory
// rebuilt and the same inputs stepped again, and nobody is told. A commit whose
// answer was lost is no harm: engine takes what it knows already for
// nothing, a submission keeps the ID it was tried with, a move the revision
// that it made, and every other change its audit row (proof.go). What the
// gateway and the fabric were told of hosts is compared with the store at each
// rebuild (announce.go).
//
// A tracker that has ended is no longer in memory, and a move brings it back. What
// is old is deleted by others, in many transactions: Drop names it in a mark in
// the store (drop.go), and from then on no move brings it back, also after a
// restart. The mark names one tracker, and the next is refused while rows of that
// one are left. The mark stays when all is gone, and then means nothing. While
// only what a tracker has printed is removed (WhileEnded) a move waits its turn;
// that is not on record. Both are for a tracker as its caller has seen it, by its
// revision, and not while a recovery is held.
//
// What the store has as live on a host, and the host does not name when it
// connects, is in doubt (doubt.go): the keeper is asked, and what it does not know
// has ended. A result that is still to come is never taken for lost because of
// that; only where a keeper is too old to be asked it is given a time.
//
// A restored store, and a second site, may be behind reality: attempts run and
// have ended that the store does not know. Then the manager begins held
// (recover.go): nothing is placed, sent, woken, submitted or moved, and the hosts
// are asked what their keepers know (recalled.go). What they say of attempts that
// the store has as live is taken as ever; results that it does not know stay
// with the hosts. The list (found.go) says of each attempt what is known and what
// the confirmation does (confirm.go), which is one transaction; the rebuild after
// it delivers what is left to be sent. No number of an attempt that a keeper may
// know is used again.
//
//	begin ──mark, or Recover: held──▶ held ──Confirm──▶ going
//	  │                                ▲ restart │
//	  │                                └─────────┘
//	  ├──Recover: cold──▶ all that has not ended is cancelled ──▶ going
//	  └──────────────────────────────────────────────────────────▶ going
//
// A part may run another jobnet (nested.go): the tracker that its attempt is begins
// in the transaction in which the attempt does, and its end is the attempt's result
// in the same one. The flows of all that may be run come with the submission.
//
// Times that a host tells are put right by how far its clock is off, and lie
// between the attempt's making and now (clock.go).
package runner
