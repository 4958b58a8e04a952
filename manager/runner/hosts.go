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
}

// Inbox takes what the gateway has to say: all methods only queue, and are
// safe from any goroutine. Runner implements it.
type Inbox interface {
	// HostUp says that a host's session is open. running lists what its keeper
	// still runs; results it has not yet told follow as HostEnded.
	HostUp(up HostSession)
	// HostDown says that a host's session is gone, and why in words.
	HostDown(id banto.HostID, why string, at time.Time)
	// Confirmed says that the host has these orders for good.
	Confirmed(id banto.HostID, orders []string)
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
}
