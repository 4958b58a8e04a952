package gateway

import (
	"strings"
	"time"

	"github.com/bantoops/banto/fabric"
)

// What is told to, and of, an agent that is not the one that is obeyed.
const (
	clashHere  = "two agents use this host's identity (was the machine copied, or is an agent running twice?); the one that connected last is obeyed: enrol the other as a host of its own"
	clashThere = "another agent with this host's identity has connected: was this machine copied? Enrol it as a host of its own"
	rolledBack = "the records of its keeper are not those that this manager knows (was the machine put back to an earlier state, or copied?): its keeper is asked to begin anew"
	begunAnew  = "its keeper began a new generation at %s, as its records were not those that this manager knew (was the machine put back to an earlier state, or copied?): no start that it was sent before runs any more"
)

// hello opens a session, unless a newer one is open.
func (m *Machine) hello(u fabric.Up, now time.Time, e *Effects) {
	if u.Session == m.session { // the answer was lost
		m.welcome = true
		return
	}
	instance, number, _ := fabric.ParseSession(u.Session)
	switch m.judge(u, instance, number, now) {
	case takeIt:
	case tooLate:
		m.stranger(u, now, e)
		return
	case another:
		m.clash(u, now, e)
		return
	}
	h := u.Hello
	if u.Version > 1 && tellsClaims(h) && m.rolledBack(h) {
		m.expect(h.Generation)
		m.replies = append(m.replies, fabric.Down{Version: fabric.Speak(u.Version), Session: u.Session, Renew: true})
		if !m.rekeyed || h.Generation == m.known.generation { // a new disk has other records, as it should
			e.Refused = rolledBack
		}
		return
	}
	m.open(u, instance, number, now)
	m.recallFromOld(e)
	for _, id := range h.Running {
		e.Confirmed = append(e.Confirmed, m.queue.settle(id, false)...)
	}
	e.Up = h
	if m.version < scriptsSince {
		e.Fill = m.queue.unfilled()
	}
}

// tellsClaims says whether the keeper counts its claims: one that tells no
// shells is of version 1 and does not.
func tellsClaims(h *fabric.Hello) bool { return h.Claims > 0 || len(h.Shells) > 0 }

// rolledBack says whether a keeper may have forgotten what it was told: it has
// fewer claims than it had, or a generation that was over, or one that nobody
// asked for and that may be of long ago. Asking for a new one once too often
// costs nothing.
func (m *Machine) rolledBack(h *fabric.Hello) bool {
	switch {
	case m.known.generation == "" || h.Generation == "":
		return false
	case m.former[h.Generation]:
		return true
	case h.Generation == m.known.generation:
		return h.Claims < m.known.claims
	}
	return !m.awaited
}

// expect notes that a keeper was asked for a generation after this one. The one
// that is known is not over before that: what was judged may have been a late
// Hello, and the keeper's next one as it should be.
func (m *Machine) expect(generation string) {
	if generation != m.known.generation {
		m.former = remember(m.former, generation)
	}
	m.awaited = true
}

// open makes a session the open one.
func (m *Machine) open(u fabric.Up, instance string, number int, now time.Time) {
	if instance != m.instance && m.instance != "" {
		m.past = remember(m.past, m.instance)
	}
	delete(m.past, instance)
	if m.session != "" {
		m.was = remember(m.was, m.session)
	}
	m.renewed, m.problem = false, ""
	m.session, m.instance, m.number = u.Session, instance, number
	m.version, m.generation, m.after, m.spoke = u.Version, u.Hello.Generation, u.Hello.After, false
	m.openedAt, m.lookAt = now, time.Time{}
	m.reset()
	m.was = remember(m.was, u.Session)
	m.awaited, m.rekeyed = false, false
	if m.known.generation != u.Hello.Generation {
		if m.known.generation != "" {
			m.former = remember(m.former, m.known.generation)
		}
		m.known.generation, m.known.claims = u.Hello.Generation, 0
	}
	m.known.claims = max(m.known.claims, u.Hello.Claims)
	m.welcome = true
	m.Managers(m.managers)
	m.greetQuiet()
}

func remember(set map[string]bool, name string) map[string]bool {
	if len(set) >= maxPast {
		clear(set)
	}
	set[name] = true
	return set
}

// judgement is what a Hello is worth.
type judgement int

const (
	takeIt  judgement = iota
	tooLate           // of a session that is over
	another           // of another agent with this host's identity
)

// judge says whether a Hello may open a session.
func (m *Machine) judge(u fabric.Up, instance string, number int, now time.Time) judgement {
	if !marked(u.Session) { // version 1
		switch {
		case instance == m.instance && number <= m.number:
			return tooLate
		case instance != m.instance && m.past[instance] && m.session != "":
			return another
		}
		return takeIt
	}
	switch {
	case m.was[u.Session] && (m.session == "" || now.Sub(m.openedAt) < lateness):
		return tooLate
	case m.session == "":
		return takeIt
	case instance != m.instance && m.past[instance]:
		return another
	case instance != m.instance:
		return takeIt
	}
	// The same process as the open session's, by its name: then this session
	// follows that one, or the process was doubled with its memory.
	after := u.Hello.After
	switch {
	case number > m.number && (after == m.session || after == m.after && !m.spoke):
		return takeIt
	case number <= m.number && now.Sub(m.openedAt) < lateness:
		return tooLate
	}
	return another
}

// marked says whether a session's name has a random mark, as since version 2.
func marked(session string) bool { return strings.Contains(session, ".") }

// clash refuses an agent while another is obeyed. If both have the same claims,
// one is a copy of the other, and what the copy was told before it was found out
// is not known: the one that is obeyed begins a new generation, so that no start
// that was meant for it is ever obeyed by the copy.
func (m *Machine) clash(u fabric.Up, now time.Time, e *Effects) {
	if h := u.Hello; h != nil && h.Generation != "" && h.Generation == m.generation && m.version > 1 && !m.renewed {
		m.renew, m.renewed = true, true
		m.expect(m.generation)
	}
	if m.mayNag(now) {
		e.Refused = clashHere
	}
	if m.mayTell(u.Session, now) {
		m.replies = append(m.replies, fabric.Down{Version: fabric.Speak(u.Version), Session: u.Session, Refused: clashThere})
	}
}

// stranger answers a frame of a session that is not the open one.
func (m *Machine) stranger(u fabric.Up, now time.Time, e *Effects) {
	instance, number, _ := fabric.ParseSession(u.Session)
	switch {
	case m.session != "" && instance == m.instance && !marked(u.Session) && number <= m.number:
		// A late frame of the agent that is connected.
	case m.session != "" && instance == m.instance && marked(u.Session) && (m.was[u.Session] || number <= m.number):
		if now.Sub(m.openedAt) >= lateness { // too late for a late one
			m.clash(u, now, e)
		}
	case m.session != "" && m.past[instance]:
		m.clash(u, now, e)
	case m.mayTell(u.Session, now):
		m.replies = append(m.replies, fabric.Down{Version: fabric.Speak(u.Version), Session: u.Session, Ask: true})
	}
}
