// Package link is the agent's end of the fabric: it opens a session with the
// manager, hands its orders to the keeper, and carries what the keeper tells
// to the manager until the manager has it for good.
//
// It owns sessions, the confirmation of orders, and how much output is under
// way. It refuses to keep anything on disk: claims, results and output are the
// keeper's, and the keeper tells them again to whoever asks. So an agent may
// die at any moment, and a new one goes on.
//
// Machine is the pure state machine; Link connects it with the fabric and the
// keeper, in one loop. Frames go out as soon as nothing waits to come in; what
// gathers meanwhile goes together.
//
// A script that an order names by its hash is fetched before the keeper hears of
// the order, and checked; some are kept for the attempts that follow.
//
// Frames are numbered, and the answer to a number says that the host had contact
// to the active manager when the frame was sent: the keeper is told, for its
// dead-man's limits. A start with such a limit waits until there was contact in
// the session that brought it. A manager that answers no number for six seconds,
// that refuses the agent, or that another is known to have followed, is left for
// the next endpoint; the endpoints are those that the managers tell, and behind
// them those that were known before.
//
// Promises: an order is confirmed only when the keeper has it on disk; a
// result is sent, and sent again, until the manager says that it is committed,
// and never ahead of the output that belongs to it; output is taken from all
// attempts in turn, and only so much of it is under way that it holds up
// nothing else; an attempt that the link itself has ended, because its script or
// the claims that it was meant for are gone, is not started by any later order;
// only the highest epoch that was seen is obeyed; without a
// keeper there is no session.
package link
