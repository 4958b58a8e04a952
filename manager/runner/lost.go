package runner

import (
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// lastContact puts right when a host that went can have had contact last: on
// the wall as it is now, and by Clock. How long ago that was is known for sure
// only if the times carry a monotonic reading; without one the host counts as
// silent, by Clock, from now on.
func (r *Runner) lastContact(at, contact time.Time) (time.Time, time.Duration) {
	clock := r.opt.Clock()
	if contact.IsZero() {
		return at, clock
	}
	ago := max(at.Sub(contact), 0)
	if monotonic(at) && monotonic(contact) {
		clock -= ago
	}
	return at.Add(-ago), clock
}

// monotonic says whether a time carries a reading of the monotonic clock.
func monotonic(t time.Time) bool { return t != t.Round(0) } //nolint:staticcheck // Equal would not see it

// silentSince notes since when a host has no contact, and gives the same on the
// wall. Before the start of this manager it may have had contact to another.
func (b *batch) silentSince(in hostDownIn) time.Time {
	b.r.silent[in.id] = max(in.silent, b.r.begun)
	if in.contact.Before(b.r.started) {
		return b.r.started
	}
	return in.contact
}

// lose makes an attempt lost whose host has had no contact since then. If its
// keeper has a dead-man's limit for it, the tracker is told when it must have
// ended; of one that is lost already only a later time counts. A start that is
// still in the outbox is sent again, and the attempt is not lost without such a
// limit; with one it must not wait for ever for a host that does not come back.
func (b *batch) lose(a banto.AttemptID, contact time.Time) {
	id, t := b.mem.trackerOf(a)
	if t == nil {
		return
	}
	l := b.mem.live[a]
	if l.deadMan == 0 {
		if l.state == banto.AttemptLost || l.state == banto.AttemptStarting && b.mem.startUnconfirmed(a) {
			return
		}
		b.mustStep(id, t, engine.Lost{Attempt: a})
		return
	}
	by := banto.DeadBy(contact, l.deadMan).UTC().Truncate(time.Microsecond)
	if l.state == banto.AttemptLost && !by.After(l.deadBy) {
		return
	}
	b.mustStep(id, t, engine.Lost{Attempt: a, DeadBy: &by})
}

// freshIn comes first after the start: the hosts of attempts that are lost may
// have had contact to the manager before this one until now.
type freshIn struct{}

func (freshIn) droppable() bool    { return false }
func (freshIn) refuse(error)       {}
func (freshIn) from() banto.HostID { return "" }

func (freshIn) step(b *batch) error {
	for _, a := range slices.Sorted(maps.Values(b.mem.overdue)) {
		b.lose(a, b.r.started)
	}
	return nil
}

// tooEarly says whether a timer has come before the keeper of the part's lost
// attempt must have ended it, although the clock on the wall says otherwise; it
// is set again then. A host that is connected has contact now.
func (b *batch) tooEarly(k timerKey) bool {
	a, lost := b.mem.overdue[partKey{k.tracker, k.part}]
	if !lost {
		return false
	}
	l := b.mem.live[a]
	if _, up := b.mem.shells[l.host]; up {
		b.lose(a, b.now)
		b.mem.timers.set(k, banto.DeadBy(b.now, l.deadMan))
		return true
	}
	since, known := b.r.silent[l.host]
	if !known {
		since = b.r.begun
	}
	left := since + banto.DeadBy(b.now, l.deadMan).Sub(b.now) - b.r.opt.Clock()
	if left <= 0 {
		return false
	}
	b.mem.timers.set(k, b.now.Add(left))
	return true
}
