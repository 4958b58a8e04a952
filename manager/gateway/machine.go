package gateway

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// Times of a session.
const (
	silence   = 8 * time.Second  // a host that is not heard for so long is down
	redeliver = 10 * time.Second // an order without confirmation is sent again
	nagEvery  = time.Second      // how often a stranger is answered
)

const (
	maxInFlight = 4 << 20 // bytes of orders that wait for confirmation
	maxPast     = 32      // agent processes that are remembered as replaced
)

// Machine is the manager's end of one host: it takes what happens, with the
// time, and says what to do. It does no I/O and reads no clock.
type Machine struct {
	epoch       int64
	incarnation string

	session  string // the open one; empty if none is
	instance string // the agent process of the last session, and its number
	number   int
	heardAt  time.Time
	past     map[string]bool // agent processes that another one has replaced
	nagged   time.Time

	queue orders

	replies    []fabric.Down // to sessions other than the open one
	welcome    bool          // a Hello is to be answered
	acks       []banto.AttemptID
	outputAcks []fabric.OutputAck
}

// Effects are what a frame or the time asks the caller to do, in this order.
type Effects struct {
	Up        *fabric.Hello // a session has been opened
	Down      string        // the session is gone, and why
	Clash     string        // another agent speaks with this host's identity
	Confirmed []string
	Started   []fabric.StartedReport
	Output    []fabric.OutputChunk // write, then tell Stored
	Ended     []fabric.EndedReport
}

// NewMachine makes the machine of a host that has no session.
func NewMachine(epoch int64, incarnation string) *Machine {
	return &Machine{epoch: epoch, incarnation: incarnation, past: map[string]bool{}, queue: newOrders()}
}

// Deliver takes an order to hand over. One that is known is dropped; one that
// fits no frame is not taken, and false comes back. superseded are orders that
// this one makes void; they count as confirmed.
func (m *Machine) Deliver(o fabric.Order) (superseded []string, taken bool) { return m.queue.add(o) }

// Acknowledge takes results that are committed: their orders are settled.
// Without a session the acknowledgement is forgotten: the host will tell the
// results again.
func (m *Machine) Acknowledge(attempts []banto.AttemptID) {
	for _, id := range attempts {
		m.queue.settle(id, true)
	}
	if m.session != "" {
		m.acks = append(m.acks, attempts...)
	}
}

// Stored takes how much output of an attempt has been written; gap says that
// the piece that came last was behind the end of it.
func (m *Machine) Stored(attempt banto.AttemptID, size int64, gap bool) {
	if m.session != "" {
		m.outputAcks = append(m.outputAcks, fabric.OutputAck{Attempt: attempt, Size: size, Gap: gap})
	}
}

// Ask asks the host to open a session.
func (m *Machine) Ask() {
	m.replies = append(m.replies, fabric.Down{Ask: true})
}

// Refuse answers a session that cannot be spoken with.
func (m *Machine) Refuse(session, why string, now time.Time) {
	if m.mayNag(now) {
		m.replies = append(m.replies, fabric.Down{Session: session, Refused: why})
	}
}

// Frame takes a frame of the host.
func (m *Machine) Frame(u fabric.Up, now time.Time) Effects {
	var e Effects
	if u.Hello != nil {
		m.hello(u, now, &e)
	}
	if u.Session != m.session || m.session == "" {
		if u.Hello == nil {
			m.stranger(u, now, &e)
		}
		return e
	}
	m.heardAt = now
	e.Confirmed = append(e.Confirmed, m.queue.confirm(u.Confirmed)...)
	for i := range u.Started {
		e.Confirmed = append(e.Confirmed, m.queue.settle(u.Started[i].Attempt, false)...)
	}
	e.Started = u.Started
	e.Output = u.Output
	e.Ended = u.Ended
	if u.Bye != "" {
		m.close(&e, fmt.Sprintf("%.200s", u.Bye))
	}
	return e
}

