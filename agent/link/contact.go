package link

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// Times of contact.
const (
	pingEvery = 500 * time.Millisecond // of busy times; a quiet session has a ping with each beat
	deafAfter = 6 * time.Second        // a manager that answers no ping for so long is not the active one, or cannot be reached
	overslept = 2 * time.Second        // an agent that comes so late was itself held up
	hearOut   = 3 * time.Second        // and lets the manager be heard for so long before it judges it
	maxPings  = 32
)

// pingsSince is the first version of the protocol that knows pings and recalls.
const pingsSince = 3

// pulse is what the open session knows of contact.
type pulse struct {
	last       int64 // the number of the last ping
	madeAt     time.Time
	open       []ping // not yet answered
	judgeAt    time.Time
	answered   bool // a ping of this session was
	answeredAt time.Time
	early      []fabric.Order // starts that wait for that
}

// ping is a numbered frame, and when it was handed to the connection by the
// clock of contact.
type ping struct {
	number int64
	sent   time.Duration
}

// number gives the number of a frame that goes now; zero: it needs none.
func (p *pulse) number(now time.Time) int64 {
	if now.Sub(p.madeAt) < pingEvery && !p.madeAt.After(now) || len(p.open) >= maxPings {
		return 0
	}
	p.last++
	p.madeAt = now
	if len(p.open) == 0 {
		p.judgeAt = now.Add(deafAfter)
	}
	p.open = append(p.open, ping{number: p.last})
	return p.last
}

// answer takes a pong, and gives when the frame was sent that it answers; zero
// if it is none of ours.
func (p *pulse) answer(pong int64, now time.Time) (sent time.Duration) {
	if pong > p.last {
		return 0
	}
	left := p.open[:0]
	for _, q := range p.open {
		if q.number <= pong {
			sent = max(sent, q.sent)
		} else {
			left = append(left, q)
		}
	}
	if len(left) < len(p.open) {
		p.judgeAt = now.Add(deafAfter)
	}
	p.open = left
	return sent
}

// Sent says when a numbered frame was handed to the connection, by
// internal/boottime, read before. It is told before the frame is.
func (m *Machine) Sent(u *fabric.Up, at time.Duration) {
	for i := range m.pulse.open {
		if q := &m.pulse.open[i]; u.Ping > 0 && u.Session == m.session && q.number == u.Ping {
			q.sent = at
		}
	}
}

// Contact tells the latest time at which the host is proved to have had contact
// to the active manager, by the clock of Sent; zero: never.
func (m *Machine) Contact() time.Duration { return m.contact }

// pong takes the answer to a ping: the host had contact when that was sent.
func (m *Machine) pong(number int64, now time.Time) {
	if number <= 0 || m.peer < pingsSince {
		return
	}
	sent := m.pulse.answer(number, now)
	if sent == 0 {
		return
	}
	if sent > m.contact {
		m.contact = sent
		m.orders.request.Contact = sent
	}
	m.pulse.answeredAt = now
	if m.pulse.answered {
		return
	}
	m.pulse.answered = true
	early := m.pulse.early
	m.pulse.early = nil
	for _, o := range early {
		if m.orders.open[o.ID] { // a result may have settled it meanwhile
			m.orders.drop(o.ID)
			m.order(o, now)
		}
	}
}

// tooEarly says whether a start has to wait: the keeper counts its dead-man's
// limit from the last contact, and in this session there was none yet, or a quiet
// while ago. It is dropped with the session, and comes again with the next.
func (m *Machine) tooEarly(o *fabric.Order, now time.Time) bool {
	if o.Start == nil || o.Start.Spec.DeadManMS == 0 {
		return false
	}
	if m.stir(now); m.pulse.answered {
		return false
	}
	if known, again := m.orders.wait(*o); known {
		m.confirm = append(m.confirm, o.ID)
	} else if !again {
		m.pulse.early = append(m.pulse.early, *o)
	}
	return true
}

// rest begins the contact of a session anew.
func (m *Machine) rest() {
	for _, o := range m.pulse.early {
		m.orders.drop(o.ID)
	}
	m.pulse = pulse{}
}

// judge looks whether the manager still is the one to talk to.
func (m *Machine) judge(now time.Time) {
	at := m.judgeAt()
	if at.IsZero() || now.Before(at) {
		return
	}
	if m.pulse.judgeAt = now.Add(deafAfter); now.Sub(at) >= overslept {
		m.pulse.judgeAt = now.Add(hearOut) // it may have answered meanwhile
		return
	}
	if m.welcome {
		m.leave("the manager has not answered for 6 s: it is not the active one, or cannot be reached", true)
	} else {
		m.leave("the manager does not take this agent on", false)
	}
}

// judgeAt says when the manager is to be judged, if it says nothing until then;
// zero for never.
func (m *Machine) judgeAt() time.Time {
	if m.session == "" || m.welcome && (m.peer < pingsSince || len(m.pulse.open) == 0) {
		return time.Time{}
	}
	return m.pulse.judgeAt
}

// leave asks for another endpoint; gone says that this one is of no use even if
// there is no other.
func (m *Machine) leave(why string, gone bool) { m.away = Away{Why: why, Gone: gone} }

// Away asks for another endpoint of a manager.
type Away struct {
	Why  string // empty: no
	Gone bool   // also if there is no other: the connection is to be made anew
}

// Away says, once, whether the agent should look for another manager.
func (m *Machine) Away() Away {
	a := m.away
	m.away = Away{}
	return a
}

// Managers gives, once, the endpoints of managers that were told.
func (m *Machine) Managers() []string {
	ends := m.managers
	m.managers = nil
	return ends
}

// tellManagers takes the endpoints that the manager tells; what is none that
// this version knows is left out.
func (m *Machine) tellManagers(ends []string) {
	var good []string
	for _, end := range ends {
		if fabric.CheckEndpoint(end) == nil {
			good = append(good, end)
		}
	}
	if len(good) > 0 {
		m.managers = good
	}
}
