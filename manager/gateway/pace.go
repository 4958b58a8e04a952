package gateway

import "time"

// maxOrders is how many bytes of orders a host is sent in a second, after the
// first maxInFlight, while it does not confirm them: each session that it opens
// has all of them sent again.
const maxOrders = 8 << 20

// paceStep is how long orders wait at least once they must: they then go many at
// a time.
const paceStep = 50 * time.Millisecond

// pace bounds the orders that a host is sent, whatever it says. What it confirms
// does not count: an order that is confirmed is not sent again. It outlives
// sessions.
type pace struct {
	held  int       // bytes that were sent and not confirmed, less what time has let go
	at    time.Time // of held
	later time.Time // orders wait until then; zero: none do
}

// look begins to send: it lets go of what the time allows.
func (p *pace) look(now time.Time) {
	passed := min(max(now.Sub(p.at), 0), time.Second)
	p.held = max(p.held-int(passed*maxOrders/time.Second), 0)
	p.at, p.later = now, time.Time{}
}

// take says whether so many bytes may be sent now.
func (p *pace) take(size int) bool {
	if over := p.held + size - maxInFlight; p.held > 0 && over > 0 {
		p.later = p.at.Add(max(time.Duration(over)*time.Second/maxOrders, paceStep))
		return false
	}
	p.held += size
	return true
}

// confirmed gives back what a host has confirmed.
func (p *pace) confirmed(size int) { p.held = max(p.held-size, 0) }
