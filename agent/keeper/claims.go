package keeper

import (
	"cmp"
	"slices"
	"time"

	"github.com/bantoops/banto"
)

// Claims are the pure part of the keeper: which attempts it was ever asked
// to start, and what is to be done about a request. A step changes the claims
// through records alone and names effects; the caller makes the records
// durable first and carries the effects out after that.
//
//	            start                 process made
//	(unknown) ─────────▶ claimed ───────────────────▶ running
//	    │                   │                            │
//	    │ kill: tombstone   │ could not start, killed    │ end
//	    ▼                   ▼                            ▼
//	  ended ◀───────────────┴────────────────────────────┘
//	    │ ack
//	    ▼
//	  seen ──▶ forgotten, when seenMax others were seen after it
//
// Only the way from unknown to claimed launches, so an attempt is launched
// once at most for as long as it is remembered. Forgetting is safe: the
// manager takes an attempt's order out of its outbox in the commit that the
// acknowledgement follows, so that nobody sends that start any more, and
// seenMax is far beyond what can still be under way.
type claims struct {
	generation string
	byID       map[banto.AttemptID]*claim
	seen       memory // of acknowledged attempts; byID has them too
	dead       deadMen
	whole      int64 // since when nothing was forgotten, in milliseconds since 1970; 0: not known
	format     int   // of the journal
	trackers   map[banto.TrackerID]*trackerUse
	live       int     // claimed or running
	total      int64   // ever claimed, under this generation and those before
	machine    machine // that the claims were made on, as far as it is known
}

// seenMax is how many acknowledged attempts are remembered.
const seenMax = 100_000

// killedEarly says why there is no process to a result.
const killedEarly = "killed before it was started"

type phase uint8

const (
	phaseClaimed phase = iota
	phaseRunning
	phaseEnded
	phaseSeen
)

type claim struct {
	phase   phase
	claimed claimRecord
	started *startedRecord
	kill    *Kill
	ended   *Ended
}

// seenClaim stands for every acknowledged attempt: nothing else of it is kept.
var seenClaim = &claim{phase: phaseSeen}

// trackerUse is what is known of a tracker that has open attempts, waits to
// be cleaned, or has a kept work directory.
type trackerUse struct {
	open  map[banto.AttemptID]struct{} // not acknowledged
	clean *cleanRecord
	kept  *time.Time
}

func newClaims(generation string) *claims {
	return &claims{
		generation: generation,
		byID:       make(map[banto.AttemptID]*claim),
		trackers:   make(map[banto.TrackerID]*trackerUse),
	}
}

// effects are what is to be done once the records of the same step are
// durable, in the order of the fields. Kills need not wait for that.
type effects struct {
	records []record
	sync    bool // the records must be on disk before the rest
	greet   bool // every agent is to be told Hello again

	kill     []Kill
	withdraw []Kill // of attempts that are not yet launched, and are not to be
	launch   []Start
	forget   []banto.AttemptID // what was kept for the result can go
	clean    []cleanRecord
	tell     Event
}

func (c *claims) record(fx *effects, r record) {
	c.apply(r)
	fx.records = append(fx.records, r)
}

// ground is what a request meets.
type ground struct {
	clock   int64  // of the boot, in nanoseconds
	contact int64  // that its starts may count on
	boot    string // of the host, as it runs now
	noRoom  string // why nothing new can be started; "" if it can
	now     time.Time
}

// request steps what an agent asks of the claims.
func (c *claims) request(fx *effects, q *Request, g ground) {
	c.begin(fx, g.now)
	c.heard(fx, int64(q.Contact), g.clock)
	for _, s := range q.Start {
		if late := c.tooLate(s, min(g.contact, g.clock), g.clock); late != nil {
			c.refuse(fx, s, banto.ReasonLost, late.refusal(), g.now)
		} else if why := cmp.Or(s.Refused, g.noRoom); why != "" {
			c.refuse(fx, s, banto.ReasonNotStarted, why, g.now)
		} else {
			c.start(fx, s, g.boot)
		}
	}
	for _, kill := range q.Kill {
		kill.Dead = nil
		c.killAttempt(fx, kill, g.now)
	}
	c.ack(fx, q.Ack, g.now)
	for _, cl := range q.Clean {
		c.cleanTracker(fx, cl, g.now)
	}
}

