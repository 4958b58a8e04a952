package link

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

// Times of a session.
const (
	helloFirst  = 100 * time.Millisecond // until a Hello is repeated; doubled each time
	helloLast   = 2 * time.Second
	refusedWait = 10 * time.Second // until a refused agent tries again
	endedAgain  = 5 * time.Second  // a result without acknowledgement is sent again
	problemLast = 15 * time.Second // the keeper repeats a problem every few seconds while it lasts
	outputAgain = 3 * time.Second  // output without acknowledgement is sent again
)

// Machine is the agent's end of the fabric: it takes what happens, with the
// time, and says what to send to the manager and to the keeper. It does no I/O
// and reads no clock.
type Machine struct {
	about    fabric.Hello // what is always the same
	instance string
	mark     func() string // says something else each time, in a copy of this process too
	number   int

	connected bool
	endpoint  string        // that it is connected to
	keeper    *keeper.Hello // nil while there is none
	claims    int64         // that the keeper has made, as far as it has told
	renewing  bool          // the keeper is asked for a new generation
	problem   string        // of the keeper
	problemAt time.Time
	news      bool // the problem has changed

	session   string // empty: none
	welcome   bool   // the manager has answered in this session
	answered  string // the last session in which it did
	refusal   string // why it refused the last one
	helloAt   time.Time
	helloWait time.Duration        // zero: not yet said
	refused   map[string]time.Time // by endpoint: no session before then
	sentAt    time.Time
	bye       string

	speak   int   // the version that our frames say; 0: the latest
	peer    int   // that of the manager that has answered
	pulse   pulse // contact in the open session
	quiet   quiet
	contact time.Duration // and the latest at all
	away    Away
	recall  recall
	asks    int // of the keeper, what it knows

	managers []string // told, and not yet handed on

	epoch       int64
	incarnation string
	left        map[string]bool // incarnations that another has followed
	moved       bool            // one of these has changed

	orders  taken
	runs    runs
	scripts scripts

	confirm []string
	started []fabric.StartedReport
}

// Note is something to log.
type Note string

// NewMachine makes the machine of an agent process. instance names the process;
// mark gives a short random word, another one each time, so that the sessions of
// a process and of a copy of it with its memory differ.
func NewMachine(instance string, mark func() string, about fabric.Hello) *Machine {
	return &Machine{about: about, instance: instance, mark: mark, left: map[string]bool{}, refused: map[string]time.Time{}, orders: newTaken(), runs: newRuns(), scripts: newScripts()}
}

// Connected says that there is a connection to the fabric, at this endpoint, or
// none any more.
func (m *Machine) Connected(yes bool, endpoint string, now time.Time) {
	m.connected, m.endpoint = yes, endpoint
	m.open(now)
}

// Welcome says whether the manager has answered in the open session, and if it
// refuses the agent, why.
func (m *Machine) Welcome() (yes bool, refusal string) {
	return m.session != "" && m.welcome, m.refusal
}

// KeeperGone says that the keeper cannot be reached.
func (m *Machine) KeeperGone(why string) {
	m.keeper, m.problem = nil, ""
	m.forget(true)
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
	m.rest()
	m.recall, m.quiet = recall{}, quiet{}
	if !m.connected || m.keeper == nil || now.Before(m.refused[m.endpoint]) {
		return
	}
	m.pulse.judgeAt = now.Add(deafAfter)
	m.number++
	m.session = fabric.NewSession(m.instance, m.mark(), m.number)
	m.helloWait = 0
	m.confirm, m.started = nil, nil
	m.runs.rewind()
	m.scripts.rewind(now)
}

// forget drops the orders that the keeper has not answered.
func (m *Machine) forget(another bool) {
	m.orders.forget(another)
	m.scripts.forget()
	m.renewing = false
}

