package gateway

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// quiet is how seldom a host need say something.
type quiet struct {
	told     time.Duration // to idle hosts, by the size of the house
	tell     bool          // the open session has not been told it
	promised time.Duration // by the host's last frame, of the next one
}

// Quiet says how often a host on which nothing is under way need say something.
func (m *Machine) Quiet(every time.Duration) {
	if m.quiet.told == every {
		return
	}
	m.quiet.told = every
	m.quiet.tell = m.session != "" && m.version >= pingsSince
}

// greetQuiet tells a new session, if it is to be quieter than all are at first.
func (m *Machine) greetQuiet() {
	m.quiet.promised = fabric.BeatEvery
	m.quiet.tell = m.quiet.told > fabric.BeatEvery && m.version >= pingsSince
}

// addQuiet puts it into a frame that goes anyway.
func (m *Machine) addQuiet(d *fabric.Down) {
	if m.quiet.tell {
		d.QuietMS, m.quiet.tell = m.quiet.told.Milliseconds(), false
	}
}

// quietUntil is until when the host may be unheard before it is looked at: from
// the frame that it has promised, or from what it was told and has not answered.
func (m *Machine) quietUntil() time.Time {
	at := m.heardAt.Add(m.quiet.promised - fabric.BeatEvery + silence)
	if sent, ok := m.queue.oldest(); ok && sent.After(m.heardAt) && sent.Add(silence).Before(at) {
		at = sent.Add(silence)
	}
	return at
}

// lookQuiet tells all hosts when the house has become so much larger, or smaller,
// that they are to be heard less often, or more; g.mu is held. They become
// livelier only when an eighth more hosts would not make them quiet again: one
// host that comes and goes does not change what all are told.
func (g *Gateway) lookQuiet() {
	n := len(g.hosts)
	every := g.opt.Quiet(n)
	if every == g.quiet || every < g.quiet && g.opt.Quiet(n+n/8) >= g.quiet {
		return
	}
	g.quiet = every
	if g.opt.Beats != nil {
		g.opt.Beats(every)
	}
	for _, h := range g.hosts {
		h.post(func(m *mail) { m.quiet = every })
	}
}
