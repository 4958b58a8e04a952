package runner

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
)

// Hosts is the way to the hosts, as the runner needs it; the gateway
// implements it. Its methods never block.
type Hosts interface {
	// Deliver hands over orders that are in the outbox, to be repeated until
	// the host confirms them.
	Deliver(host banto.HostID, orders []fabric.Order)
	// Acknowledge tells the host that these results are committed.
	Acknowledge(host banto.HostID, attempts []banto.AttemptID)
	// Enrolled says that this host may connect: at the start for every host of
	// the store, and when one joins or is taken in again with another key. claims
	// is how many attempts its keeper had claimed, at least, under that
	// generation; what the host confirms later counts on. A keeper that says
	// fewer under the same generation was rolled back, and is asked to begin a
	// new one (fabric.Down.Renew) before its session opens.
	Enrolled(id banto.HostID, generation string, claims int64)
	// Removed says that this host may connect no more, and why in words.
	Removed(id banto.HostID, why string)
	// Recall asks every host, once it is connected, what its keeper knows of
	// attempts since then; the answers come by Inbox.Recalled.
	Recall(since time.Time)
	// RecallFrom asks one host the same, once: as soon as it is connected and until
	// it has answered. If it is being asked already, that is enough.
	RecallFrom(host banto.HostID, since time.Time)
}

// Inbox takes what the gateway has to say: all methods only queue, and are
// safe from any goroutine. Runner implements it.
type Inbox interface {
	// HostUp says that a host's session is open. running lists what its keeper
	// still runs; results it has not yet told follow as HostEnded.
	HostUp(up HostSession)
	// HostDown says that a host's session is gone, and why in words. contact is
	// the last time at which it can have counted on contact to this manager.
	HostDown(id banto.HostID, why string, at, contact time.Time)
	// Recalled passes on what a host's keeper knows of attempts, in as many pieces
	// as it takes; last says that it was the last one, whole that the keeper has
	// forgotten nothing.
	Recalled(id banto.HostID, attempts []fabric.RecalledAttempt, last, whole bool)
	// Confirmed says that the host has these orders for good, and how many
	// attempts its keeper has claimed so far (0: it does not say).
	Confirmed(id banto.HostID, orders []string, claims int64)
	// HostStarted and HostEnded pass reports on. Each result is answered by
	// Hosts.Acknowledge once it is committed, also when it was known before.
	HostStarted(id banto.HostID, reports []engine.Started)
	HostEnded(id banto.HostID, reports []engine.Ended)
}

// HostSession is what a host said of itself when it connected.
type HostSession struct {
	ID    banto.HostID
	Hello fabric.Hello
	At    time.Time
	// ClockMS is how far its clock is ahead of the manager's, in milliseconds.
	ClockMS int64
}
