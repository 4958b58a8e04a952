package runner

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// Observer is told how the loop does: for figures, and for those who watch the
// house from outside. Committed and Ailing are called by the loop, Refused from
// any goroutine; none of them may wait. What happened is told once it is durable.
type Observer interface {
	// Committed tells of a batch. It is the observer's only until it returns.
	Committed(c *Commit)
	// Ailing says that the store cannot be used; nil: it can again. While it
	// cannot, this is said at every try.
	Ailing(err error)
	// Refused says that a call was turned away since there are too many.
	Refused(what Refusal, of Refused)
}

// Refused is what was turned away.
type Refused struct {
	Jobnet string // that was to be submitted; empty: it was another call
	By     string // who asked
	Limit  string // in numbers; empty: none to be changed
}

// Refusal is a limit that was met.
type Refusal string

// The limits.
const (
	RefusedCalls   Refusal = "calls"   // too many calls wait
	RefusedWaiting Refusal = "waiting" // too many submissions of the jobnet, or in all, wait
	RefusedOpen    Refusal = "open"    // too many trackers of the jobnet have not ended
	RefusedRate    Refusal = "rate"    // the jobnet is submitted too fast
)

// Commit is what one batch has done.
type Commit struct {
	Inputs int
	Wrote  bool          // something was to be written
	Took   time.Duration // until it was
	Audits int

	Submitted int
	Sent      []time.Duration // of attempts whose start is sent now: since their part wanted a place
	Started   []time.Duration // of attempts that have started: since they were made, as far as the host's clock can be trusted
	First     []time.Duration // of trackers whose first attempt has started: since their submission
	Ended     []banto.AttemptState
	Trackers  []banto.TrackerState // of trackers that have ended
	Events    []Event
}

// Event is something that whoever watches the house should see.
type Event struct {
	Kind    EventKind
	Tracker banto.TrackerID
	Attempt banto.AttemptID
	Host    string // name
	Object  string // a jobnet's path, or an account
	Text    string // why, or how far
}

// EventKind says what happened.
type EventKind int

// The kinds of events.
const (
	HostLost EventKind = iota + 1
	HostBack
	HostClock   // the clock of a host that has connected is off
	HostProblem // a host takes nothing new
	HostWell    // and does again
	AttemptLost
	AttemptFound
	TrackerFailed // ended in error
	TrackerBlocked
	AccountBlocked
)

// Figures are how things stand.
type Figures struct {
	Calls, Submissions, Reports int // that wait to be taken; submissions are calls too

	Ready    int // parts that want a place
	Trackers int // that have not ended
	Blocked  int // of them
	Attempts int // that have not ended
	Lost     int // of them
	Outbox   int // orders that no host has confirmed
	Accounts int // that are blocked

	Connected, Gone, Never int // hosts: connected, or expected back just after the start; lost; not seen yet

	Turned time.Time // when the loop ended its last turn
}

// Figures tells how things stood after the last turn of the loop, and what waits
// for it now. It does not wait for the loop.
func (r *Runner) Figures() Figures {
	var f Figures
	if last := r.figures.Load(); last != nil {
		f = *last
	}
	b := r.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	f.Calls, f.Submissions, f.Reports = b.calls, b.submissions, b.reports
	return f
}

// count keeps the figures of a turn that has ended.
func (r *Runner) count() {
	m := r.mem
	if r.opt.Observer == nil || m == nil {
		return
	}
	f := &Figures{
		Ready: len(m.wanted), Trackers: len(m.trackers), Blocked: len(m.blocked), Attempts: len(m.live), Lost: m.lost,
		Outbox: len(m.outbox) + len(m.confirmed), Turned: r.now(),
		Connected: m.inState[banto.HostConnected], Gone: m.inState[banto.HostLost], Never: m.inState[banto.HostNever],
	}
	for _, a := range m.logons {
		if a.Blocked != nil {
			f.Accounts++
		}
	}
	r.figures.Store(f)
}

// ailing tells how the store is, if that is news.
func (r *Runner) ailing(err error) {
	if r.opt.Observer == nil || err == nil && !r.ailed {
		return
	}
	r.ailed = err != nil
	r.opt.Observer.Ailing(err)
}

// want notes since when a part wants a place.
func (m *memory) want(k partKey, now time.Time) {
	if _, does := m.wanted[k]; !does {
		m.wanted[k] = now.UnixMicro()
	}
}