// start asks to run an attempt, in this boot of the host.
func (c *claims) start(fx *effects, s Start, bootID string) {
	if _, _, err := s.Attempt.Split(); err != nil {
		return // no agent sends it: what it was told could not be passed on
	}
	switch known := c.byID[s.Attempt]; {
	case known == nil:
		c.supersedeClean(fx, s.Attempt)
		claim := claimOf(s)
		claim.BootID = bootID
		if claim.DeadManMS > 0 {
			if h := c.head(); h.Format < journalFormat {
				h.Format = journalFormat
				c.record(fx, record{Head: &h})
			}
			c.noteContact(fx, 0)
		}
		c.record(fx, record{Claim: &claim})
		fx.sync = true
		fx.launch = append(fx.launch, s)
	case known.phase == phaseRunning:
		fx.tell.Started = append(fx.tell.Started, startedOf(known.started))
	case known.phase == phaseEnded:
		fx.tell.Ended = append(fx.tell.Ended, *known.ended)
	}
}

// claimOf gives what is kept of a start.
func claimOf(s Start) claimRecord {
	return claimRecord{Attempt: s.Attempt, TimeoutMS: s.Spec.TimeoutMS, Limit: s.Spec.OutputLimit,
		WantOutput: s.Spec.WantOutput, Encoding: s.Spec.Encoding, Account: s.Spec.Account,
		Part: s.Spec.Part, DeadManMS: s.Spec.DeadManMS}
}

// refuse ends an attempt that is not known before anything is done for it; one
// that is known goes its way.
func (c *claims) refuse(fx *effects, s Start, reason banto.Reason, why string, now time.Time) {
	if _, _, err := s.Attempt.Split(); err != nil || c.byID[s.Attempt] != nil {
		c.start(fx, s, "") // which claims nothing
		return
	}
	c.end(fx, Ended{Attempt: s.Attempt, At: now, Reason: reason, Message: why})
}

// renew begins a new generation: claims may have been lost.
func (c *claims) renew(fx *effects, generation string, now time.Time) {
	h := c.head()
	h.Generation, h.Whole = generation, now.UnixMilli()
	c.record(fx, record{Head: &h})
	fx.sync, fx.greet = true, true
}

// begin says, when it is not known, since when nothing was forgotten: a new
// generation, or the records of a version that did not say it.
func (c *claims) begin(fx *effects, now time.Time) {
	if c.whole == 0 {
		h := c.head()
		h.Whole = now.UnixMilli()
		c.record(fx, record{Head: &h})
	}
}

// head gives the head of a journal as it is now.
func (c *claims) head() headRecord {
	return headRecord{Format: max(c.format, plainFormat), Whole: c.whole, Generation: c.generation, Claims: c.total, Machine: c.machine}
}

// supersedeClean drops a cleaning that a new attempt of its tracker overtook.
func (c *claims) supersedeClean(fx *effects, id banto.AttemptID) {
	tracker, _, err := id.Split()
	if err != nil {
		return
	}
	if t := c.trackers[tracker]; t != nil && (t.clean != nil || t.kept != nil) {
		if t.clean != nil {
			fx.tell.Cleaned = append(fx.tell.Cleaned, tracker)
		}
		c.record(fx, record{Cleaned: &cleanedRecord{Tracker: tracker}})
	}
}

// killAttempt asks to kill an attempt, started or not.
func (c *claims) killAttempt(fx *effects, k Kill, now time.Time) {
	if _, _, err := k.Attempt.Split(); err != nil {
		return
	}
	if k.Reason == "" {
		k.Reason = banto.ReasonKilled
	}
	known := c.byID[k.Attempt]
	switch {
	case known == nil:
		c.end(fx, Ended{Attempt: k.Attempt, At: now, Reason: k.Reason, Message: killedEarly})
	case known.phase == phaseEnded:
		fx.tell.Ended = append(fx.tell.Ended, *known.ended)
	case known.phase == phaseSeen || known.kill != nil:
	default:
		c.order(fx, known, k)
	}
}

// order has a live attempt killed, or withdrawn before it is launched.
func (c *claims) order(fx *effects, cl *claim, k Kill) {
	c.record(fx, record{Kill: &k})
	fx.sync = true
	if cl.phase == phaseRunning {
		fx.kill = append(fx.kill, k)
	} else {
		fx.withdraw = append(fx.withdraw, k)
	}
}

// launched says that an attempt's process was made.
func (c *claims) launched(fx *effects, s startedRecord) {
	known := c.byID[s.Attempt]
	if known == nil || known.phase != phaseClaimed {
		return
	}
	c.record(fx, record{Started: &s})
	fx.tell.Started = append(fx.tell.Started, startedOf(&s))
	if known.kill != nil {
		fx.kill = append(fx.kill, *known.kill)
	}
}

