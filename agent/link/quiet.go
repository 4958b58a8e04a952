package link

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// freshFor is for how long an answered ping is as good as a new one to a start
// that has a dead-man's limit; a session that is not quiet has newer ones.
const freshFor = 5 * time.Second

// quiet is how often the open session has to say something.
type quiet struct {
	told     time.Duration // by the manager, for a host on which nothing is under way; zero: not
	promised time.Duration // with the last frame
}

// beat is how often something is to be said now. A host on which nothing is
// under way has nothing to lose by being found dead a little later: thousands of
// them would else talk all day to say nothing.
func (m *Machine) beat() time.Duration {
	if m.quiet.told == 0 || len(m.runs.byID) > 0 || len(m.orders.open) > 0 || m.problem != "" {
		return fabric.BeatEvery
	}
	return m.quiet.told
}

// beatAt is when something is to be said, if nothing is before. What the last
// frame has promised is kept.
func (m *Machine) beatAt() time.Time {
	if m.quiet.promised == 0 {
		return m.sentAt.Add(fabric.BeatEvery)
	}
	return m.sentAt.Add(min(m.quiet.promised, m.beat()))
}

// promise notes with a frame when the next one comes.
func (m *Machine) promise(u *fabric.Up) {
	if m.quiet.promised = m.beat(); m.quiet.promised > fabric.BeatEvery {
		u.QuietMS = m.quiet.promised.Milliseconds()
	}
}

// tellQuiet takes how quiet an idle host may be.
func (m *Machine) tellQuiet(ms int64) {
	if ms > 0 {
		m.quiet.told = fabric.Quiet(ms)
	}
}

// stir looks for contact at once if a start with a dead-man's limit comes to a
// session that was quiet: the limit would count from long ago.
func (m *Machine) stir(now time.Time) {
	if m.pulse.answered && now.Sub(m.pulse.answeredAt) > freshFor {
		m.pulse.answered = false
		m.sentAt = time.Time{}
	}
}
