package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// MaxRestarts is how often a tracker starts again by itself (on-lost:
// rerun-jobnet) until a person reruns it.
const MaxRestarts = 3

// lost notes that an attempt's host cannot be reached, and when its keeper must
// have ended it.
func (t *Tracker) lost(in Lost) {
	a := t.attempts[in.Attempt]
	if a == nil {
		return
	}
	p := t.part(a.Part)
	later := false
	if in.DeadBy != nil && a.DeadManMS > 0 { // else its keeper lets it live on
		by := clean(*in.DeadBy)
		if later = a.DeadBy == nil || a.DeadBy.Before(by); later {
			a.DeadBy = &by
			t.emit(WakeAt{Part: p.key(), At: by})
		}
	}
	if a.State == banto.AttemptLost && !later {
		return
	}
	t.touchAttempt(a)
	if a.State != banto.AttemptLost {
		a.State = banto.AttemptLost
		t.set(p, banto.PartLost)
	}
}

// deadlines asks again for the wakes at which on-lost acts.
func (t *Tracker) deadlines() {
	for _, a := range t.Live() {
		if a.State == banto.AttemptLost && a.DeadBy != nil {
			t.emit(WakeAt{Part: a.Part, At: *a.DeadBy})
		}
	}
}

// deadline does what on-lost says of a lost part when its keeper must have ended
// the attempt.
func (t *Tracker) deadline(p *part) {
	a := t.attempts[p.row.AttemptID]
	if a == nil || a.DeadBy == nil || t.cur.now.Before(*a.DeadBy) || p.def().OnLost == "" {
		return
	}
	if a.Killing { // by a person, or because the tracker is cancelled or starts again
		t.ended(Ended{Attempt: a.ID, StartedAt: a.StartedAt, Reason: banto.ReasonKilled})
		return
	}
	words := fmt.Sprintf("its host %s was lost, and its keeper must have ended it by %s", a.Host, a.DeadBy.Format(time.RFC3339))
	if !t.onLost(p, a, words, true) {
		t.emit(Kill{Attempt: a.ID, HostID: a.HostID, Reason: banto.ReasonKilled})
		t.ended(Ended{Attempt: a.ID, StartedAt: a.StartedAt, Reason: banto.ReasonLost, Message: words + t.spent(p)})
	}
}

// diedLost says whether a result is that of a keeper that ended an attempt for
// want of contact, so that on-lost decides what comes of it. A host that was
// taken out tells the same reason of attempts, but not that they started: those
// may live.
func (t *Tracker) diedLost(p *part, a *banto.Attempt, in Ended) bool {
	return in.Reason == banto.ReasonLost && in.StartedAt != nil && a.DeadManMS > 0 &&
		!a.Killing && p.row.Forced == ""
}

// onLost runs the part, or the whole tracker, again; false if its rule or the
// number of times forbids that. away says that the host is still lost.
func (t *Tracker) onLost(p *part, a *banto.Attempt, words string, away bool) bool {
	switch rule := p.def().OnLost; {
	case t.starting:
		return false // all of it starts again anyway
	case t.stopped(p):
		return false // its designer has ended the jobnet
	case rule == jobnet.LostRerun:
		t.runElsewhere(p, a, words, away)
	case rule == jobnet.LostRerunJobnet && t.row.Restarts < MaxRestarts:
		t.startOver(p, a, words, away)
	default:
		return false
	}
	return true
}

// spent says why a tracker does not start again by itself any more.
func (t *Tracker) spent(p *part) string {
	if p.def().OnLost != jobnet.LostRerunJobnet {
		return ""
	}
	return fmt.Sprintf("; the tracker has started again by itself %d times, and does no more", t.row.Restarts)
}

// lose ends an attempt whose process is gone with its host. The order to kill it
// stays out while the host is away: a process that its keeper failed to end is
// ended when it comes back.
func (t *Tracker) lose(a *banto.Attempt, words string, away bool) {
	delete(t.attempts, a.ID)
	a.State, a.Reason, a.Message = banto.AttemptError, banto.ReasonLost, words
	a.EndedAt, a.DeadBy = new(t.cur.now), nil
	t.touchAttempt(a)
	if away {
		t.emit(Kill{Attempt: a.ID, HostID: a.HostID, Reason: banto.ReasonKilled})
	}
	t.emit(FreePlace{Attempt: a.ID, HostID: a.HostID})
}

// runElsewhere asks for a place for another attempt, which is no further try.
func (t *Tracker) runElsewhere(p *part, a *banto.Attempt, words string, away bool) {
	t.lose(a, words, away)
	again := "; run again"
	if away {
		again = "; run again when it is back"
		if target, err := t.target(p); err == nil && p.of == nil && target != "" && target != a.Host {
			again = "; run again elsewhere"
			if t.row.Places[target] == a.HostID {
				t.unchoose(target)
			}
		}
	}
	r := t.edit(p)
	r.Tries--
	t.clear(r)
	if t.ready(p); p.state() == banto.PartReady {
		r.Reason, r.Message = banto.ReasonLost, words+again
	}
}

// unchoose drops the host that was chosen for a group or labels. What is ready
// to run there chooses anew.
func (t *Tracker) unchoose(target string) {
	places := maps.Clone(t.row.Places) // rows that were given away share the old one
	delete(places, target)
	t.row.Places = places
	t.emit(Unchoose{Target: target})
	for _, q := range t.inLine() {
		if q.of == nil && q.row.Host == target && !q.def().PerPart {
			t.withdraw(q)
			t.want(q)
		}
	}
}

// startOver has the tracker start again from its start: nothing of it starts
// any more, what runs is killed, and the part stays lost until all of it has
// ended (restart).
func (t *Tracker) startOver(p *part, a *banto.Attempt, words string, away bool) {
	for _, q := range t.inLine() {
		t.withdraw(q)
	}
	t.starting = true
	t.lose(a, words, away)
	r := t.set(p, banto.PartLost)
	r.Reason, r.Message = banto.ReasonLost, words
	for _, other := range t.Live() {
		t.kill(t.part(other.Part), fmt.Sprintf("killed, as the tracker starts again from its start: %s was lost with %s", p.key(), a.Host))
	}
}

// gone says whether the part's attempt is given up, and the tracker about to
// start again for it. The row says so: that is how a restored tracker knows.
func (p *part) gone() bool {
	return p.state() == banto.PartLost && p.row.Reason == banto.ReasonLost
}

// restart takes all parts back to waiting, once nothing of the tracker is on a
// host any more. What a person held stays held, and what a person skipped is
// skipped again.
func (t *Tracker) restart() {
	if !t.starting || len(t.attempts) > 0 {
		return
	}
	t.starting = false
	t.touch()
	why := ""
	t.root.all(func(p *part) {
		if p.gone() && why == "" {
			why = string(p.key()) + ": " + p.row.Message
		}
	})
	t.row.Rerun++
	t.row.Restarts++
	if !t.row.Held {
		t.row.Message = fmt.Sprintf("started again from its start, %d of %d times: %s", t.row.Restarts, MaxRestarts, why)
	}
	for _, target := range slices.Sorted(maps.Keys(t.row.Places)) {
		t.emit(Unchoose{Target: target})
	}
	t.row.Places = nil
	for i := range t.root.parts {
		p := &t.root.parts[i]
		words, skipped := "", p.state() == banto.PartSkipped
		if skipped {
			words = p.row.Message
		}
		t.resetWhole(p, true)
		if skipped {
			r := t.edit(p)
			r.State, r.Message = banto.PartSkipped, words
		}
	}
	t.recount()
	t.recountHealed()
	t.startAll()
}
