package gateway

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// Times of pongs.
const (
	pongWait  = time.Second            // a pong that no frame carries goes by itself
	pongAgain = 500 * time.Millisecond // a lease that was not proved since is looked at again
	pongGrid  = 250 * time.Millisecond // what goes by itself goes with that of other hosts
	maxPings  = 16                     // of a session that wait for their pong
)

// pingsSince is the first version of the protocol that knows pings, managers and
// recalls.
const pingsSince = 3

// contact is what a host was told of contact to the active manager.
type contact struct {
	pings  []ping        // of the open session, not yet answered, in the order in which they came
	proved time.Duration // when the last transaction began that proved the lease
	lookAt time.Time     // for a pong that goes by itself; zero: none is owed
	sentAt time.Time     // the last pong, in whatever session
}

// ping is a numbered frame and when it came, by a clock that no suspend stops.
type ping struct {
	number int64
	came   time.Duration
}

// came notes a numbered frame. Of too many the last ones count as one, since
// answering late does no harm.
func (c *contact) came(p ping, now time.Time) {
	if c.lookAt.IsZero() {
		c.lookAt = onGrid(now.Add(pongWait))
	}
	if n := len(c.pings); n == maxPings {
		last := &c.pings[n-1]
		last.number, last.came = max(last.number, p.number), max(last.came, p.came)
		return
	}
	c.pings = append(c.pings, p)
}

// answer gives the highest ping that came before the lease was proved; zero for
// none.
func (c *contact) answer() (pong int64) {
	for _, p := range c.pings {
		if p.came < c.proved {
			pong = max(pong, p.number)
		}
	}
	return pong
}

// sent notes that a pong goes to the host.
func (c *contact) sent(pong int64, now time.Time) {
	c.sentAt, c.lookAt = now, time.Time{}
	left := c.pings[:0]
	for _, p := range c.pings {
		if p.number > pong {
			left = append(left, p)
		}
	}
	if c.pings = left; len(left) > 0 {
		c.lookAt = onGrid(now.Add(pongAgain))
	}
}

// onGrid gives the first of the instants from then on at which pongs go, for all
// hosts the same: a process that wakes once for many is cheaper than one that wakes
// for each. It keeps the reading of the monotonic clock.
func onGrid(at time.Time) time.Time {
	past := time.Duration(at.UnixNano() % int64(pongGrid))
	return at.Add((pongGrid - past) % pongGrid)
}

// due says whether a pong is to go, even alone.
func (c *contact) due(now time.Time) bool { return !c.lookAt.IsZero() && !now.Before(c.lookAt) }

// reset forgets the pings of a session that is over.
func (c *contact) reset() { c.pings, c.lookAt = nil, time.Time{} }

// Ping notes that a frame came, by the clock of Proved. It is told after Frame.
func (m *Machine) Ping(u *fabric.Up, came time.Duration, now time.Time) {
	if u.Ping > 0 && u.Session == m.session && m.version >= pingsSince {
		m.contact.came(ping{u.Ping, came}, now)
	}
}

// Proved says when the last transaction began that proved the manager's lease:
// it was the active manager then, and pings that came before are answered.
func (m *Machine) Proved(at time.Duration) { m.contact.proved = max(m.contact.proved, at) }

// Contact tells when the host may last have learned that it has contact to this
// manager; zero if it never has.
func (m *Machine) Contact() time.Time { return m.contact.sentAt }

// Contacted says that the host may have had contact until then, by means that
// this machine does not know of.
func (m *Machine) Contacted(at time.Time) {
	if at.After(m.contact.sentAt) {
		m.contact.sentAt = at
	}
}

// Managers takes the endpoints of all managers; hosts are told when they change.
func (m *Machine) Managers(ends []string) {
	m.managers = ends
	m.tellManagers = m.session != "" && m.version >= pingsSince && len(ends) > 0
}
