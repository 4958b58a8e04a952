package link

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

// Times of a session.
const (
	beatEvery   = 2 * time.Second        // something is sent at least so often
	helloFirst  = 100 * time.Millisecond // until a Hello is repeated; doubled each time
	helloLast   = 2 * time.Second
	refusedWait = 10 * time.Second // until a refused agent tries again
	endedAgain  = 5 * time.Second  // a result without acknowledgement is sent again
	outputAgain = 3 * time.Second  // output without acknowledgement is sent again
)

// Machine is the agent's end of the fabric: it takes what happens, with the
// time, and says what to send to the manager and to the keeper. It does no I/O
// and reads no clock.
type Machine struct {
	about    fabric.Hello // what is always the same
	instance string
	number   int

	connected bool
	keeper    *keeper.Hello // nil while there is none

	session   string // empty: none
	welcome   bool   // the manager has answered in this session
	helloAt   time.Time
	helloWait time.Duration // zero: not yet said
	refused   time.Time     // no session before then
	sentAt    time.Time
	bye       string

	epoch       int64
	incarnation string
	left        map[string]bool // incarnations that another has followed

	orders taken
	runs   runs

	confirm []string
	started []fabric.StartedReport
}

// Note is something to log.
type Note string

// NewMachine makes the machine of an agent process. instance names the process
// and no other.
func NewMachine(instance string, about fabric.Hello) *Machine {
	return &Machine{about: about, instance: instance, left: map[string]bool{}, orders: newTaken(), runs: newRuns()}
}

// Connected says that there is a connection to the fabric, or none any more.
func (m *Machine) Connected(yes bool, now time.Time) {
	m.connected = yes
	m.open(now)
}

// KeeperGone says that the keeper cannot be reached.
func (m *Machine) KeeperGone(why string) {
	m.keeper = nil
	m.orders.forget()
	if m.session != "" {
		m.bye = why
	}
}

// Stop ends the session in words.
func (m *Machine) Stop(why string) {
	if m.session != "" {
		m.bye = why
	}
}

// open begins a new session, if there is all that it needs.
func (m *Machine) open(now time.Time) {
	m.session, m.welcome, m.bye = "", false, ""
	if !m.connected || m.keeper == nil || now.Before(m.refused) {
		return
	}
	m.number++
	m.session = fabric.NewSession(m.instance, m.number)
	m.helloWait = 0
	m.confirm, m.started = nil, nil
	m.runs.rewind()
}

// Keeper takes an event of the keeper.
func (m *Machine) Keeper(e keeper.Event, now time.Time) {
	if e.Hello != nil {
		m.keeper = e.Hello
		m.orders.forget()
		m.runs.restart(e.Hello.Running)
		m.open(now)
	}
	m.confirm = append(m.confirm, m.orders.done(e.Done)...)
	for _, s := range e.Started {
		m.runs.begin(s.Attempt)
		m.confirm = append(m.confirm, m.orders.started(s.Attempt)...)
		m.started = append(m.started, fabric.StartedReport{Attempt: s.Attempt, At: s.At})
	}
	for _, o := range e.Output {
		m.runs.grow(o.Attempt, o.Size)
	}
	for i := range e.Ended {
		m.runs.end(report(&e.Ended[i]))
		m.confirm = append(m.confirm, m.orders.ended(e.Ended[i].Attempt)...)
	}
	for _, t := range e.Cleaned {
		m.confirm = append(m.confirm, m.orders.cleaned(t)...)
	}
}

// maxMessage bounds what the keeper's message adds to a frame.
const maxMessage = 4 << 10

func report(e *keeper.Ended) fabric.EndedReport {
	r := fabric.EndedReport{
		Attempt: e.Attempt, StartedAt: e.StartedAt, At: e.At, Exit: e.Exit, Reason: e.Reason, Message: e.Message,
		Vars: e.Vars, OutputHead: e.OutputHead, OutputSize: e.OutputSize, OutputLost: e.OutputLost,
	}
	r.Message = cut(r.Message, maxMessage)
	r.Vars = cut(r.Vars, banto.MaxVarsFile)
	r.OutputHead = cut(r.OutputHead, banto.MaxOutputHead)
	return r
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xc0 == 0x80 {
		limit--
	}
	return s[:limit]
}

