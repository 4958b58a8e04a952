package runner

import (
	"time"

	"github.com/bantoops/banto/job/engine"
)

// Two clocks
//
// Times in records, schedules of retries and DeadBy are on the wall, by Now,
// which people and other systems set. What must never happen early is measured
// by Clock as well, which nobody can set and which goes on in a suspend: on-lost
// acts when both say so (tooEarly), since what it starts may run beside a process
// that lives. So a wall clock that jumps
//
//   - forward makes timers come early; that of a lost attempt is set again until
//     the time has really passed. Retries come early by the jump, which hurts
//     nobody.
//   - backward makes timers come late, those of lost attempts too, by the jump at
//     most: a time in a record is kept as it was said. Nothing comes early.
//
// By Clock a host is silent since the gateway last told it of contact, if the
// times that say so carry a reading of the monotonic clock, and else since its
// loss was noticed; never since before this manager began, as the one before it
// may have had contact until then. Suspends only make that later.

// rightClock is how far a host's clock may be from ours and count as right.
const rightClock = time.Second

// notedClock gives what is noted of how far a host's clock is ahead.
func notedClock(ms int64) int64 {
	if limit := rightClock.Milliseconds(); ms <= limit && ms >= -limit {
		return 0
	}
	return ms
}

// straight moves a time that a host told by how far its clock is off, and keeps
// it between two of ours. A time that it did not tell stays so.
func straight(at time.Time, clockMS int64, from, to time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	at = at.Add(-time.Duration(clockMS) * time.Millisecond)
	switch {
	case at.After(to):
		at = to
	case at.Before(from):
		at = from
	}
	return at
}

// straighten puts the times of a result right. No attempt begins before it was
// made, ends before it began, or later than now.
func (b *batch) straighten(l live, e engine.Ended) engine.Ended {
	off, from := b.mem.hosts[l.host].ClockMS, l.created
	if e.StartedAt != nil {
		began := straight(*e.StartedAt, off, from, b.now)
		if !l.started.IsZero() { // it is on record, and a clock that was set meanwhile moves it no more
			began = l.started
		}
		e.StartedAt, from = &began, began
	}
	e.At = straight(e.At, off, from, b.now)
	return e
}