// end gives an attempt its result, or one that was never claimed a tombstone.
func (c *claims) end(fx *effects, e Ended) {
	if known := c.byID[e.Attempt]; known != nil && known.phase >= phaseEnded {
		return
	}
	c.record(fx, record{Ended: &e})
	fx.sync = true
	fx.tell.Ended = append(fx.tell.Ended, e)
}

// ack says that results are committed.
func (c *claims) ack(fx *effects, ids []banto.AttemptID, now time.Time) {
	var acked []banto.AttemptID
	twice := make(map[banto.AttemptID]bool, len(ids))
	for _, id := range ids {
		if known := c.byID[id]; known != nil && known.phase == phaseEnded && !twice[id] {
			acked = append(acked, id)
			twice[id] = true
		}
	}
	if len(acked) == 0 {
		return
	}
	c.record(fx, record{Acked: &ackedRecord{Attempts: acked, At: now}})
	fx.forget = append(fx.forget, acked...)
	for _, id := range acked {
		tracker, _, _ := id.Split()
		c.cleanIfDone(fx, tracker)
	}
}

// cleanTracker says that a tracker has ended. It is cleaned as soon as the
// results of all its attempts are acknowledged.
func (c *claims) cleanTracker(fx *effects, cl Clean, now time.Time) {
	if !cl.Tracker.Valid() {
		return
	}
	c.record(fx, record{Clean: &cleanRecord{Tracker: cl.Tracker, Keep: cl.Keep, At: now}})
	fx.sync = true
	c.cleanIfDone(fx, cl.Tracker)
}

func (c *claims) cleanIfDone(fx *effects, tracker banto.TrackerID) {
	if t := c.trackers[tracker]; t != nil && t.clean != nil && len(t.open) == 0 {
		fx.clean = append(fx.clean, *t.clean)
	}
}

// cleaned says that the effect of cleaning was carried out.
func (c *claims) cleaned(fx *effects, cl cleanRecord) {
	t := c.trackers[cl.Tracker]
	if t == nil || t.clean == nil {
		return // a new attempt overtook it
	}
	done := &cleanedRecord{Tracker: cl.Tracker}
	if cl.Keep {
		done.Kept = &cl.At
	}
	c.record(fx, record{Cleaned: done})
	fx.tell.Cleaned = append(fx.tell.Cleaned, cl.Tracker)
}

// sweep cleans the trackers whose work directories were kept since before a
// time.
func (c *claims) sweep(fx *effects, before time.Time) {
	for _, tracker := range sortedKeys(c.trackers) {
		t := c.trackers[tracker]
		if t.kept != nil && t.kept.Before(before) && t.clean == nil {
			cl := cleanRecord{Tracker: tracker, At: *t.kept}
			c.record(fx, record{Clean: &cl})
			c.cleanIfDone(fx, tracker)
		}
	}
}

// hello gives what a new connection is told: what runs, and every result that
// was not acknowledged.
func (c *claims) hello() Event {
	e := Event{Hello: &Hello{Generation: c.generation, Claims: c.total}}
	for id, cl := range c.byID {
		switch cl.phase {
		case phaseClaimed, phaseRunning:
			e.Hello.Running = append(e.Hello.Running, id)
		case phaseEnded:
			e.Ended = append(e.Ended, *cl.ended)
		}
	}
	slices.Sort(e.Hello.Running)
	slices.SortFunc(e.Ended, func(a, b Ended) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Attempt, b.Attempt)) })
	return e
}

// limited says that a live attempt has a dead-man's limit.
func (c *claims) limited() bool {
	return slices.ContainsFunc(c.liveClaims(), func(cl *claim) bool { return cl.claimed.DeadManMS > 0 })
}

// settle leaves out what a later input of the same step made stale.
func (c *claims) settle(fx *effects) {
	fx.tell.Started = slices.DeleteFunc(fx.tell.Started, func(s Started) bool {
		known := c.byID[s.Attempt]
		return known == nil || known.phase != phaseRunning
	})
	twice := make(map[banto.TrackerID]bool, len(fx.clean))
	fx.clean = slices.DeleteFunc(fx.clean, func(cl cleanRecord) bool {
		t := c.trackers[cl.Tracker]
		stale := t == nil || t.clean == nil || len(t.open) > 0 || twice[cl.Tracker]
		twice[cl.Tracker] = true
		return stale
	})
}

func startedOf(s *startedRecord) Started {
	return Started{Attempt: s.Attempt, PID: s.PID, At: s.At}
}
