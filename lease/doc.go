// Package lease makes one of several managers the active one, and tells the
// active one whether it still is.
//
// It owns the times: how long a lease stands without being renewed, when its
// holder gives itself up, and when another may follow. It refuses to protect:
// what protects is the epoch that every transaction of the store proves
// (store.Leases), so that a manager that does not know yet that it has been
// followed writes nothing. The times only see to it that it knows soon, stops
// speaking before another begins, and that another begins soon.
//
// # The times
//
//	renew     the active one proves its lease at least so often
//	giveUp    without a proof for so long it stops, whatever it is doing
//	ttl       by the store's clock: after that another may follow
//	poll      a standby looks so often
//	grace     a holder whose session with the store is gone has so long to
//	          come back, before a standby follows without waiting for the ttl
//
// A proof counts from the moment at which its transaction was begun, by a clock
// that goes on through a suspend (internal/boottime). So the active one gives
// itself up before another may follow, whatever the clocks on the walls say:
//
//	renew + slow commit < giveUp < ttl
//
// Times.Check holds that. One whose session is gone is followed earlier, by
// force: it was killed, or else its next transaction tells it. A manager that is stopped (SIGSTOP) for longer finds
// out at its next instruction that matters: Leading is asked before anything is
// said to a host, and the store refuses it.
//
// # States
//
//	standby ──Take──▶ active ──Release, or given up, or deposed──▶ standby
package lease
