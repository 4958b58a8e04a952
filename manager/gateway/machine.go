package gateway

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// Times of a session.
const (
	silence   = 8 * time.Second  // a host that is not heard for so long is down, unless it is only slow
	stuck     = 30 * time.Second // a host that is connected and says nothing for so long is down too
	lookAgain = time.Second      // how often a silent host's connection is looked at
	overslept = 2 * time.Second  // a manager that comes so late was itself held up
	hearOut   = 3 * time.Second  // and lets hosts be heard for so long before it judges them
	redeliver = 10 * time.Second // an order without confirmation is sent again
	nagEvery  = time.Second      // how often a stranger is answered
	maxTold   = 64               // strangers that are answered in that time
	lateness  = 5 * time.Second  // frames of a session that another has followed may come for so long
)

const (
	maxInFlight = 4 << 20 // bytes of orders that wait for confirmation
	maxPast     = 32      // agent processes, and sessions, that are remembered as replaced
	// managersRoom is what the endpoints of managers take of a frame at most.
	managersRoom = fabric.MaxManagers * (fabric.MaxEndpoint*6 + 3)
)

// Connection says whether a host has a connection at all, and if not, how the
// last one ended. nil: nobody knows.
type Connection func() (open bool, why string)

// Machine is the manager's end of one host: it takes what happens, with the
// time, and says what to do. It does no I/O and reads no clock.
type Machine struct {
	epoch       int64
	incarnation string

	session    string // the open one; empty if none is
	instance   string // the agent process of the last session, and its number
	number     int
	version    int    // of the protocol, that the open session speaks
	generation string // of the claims of the open session's keeper
	after      string // what the open session said it follows
	spoke      bool   // the open session has heard our answer
	openedAt   time.Time
	heardAt    time.Time
	lookAt     time.Time       // a silent host is looked at again
	judgedFrom time.Time       // when a manager that was held up had heard its hosts out
	past       map[string]bool // agent processes that another one has replaced
	was        map[string]bool // sessions that have been open
	nagged     time.Time
	told       map[string]bool // sessions that were answered since toldAt, though they are not open
	toldAt     time.Time
	problem    string // that the host tells, and since when
	problemAt  time.Time

	known struct { // claims that the host's keeper must have
		generation string
		claims     int64
	}
	former  map[string]bool // generations that are over
	awaited bool            // a keeper was asked for a new one
	rekeyed bool            // the host has a new key since its last session: its disk may be new too

	queue   orders
	contact contact
	recall  recall

	managers     []string
	tellManagers bool
	quiet        quiet

	replies    []fabric.Down // to sessions other than the open one
	welcome    bool          // a Hello is to be answered
	renew      bool          // the open session is asked for a new generation
	renewed    bool          // it was
	acks       []banto.AttemptID
	outputAcks []fabric.OutputAck
	outputDue  bool                     // they are not to wait for another reason to speak
	ending     map[banto.AttemptID]bool // whose results came with the last frame
	scripts    pieces
}

// Effects are what a frame or the time asks the caller to do, in this order.
type Effects struct {
	Up        *fabric.Hello // a session has been opened
	Down      string        // the session is gone, and why
	Refused   string        // of another agent with this host's identity, or of this one: what is wrong with it
	Confirmed []string
	Claims    int64 // that the keeper has made so far; 0: it does not say
	Started   []fabric.StartedReport
	Output    []fabric.OutputChunk // write, then tell Stored
	Ended     []fabric.EndedReport
	Wants     []fabric.ScriptWant // answer with Script
	Fill      []fabric.Order      // for an agent that takes no scripts by reference: tell Filled
	Problem   *string             // the host's problem has changed; empty: it has none
	Recalled  []fabric.Recalled   // what the keeper knows, piece by piece; after a loss from the beginning
	Contact   time.Time           // with Down: when the host may last have learned that it has contact; zero: never
}

// NewMachine makes the machine of a host that has no session.
func NewMachine(epoch int64, incarnation string) *Machine {
	return &Machine{epoch: epoch, incarnation: incarnation, past: map[string]bool{}, was: map[string]bool{}, former: map[string]bool{}, ending: map[banto.AttemptID]bool{}, queue: newOrders()}
}

// Known takes what the store knows of the claims of the host's keeper.
func (m *Machine) Known(generation string, claims int64) {
	switch {
	case generation == m.known.generation:
		m.known.claims = max(m.known.claims, claims)
	case m.session == "":
		m.known.generation, m.known.claims = generation, claims
	}
}

// Rekeyed notes that the host was taken in again, with a new key. Its keeper is
// still asked for a generation that nobody has used, but that is no fault.
func (m *Machine) Rekeyed() { m.rekeyed = true }

