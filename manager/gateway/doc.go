// Package gateway is the manager's end of the fabric: it holds a session with
// each host, hands over the runner's orders until the host has them for good,
// and passes on what hosts report.
//
// It owns sessions, delivery and redelivery, and writes what jobs print to the
// outputs. It refuses to decide: what an order or a report means is the
// runner's. Nothing is kept on disk here: what must last is in the runner's
// outbox, or on the host until it is acknowledged.
//
// Machine is one host's end as a pure state machine; Gateway runs one of them
// in a goroutine for each host, so that one host that is slow, or sends
// nonsense, delays no other. Frames go out as soon as nothing waits to come
// in; what gathers meanwhile goes together.
//
// Promises: an order is repeated, with its ID, at each new session and after a
// time without an answer, until the host confirms it; a result is passed on
// only when all of the attempt's output is here, and is acknowledged to the
// host only when the runner says so; of two agents with one identity only the
// one that came last is obeyed and given work, and the other is refused in words; a
// frame that is malformed is counted and dropped.
package gateway