// Frame takes a frame of the manager.
func (m *Machine) Frame(d fabric.Down, now time.Time) Note {
	if !m.obeys(&d) || d.Session != "" && d.Session != m.session || m.session == "" {
		return ""
	}
	switch {
	case d.Refused != "":
		m.refused = now.Add(refusedWait)
		m.open(now)
		return Note("the manager refuses this agent: " + cut(d.Refused, 500))
	case d.Ask:
		if m.welcome || d.Session != "" {
			m.open(now)
		} else {
			m.helloWait = 0 // say it again at once
		}
		return ""
	case d.Session == "":
		return ""
	}
	m.welcome = true
	for _, o := range d.Orders {
		if o.Start != nil && m.stale(o.Start) {
			m.runs.end(lostClaims(o.Start.Attempt, now))
			continue
		}
		if m.orders.take(o) {
			m.confirm = append(m.confirm, o.ID)
		}
	}
	for _, id := range d.Acks {
		if m.runs.finish(id) {
			m.orders.request.Ack = append(m.orders.request.Ack, id)
		}
	}
	for _, a := range d.OutputAcks {
		m.runs.stored(a, now)
	}
	return ""
}

// stale says whether a start was meant for other claims than the keeper has,
// and the keeper does not know the attempt. It may have been started by then.
func (m *Machine) stale(o *fabric.StartOrder) bool {
	return m.keeper != nil && o.Generation != "" && o.Generation != m.keeper.Generation && m.runs.byID[o.Attempt] == nil
}

// lostClaims is the result of an attempt that must not be started any more.
func lostClaims(id banto.AttemptID, now time.Time) fabric.EndedReport {
	return fabric.EndedReport{
		Attempt: id, At: now, Reason: banto.ReasonKeeperDied,
		Message: "the records of the host's keeper were lost, or the host was copied, while it was to be started: whether it ran is not known",
	}
}

// obeys says whether the frame is of the manager that is to be obeyed: the
// highest epoch of the last incarnation.
func (m *Machine) obeys(d *fabric.Down) bool {
	if d.Incarnation != m.incarnation {
		if m.left[d.Incarnation] {
			return false
		}
		if m.incarnation != "" {
			m.left[m.incarnation] = true
			m.runs.unstore() // a restored manager may have less of the output
		}
		m.incarnation, m.epoch = d.Incarnation, d.Epoch
	}
	if d.Epoch < m.epoch {
		return false
	}
	m.epoch = d.Epoch
	return true
}

// Tick takes the time: see Wake.
func (m *Machine) Tick(now time.Time) {
	if m.session == "" {
		if !m.refused.IsZero() && !now.Before(m.refused) {
			m.refused = time.Time{}
			m.open(now)
		}
		return
	}
	if m.welcome {
		m.runs.expire(now)
	}
}

// Wake says when Tick and Next are to be called at the latest; zero for never.
func (m *Machine) Wake() time.Time {
	switch {
	case m.session == "":
		return m.refused
	case !m.welcome:
		return m.helloAt.Add(m.helloWait)
	}
	at := m.sentAt.Add(beatEvery)
	if due := m.runs.due(); !due.IsZero() && due.Before(at) {
		return due
	}
	return at
}

// Request gives what the keeper is to be asked, if anything.
func (m *Machine) Request() (keeper.Request, bool) {
	if m.keeper == nil {
		return keeper.Request{}, false
	}
	return m.orders.next()
}

// ReadOutput reads n bytes of an attempt's output. Less than that means that
// no more can be had.
type ReadOutput func(id banto.AttemptID, offset int64, n int) []byte

// Next gives the next frame to send, as long as there is one.
func (m *Machine) Next(now time.Time, read ReadOutput) (fabric.Up, bool) {
	u := fabric.Up{Session: m.session}
	if m.session == "" || !m.connected {
		return u, false
	}
	if m.bye != "" {
		u.Bye = m.bye
		m.session, m.bye = "", ""
		return u, true
	}
	if !m.welcome {
		if m.helloWait != 0 && now.Before(m.helloAt.Add(m.helloWait)) {
			return u, false
		}
		m.helloWait = min(max(2*m.helloWait, helloFirst), helloLast)
		m.helloAt = now
		u.Hello = m.hello()
		return u, true
	}
	room := fabric.FrameRoom
	u.Confirmed, m.confirm, room = fabric.Fitting(m.confirm, room, func(s *string) int { return fabric.TextSize(*s) + 1 })
	u.Started, m.started, room = fabric.Fitting(m.started, room, func(s *fabric.StartedReport) int { return len(s.Attempt) + 80 })
	u.Output, room = m.runs.output(room, now, read)
	u.Ended = m.runs.results(room, now)
	if len(u.Confirmed)+len(u.Started)+len(u.Output)+len(u.Ended) == 0 {
		if now.Before(m.sentAt.Add(beatEvery)) {
			return u, false
		}
		u.Beat = true
	}
	m.sentAt = now
	return u, true
}

func (m *Machine) hello() *fabric.Hello {
	h := m.about
	h.BootID, h.Generation = m.keeper.BootID, m.keeper.Generation
	h.Running, h.Ended = m.runs.known()
	return &h
}