// Deliver takes an order to hand over. One that is known is dropped; one that
// fits no frame is not taken, and false comes back. superseded are orders that
// this one makes void; they count as confirmed. fill says that the host's agent
// takes no script by reference: tell Filled.
func (m *Machine) Deliver(o fabric.Order) (superseded []string, taken, fill bool) {
	superseded, taken = m.queue.add(o)
	return superseded, taken, taken && byReference(&o) && m.session != "" && m.version < scriptsSince
}

// scriptsSince is the first version of the protocol that knows scripts by
// reference.
const scriptsSince = 2

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
// the piece that came last was behind the end of it. Where the result came with it
// that is told with the result's acknowledgement, which comes in a moment, or after
// the next frame: a short job costs one frame less.
func (m *Machine) Stored(attempt banto.AttemptID, size int64, gap bool) {
	if m.session != "" {
		m.outputAcks = append(m.outputAcks, fabric.OutputAck{Attempt: attempt, Size: size, Gap: gap})
		m.outputDue = m.outputDue || gap || !m.ending[attempt]
	}
}

// Script takes a piece of a script that was wanted.
func (m *Machine) Script(p fabric.ScriptPiece) {
	if m.session != "" {
		m.scripts.add(p)
	}
}

// Ask asks the host to open a session.
func (m *Machine) Ask() {
	m.replies = append(m.replies, fabric.Down{Version: fabric.Speak(0), Ask: true})
}

// Refuse answers a session that cannot be spoken with.
func (m *Machine) Refuse(session, why string, now time.Time) {
	if m.mayTell(session, now) {
		m.replies = append(m.replies, fabric.Down{Version: fabric.Speak(0), Session: session, Refused: why})
	}
}

// Leave ends the session in words: the host is no more of this manager's.
func (m *Machine) Leave(why string) {
	if m.session != "" {
		m.replies = append(m.replies, fabric.Down{Version: fabric.Speak(m.version), Session: m.session, Refused: why})
		m.session = ""
		m.reset()
	}
}

// Frame takes a frame of the host, with the time when it came.
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
	if now.After(m.heardAt) {
		m.heardAt, m.lookAt = now, time.Time{}
		m.quiet.promised = fabric.Quiet(u.QuietMS)
	}
	m.outputDue = len(m.outputAcks) > 0
	clear(m.ending)
	for i := range u.Ended {
		m.ending[u.Ended[i].Attempt] = true
	}
	e.Confirmed = append(e.Confirmed, m.queue.confirm(u.Confirmed)...)
	for i := range u.Started {
		e.Confirmed = append(e.Confirmed, m.queue.settle(u.Started[i].Attempt, false)...)
	}
	if u.Claims > m.known.claims && m.version > 1 {
		m.known.claims = u.Claims
		e.Claims = u.Claims
	}
	e.Started = u.Started
	e.Output = u.Output
	e.Ended = u.Ended
	for _, w := range u.Scripts {
		if m.queue.hashes[w.Hash] > 0 {
			e.Wants = append(e.Wants, w)
		}
	}
	if u.Hello == nil {
		m.spoke = true
		if u.Problem != m.problem && now.Sub(m.problemAt) >= nagEvery { // if not now, with the next beat
			m.problem, m.problemAt = u.Problem, now
			e.Problem = &u.Problem
		}
	}
	m.recalled(u.Recalled, now, &e)
	if u.Bye != "" {
		m.close(&e, fmt.Sprintf("%.200s", u.Bye))
	}
	return e
}

// mayNag says whether it may be said again that somebody is refused.
func (m *Machine) mayNag(now time.Time) bool {
	if now.Sub(m.nagged) < nagEvery {
		return false
	}
	m.nagged = now
	return true
}

// mayTell says whether a session that is not open may be answered: each of a
// dozen copies of a machine is to hear why it gets nothing, and a flood of
// sessions costs no flood of answers.
func (m *Machine) mayTell(session string, now time.Time) bool {
	if now.Sub(m.toldAt) >= nagEvery {
		m.toldAt, m.told = now, map[string]bool{}
	}
	if m.told[session] || len(m.told) >= maxTold {
		return false
	}
	m.told[session] = true
	return true
}

// Tick takes the time: see Wake. A host that says nothing is dead when its
// connection is gone; while the connection stands it is slow, for a while.
func (m *Machine) Tick(now time.Time, connection Connection) Effects {
	var e Effects
	if m.session == "" {
		return e
	}
	if now.Sub(m.judgeAt()) >= overslept {
		// What hosts said meanwhile may still be on its way to this manager.
		m.lookAt = now.Add(hearOut)
		m.judgedFrom = m.lookAt
		return e
	}
	if !now.Before(m.judgeAt()) {
		since := m.quietUntil()
		if m.judgedFrom.After(since) {
			since = m.judgedFrom // before that it was the manager who did not hear
		}
		if why := silent(now.Sub(m.heardAt), now.Sub(since) >= stuck-silence, connection); why != "" {
			m.close(&e, why)
			return e
		}
		m.lookAt = now.Add(lookAgain)
	}
	m.queue.expire(now.Add(-redeliver))
	return e
}