// noteState keeps which trackers are blocked.
func (m *memory) noteState(t banto.Tracker) {
	if t.State == banto.TrackerBlocked {
		m.blocked[t.ID] = true
	} else if len(m.blocked) > 0 {
		delete(m.blocked, t.ID)
	}
}

// refused tells that a call met a limit.
func (r *Runner) refused(what Refusal, of Refused) {
	if r.opt.Observer != nil {
		r.opt.Observer.Refused(what, of)
	}
}

// refused tells it once the batch is durable: one that fails is stepped again.
func (b *batch) refused(what Refusal, of Refused) {
	b.after(func() { b.r.refused(what, of) })
}

// seen is what a batch has to tell the observer; nil when there is none.
type seen struct {
	Commit
	wanted []time.Time // when the parts whose attempts are sent wanted a place
}

// event notes something that is to be told.
func (b *batch) event(e Event) {
	if b.seen != nil {
		b.seen.Events = append(b.seen.Events, e)
	}
}

// counted notes a submission that has made a tracker.
func (b *batch) counted() {
	if b.seen != nil {
		b.seen.Submitted++
	}
}

// clockOff is how far a host's clock may be off before that is an event.
const clockOff = 2 * time.Second

// cameUp notes a host that was lost and is back, and one whose clock is off.
func (b *batch) cameUp(before banto.Host, clockMS int64) {
	if before.State == banto.HostLost {
		b.event(Event{Kind: HostBack, Host: before.Name})
	}
	if off := time.Duration(clockMS) * time.Millisecond; off.Abs() > clockOff {
		b.event(Event{Kind: HostClock, Host: before.Name, Text: off.String()})
	}
}

// sees notes what an effect means to the observer. It is called before memory
// knows of it.
func (b *batch) sees(id banto.TrackerID, e engine.Effect) {
	if b.seen == nil {
		return
	}
	switch e := e.(type) {
	case engine.SaveAttempt:
		b.seesAttempt(id, e.Attempt)
	case engine.Start:
		if at, ok := b.mem.wanted[partKey{id, e.Attempt.Part}]; ok {
			b.seen.wanted = append(b.seen.wanted, time.UnixMicro(at))
		}
	case engine.TrackerEnded:
		row := b.mem.trackers[id].Row()
		b.seen.Trackers = append(b.seen.Trackers, row.State)
		if row.State == banto.TrackerError && row.Parent == "" {
			b.event(Event{Kind: TrackerFailed, Tracker: id, Object: row.Jobnet, Text: row.Message})
		}
	case engine.SaveTracker:
		if e.Tracker.State == banto.TrackerBlocked && !b.mem.blocked[id] {
			b.event(Event{Kind: TrackerBlocked, Tracker: id, Object: e.Tracker.Jobnet, Text: e.Tracker.Message})
		}
	}
}

func (b *batch) seesAttempt(id banto.TrackerID, a banto.Attempt) {
	if a.HostID == "" {
		return // it is a tracker of its own
	}
	was, known := b.mem.live[a.ID]
	if a.StartedAt != nil && (!known || was.started.IsZero()) {
		b.seen.Started = append(b.seen.Started, max(a.StartedAt.Sub(a.CreatedAt), 0))
		if t := b.mem.trackers[id]; a.Seq == 1 && t != nil {
			b.seen.First = append(b.seen.First, max(a.StartedAt.Sub(t.Row().SubmittedAt), 0))
		}
	}
	switch {
	case a.State.Ended() && known:
		b.seen.Ended = append(b.seen.Ended, a.State)
	case a.State == banto.AttemptLost && was.state != banto.AttemptLost:
		b.event(Event{Kind: AttemptLost, Tracker: id, Attempt: a.ID, Host: a.Host})
	case a.State == banto.AttemptRunning && was.state == banto.AttemptLost:
		b.event(Event{Kind: AttemptFound, Tracker: id, Attempt: a.ID, Host: a.Host})
	}
}

// observed tells the observer of a batch that is durable.
func (r *Runner) observed(b *batch, inputs int, wrote bool, took time.Duration) {
	if b.seen == nil {
		return
	}
	c := &b.seen.Commit
	c.Inputs, c.Wrote, c.Took, c.Audits = inputs, wrote, took, len(b.audits)
	now := r.now()
	for _, at := range b.seen.wanted {
		c.Sent = append(c.Sent, max(now.Sub(at), 0))
	}
	r.opt.Observer.Committed(c)
}
