// Package gateway is the manager's end of the fabric: it holds a session with
// each host, hands over the runner's orders until the host has them for good,
// and passes on what hosts report.
//
// It owns sessions, delivery and redelivery, and writes what jobs print to the
// outputs. It refuses to decide: what an order or a report means is the
// runner's. Nothing is kept on disk here: what must last is in the runner's
// outbox, or on the host until it is acknowledged.
//
// Machine is one host's end as a pure state machine; Gateway runs each of them
// in a goroutine of its own for as long as there is something to do, so that one
// host that is slow, or sends nonsense, delays no other, and one that is idle costs
// no more than its memory. Frames go out as soon as nothing waits to come
// in; what gathers meanwhile goes together.
//
// Promises: an order is repeated, with its ID, at each new session and after a
// time without an answer, until the host confirms it; a result is passed on
// only when all of the attempt's output is here, and is acknowledged to the
// host only when the runner says so; a frame that is malformed is counted and
// dropped; only hosts that the runner announced are served.
//
// Of two agents with one identity only the one that came last is obeyed and given
// work, and the other is refused in words. A session says which session of its
// process it follows, so a process that was doubled with its memory is found out
// too. A keeper that has fewer claims than it had, a generation that was over, or
// one that nobody asked for, and one of which a copy has been seen, is asked for a
// new generation: a start is for the generation on which it was placed, so
// nothing that a machine may have run before it was put back or copied is
// started by it again.
//
// A host's numbered frames are answered by a pong, and only when the manager has
// proved its lease by a transaction that began after the frame came: what the host
// may count as contact is never more than the truth, even if this manager was
// stopped and another has followed. When the last pong was sent is told with a
// host that is down. A manager that leads no more says nothing, and passes
// nothing on.
//
// What keepers know of attempts is asked for until each host has answered; after
// a loss on the way all of it is told again, so an attempt may be told of twice.
//
// A host that says nothing is dead when its connection is gone; while that
// stands it is only slow, for half a minute. A manager that was itself held up
// hears the hosts out before it judges them.
package gateway