// silent says why a host that is quiet is down; empty if it is only slow.
func silent(quiet time.Duration, long bool, connection Connection) string {
	unheard := fmt.Sprintf("not heard for %d s", int(quiet/time.Second))
	if connection == nil {
		return unheard
	}
	open, why := connection()
	switch {
	case !open:
		return why + "; " + unheard
	case long:
		return "its agent is connected, but was " + unheard
	}
	return ""
}

// judgeAt is when the host is to be looked at, if it says nothing until then.
func (m *Machine) judgeAt() time.Time {
	if at := m.quietUntil(); at.After(m.lookAt) {
		return at
	}
	return m.lookAt
}

// Wake says when Tick is to be called; zero for never.
func (m *Machine) Wake() time.Time {
	if m.session == "" {
		return time.Time{}
	}
	at := m.judgeAt()
	if sent, ok := m.queue.oldest(); ok && sent.Add(redeliver).Before(at) {
		at = sent.Add(redeliver)
	}
	if c := m.contact.lookAt; !c.IsZero() && c.Before(at) {
		at = c
	}
	if p := m.scripts.wake(); !p.IsZero() && p.Before(at) {
		at = p
	}
	if p := m.queue.pace.later; !p.IsZero() && p.Before(at) {
		at = p
	}
	if m.recall.open && m.version >= pingsSince && m.recall.askAt.Before(at) {
		at = m.recall.askAt
	}
	return at
}

func (m *Machine) close(e *Effects, why string) {
	e.Down, e.Contact = why, m.contact.sentAt
	m.session = ""
	m.reset()
}

// reset forgets what was said in a session: all orders are to be sent again,
// and what is not acknowledged will be told again.
func (m *Machine) reset() {
	m.queue.rewind()
	m.contact.reset()
	m.recall.askAt, m.recall.next, m.tellManagers = time.Time{}, 0, false
	m.acks, m.outputAcks, m.outputDue, m.scripts.list, m.welcome, m.renew = nil, nil, false, nil, false, false
}

// Next gives the next frame to send, as long as there is one.
func (m *Machine) Next(now time.Time) (fabric.Down, bool) {
	if len(m.replies) > 0 {
		d := m.replies[0]
		m.replies = m.replies[1:]
		d.Epoch, d.Incarnation = m.epoch, m.incarnation
		return d, true
	}
	d := fabric.Down{Version: fabric.Speak(m.version), Epoch: m.epoch, Incarnation: m.incarnation, Session: m.session}
	if m.session == "" {
		return d, false
	}
	room := fabric.FrameRoom
	if m.tellManagers {
		room -= managersRoom
	}
	d.Acks, m.acks, room = fabric.Fitting(m.acks, room, func(id *banto.AttemptID) int { return len(*id) + 3 })
	if m.outputDue || len(d.Acks) > 0 {
		d.OutputAcks, m.outputAcks, room = fabric.Fitting(m.outputAcks, room, func(a *fabric.OutputAck) int { return len(a.Attempt) + 72 })
		m.outputDue = len(m.outputAcks) > 0
	}
	d.Scripts, room = m.scripts.next(room, now)
	d.Orders = m.queue.send(room, now, m.version >= scriptsSince)
	d.Renew = m.renew
	send := m.welcome || m.renew || len(d.Acks) > 0 || len(d.OutputAcks) > 0 || len(d.Scripts) > 0 || len(d.Orders) > 0
	m.welcome, m.renew = false, false
	return d, m.nextRest(&d, send, now)
}

// nextRest adds what older versions do not know, and says whether the frame is
// to be sent. A pong goes with any frame, and after a while alone.
func (m *Machine) nextRest(d *fabric.Down, send bool, now time.Time) bool {
	if m.version < pingsSince {
		return send
	}
	if m.tellManagers {
		d.Managers, m.tellManagers, send = m.managers, false, true
	}
	if d.Recall = m.recall.ask(now); d.Recall != nil {
		send = true
	}
	due := m.contact.due(now)
	if !due && !send {
		return false
	}
	pong := m.contact.answer()
	m.addQuiet(d)
	switch {
	case pong > 0:
		d.Pong = pong
		m.contact.sent(pong, now)
		return true
	case due:
		m.contact.lookAt = now.Add(pongAgain)
	}
	return send
}