// hello opens a session, unless a newer one is open.
func (m *Machine) hello(u fabric.Up, now time.Time, e *Effects) {
	instance, number, _ := fabric.ParseSession(u.Session)
	switch {
	case u.Session == m.session: // the answer was lost
		m.welcome = true
		return
	case instance == m.instance && number <= m.number:
		m.stranger(u, now, e)
		return
	case instance != m.instance && m.past[instance] && m.session != "":
		m.stranger(u, now, e)
		return
	}
	if instance != m.instance && m.instance != "" {
		if len(m.past) >= maxPast {
			clear(m.past)
		}
		m.past[m.instance] = true
	}
	delete(m.past, instance)
	m.session, m.instance, m.number = u.Session, instance, number
	m.reset()
	for _, id := range u.Hello.Running {
		e.Confirmed = append(e.Confirmed, m.queue.settle(id, false)...)
	}
	m.welcome = true
	e.Up = u.Hello
}

// stranger answers a frame of a session that is not the open one.
func (m *Machine) stranger(u fabric.Up, now time.Time, e *Effects) {
	instance, number, _ := fabric.ParseSession(u.Session)
	switch {
	case m.session != "" && instance == m.instance && number <= m.number:
		// A late frame of the agent that is connected.
	case m.session != "" && m.past[instance]:
		if !m.mayNag(now) {
			return
		}
		e.Clash = "two agents use this host's identity (was the machine cloned, or is an agent running twice?); the one that connected last is obeyed"
		m.replies = append(m.replies, fabric.Down{Session: u.Session, Refused: "another agent with this host's identity has connected: was this machine cloned? Enrol it as a host of its own"})
	case m.mayNag(now):
		m.replies = append(m.replies, fabric.Down{Session: u.Session, Ask: true})
	}
}

func (m *Machine) mayNag(now time.Time) bool {
	if now.Sub(m.nagged) < nagEvery {
		return false
	}
	m.nagged = now
	return true
}

// Tick takes the time: see Wake.
func (m *Machine) Tick(now time.Time) Effects {
	var e Effects
	if m.session == "" {
		return e
	}
	if quiet := now.Sub(m.heardAt); quiet >= silence {
		m.close(&e, fmt.Sprintf("not heard for %d s", int(quiet/time.Second)))
		return e
	}
	m.queue.expire(now.Add(-redeliver))
	return e
}

// Wake says when Tick is to be called; zero for never.
func (m *Machine) Wake() time.Time {
	if m.session == "" {
		return time.Time{}
	}
	at := m.heardAt.Add(silence)
	if sent, ok := m.queue.oldest(); ok && sent.Add(redeliver).Before(at) {
		at = sent.Add(redeliver)
	}
	return at
}

func (m *Machine) close(e *Effects, why string) {
	e.Down = why
	m.session = ""
	m.reset()
}

// reset forgets what was said in a session: all orders are to be sent again,
// and what is not acknowledged will be told again.
func (m *Machine) reset() {
	m.queue.rewind()
	m.acks, m.outputAcks, m.welcome = nil, nil, false
}

// Next gives the next frame to send, as long as there is one.
func (m *Machine) Next(now time.Time) (fabric.Down, bool) {
	if len(m.replies) > 0 {
		d := m.replies[0]
		m.replies = m.replies[1:]
		d.Epoch, d.Incarnation = m.epoch, m.incarnation
		return d, true
	}
	d := fabric.Down{Epoch: m.epoch, Incarnation: m.incarnation, Session: m.session}
	if m.session == "" {
		return d, false
	}
	room := fabric.FrameRoom
	d.Acks, m.acks, room = fabric.Fitting(m.acks, room, func(id *banto.AttemptID) int { return len(*id) + 3 })
	d.OutputAcks, m.outputAcks, room = fabric.Fitting(m.outputAcks, room, func(a *fabric.OutputAck) int { return len(a.Attempt) + 72 })
	d.Orders = m.queue.send(room, now)
	send := m.welcome || len(d.Acks) > 0 || len(d.OutputAcks) > 0 || len(d.Orders) > 0
	m.welcome = false
	return d, send
}