// Keeper takes an event of the keeper.
func (m *Machine) Keeper(e keeper.Event, now time.Time) {
	if e.Hello != nil {
		m.forget(m.keeper == nil)
		m.keeper, m.claims, m.problem = e.Hello, e.Hello.Claims, ""
		m.runs.restart(e.Hello.Running)
		m.orders.request.Contact = m.contact
		m.open(now)
	}
	m.claims = max(m.claims, e.Claims)
	if e.Problem != "" {
		m.news = m.news || m.problem == ""
		m.problem, m.problemAt = cut(e.Problem, fabric.MaxProblem), now
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
	m.recalled(e.Recalled)
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
	ours := m.session != "" && d.Session == m.session
	if !m.obeys(&d) {
		if ours {
			m.leave("the manager is not the active one any more", false)
		}
		return ""
	}
	if !ours && (d.Session != "" || m.session == "") {
		return ""
	}
	if note, over := m.declined(&d, now); over {
		return note
	}
	var note Note
	if d.Renew {
		note = m.renew()
		if !m.welcome { // the session opens with the new generation
			return note
		}
	}
	m.greet(&d, now)
	m.pong(d.Pong, now)
	m.tellManagers(d.Managers)
	m.tellQuiet(d.QuietMS)
	m.ask(d.Recall)
	for _, o := range d.Orders {
		m.order(o, now)
	}
	for _, p := range d.Scripts {
		m.script(p, now)
	}
	for _, id := range d.Acks {
		if m.runs.finish(id) {
			m.orders.request.Ack = append(m.orders.request.Ack, id)
		}
	}
	for _, a := range d.OutputAcks {
		m.runs.stored(a, now)
	}
	return note
}

// declined takes a frame that does not go on with the session: a refusal, a
// request for another session, or what was not meant for this one.
func (m *Machine) declined(d *fabric.Down, now time.Time) (note Note, over bool) {
	switch {
	case d.Refused != "" && d.Version == 1 && m.speak == 0:
		m.speak = fabric.Speak(d.Version) // it reads nothing above that
		m.open(now)
		return "", true
	case d.Refused != "":
		m.refuse(now)
		m.refusal = cut(d.Refused, 500)
		m.leave("the manager refuses this agent", false)
		m.open(now)
		return Note("the manager refuses this agent: " + m.refusal), true
	case d.Ask:
		if m.welcome || d.Session != "" {
			m.open(now)
		} else {
			m.helloWait = 0 // say it again at once
		}
		return "", true
	case d.Session == "":
		return "", true
	}
	if m.speak != 0 && d.Version > 1 { // another manager than that of version 1
		m.speak = 0
		m.open(now)
		return "", true
	}
	return "", false
}

// greet notes that the manager has answered in this session.
func (m *Machine) greet(d *fabric.Down, now time.Time) {
	if !m.welcome {
		m.sentAt = time.Time{} // a beat at once, and with it the first ping
		m.pulse.judgeAt = now.Add(deafAfter)
	}
	m.welcome, m.answered, m.refusal, m.peer = true, m.session, "", d.Version
	delete(m.refused, m.endpoint)
}

// refuse notes that this endpoint has refused the agent.
func (m *Machine) refuse(now time.Time) {
	for end, until := range m.refused {
		if !now.Before(until) {
			delete(m.refused, end)
		}
	}
	m.refused[m.endpoint] = now.Add(refusedWait)
}

// order takes an order of the manager.
func (m *Machine) order(o fabric.Order, now time.Time) {
	if o.Start != nil {
		switch again, settled := m.runs.over(o.Start.Attempt); {
		case again: // the result is repeated until it is acknowledged
			return
		case settled:
			m.confirm = append(m.confirm, o.ID)
			return
		}
	}
	switch {
	case o.Start != nil && m.stale(o.Start):
		m.runs.endOwn(lostClaims(o.Start.Attempt, now))
	case m.tooEarly(&o, now):
	case o.Start != nil && o.Start.Spec.ScriptHash != "":
		m.byReference(o, now)
	case m.orders.take(o):
		m.confirm = append(m.confirm, o.ID)
	}
}

// renew asks the keeper for a new generation, once.
func (m *Machine) renew() Note {
	if m.renewing || m.keeper == nil {
		return ""
	}
	m.renewing = true
	m.orders.request.Renew = true
	return "the manager knows of jobs that this host does not, or has seen a copy of this host: the keeper begins a new generation"
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

// Tick takes the time: see Wake.
func (m *Machine) Tick(now time.Time) {
	if m.session == "" {
		if until := m.refused[m.endpoint]; !until.IsZero() && !now.Before(until) {
			delete(m.refused, m.endpoint)
			m.open(now)
		}
		return
	}
	m.judge(now)
	if m.problem != "" && now.Sub(m.problemAt) >= problemLast {
		m.problem, m.news = "", true
	}
	if m.welcome {
		m.runs.expire(now)
		for _, id := range m.scripts.expire(now) {
			m.orders.drop(id)
		}
	}
}

// Wake says when Tick and Next are to be called at the latest; zero for never.
func (m *Machine) Wake() time.Time {
	switch {
	case m.session == "":
		return m.refused[m.endpoint]
	case !m.welcome:
		return m.helloAt.Add(m.helloWait)
	}
	at := m.beatAt()
	for _, due := range []time.Time{m.runs.due(), m.scripts.due(), m.judgeAt()} {
		if !due.IsZero() && due.Before(at) {
			at = due
		}
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
	u := fabric.Up{Version: m.speak, Session: m.session}
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
		u.Hello = m.hello(now)
		return u, true
	}
	room := fabric.FrameRoom
	u.Confirmed, m.confirm, room = fabric.Fitting(m.confirm, room, func(s *string) int { return fabric.TextSize(*s) + 1 })
	u.Started, m.started, room = fabric.Fitting(m.started, room, func(s *fabric.StartedReport) int { return len(s.Attempt) + 80 })
	u.Recalled, room = m.recall.next(room)
	u.Output, room = m.runs.output(room, now, read)
	u.Ended = m.runs.results(room, now)
	u.Scripts = m.scripts.wants(now)
	if len(u.Confirmed)+len(u.Started)+len(u.Output)+len(u.Ended)+len(u.Scripts) == 0 && u.Recalled == nil {
		if now.Before(m.beatAt()) && !m.news {
			return u, false
		}
		u.Beat = true
	}
	if len(u.Confirmed) > 0 {
		u.Claims = m.claims
	}
	u.Problem, m.news = m.problem, false
	m.sentAt = now
	if m.peer >= pingsSince {
		u.Ping = m.pulse.number(now)
		m.promise(&u)
	}
	return u, true
}

func (m *Machine) hello(now time.Time) *fabric.Hello {
	h := m.about
	h.BootID, h.Generation, h.Claims, h.Shells = m.keeper.BootID, m.keeper.Generation, m.claims, m.keeper.Shells
	h.At, h.Endpoint, h.After, h.DeadMan = now, m.endpoint, m.answered, m.keeper.DeadMan
	h.Running, h.Ended = m.runs.known()
	return &h
}
