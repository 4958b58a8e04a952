package runner

import (
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// doubt is what the store has as live on a host, and what the host has confirmed
// to have, but did not name when it connected: its result follows, or its keeper
// has lost it, as after the machine was put back to a snapshot. Neither the
// generation nor the boot tells which of the two: a picture may have as many
// claims as the manager has heard of; the keeper may not yet have told its agent
// all results, and a Hello names no more than fabric.MaxHelloEnded. So the keeper
// is asked. It names what it has claimed until the result is acknowledged, which
// is after the commit: what it does not name it does not know.
//
// It is no part of memory, so that a rebuild does not lose it. It ends with the
// session, and the next Hello is judged anew.
type doubt struct {
	attempts map[banto.AttemptID]engine.Ended // how each ends if the keeper does not know it
	until    time.Duration                    // by Clock: see untoldWait; 0: the keeper is asked
}

// untoldWait is how long a keeper that cannot be asked may take to tell the
// results of what its agent did not name. Nothing says that it has told all: a
// result waits until its output is here.
const untoldWait = 10 * time.Minute

// asked says whether the keeper of a host that has connected can be asked what it
// knows: it can be since there is a dead-man's limit.
func (in hostUpIn) asked() bool { return in.Hello.DeadMan }

// doubt notes what the host has not named, and asks its keeper.
func (in hostUpIn) doubt(b *batch, before banto.Host, attempts []banto.AttemptID) {
	delete(b.r.doubts, in.ID)
	if len(attempts) == 0 {
		return
	}
	d := &doubt{attempts: make(map[banto.AttemptID]engine.Ended, len(attempts))}
	since := b.now
	for _, a := range attempts {
		d.attempts[a] = in.forgotten(a, before)
		if made := b.mem.live[a].created; made.Before(since) {
			since = made
		}
	}
	b.r.doubts[in.ID] = d
	if in.asked() {
		b.after(func() { b.r.opt.Hosts.RecallFrom(in.ID, since.Add(-recallMargin)) })
		return
	}
	d.until = b.r.opt.Clock() + untoldWait
	b.mem.timers.set(timerKey{host: in.ID}, b.now.Add(untoldWait))
}

// judge takes what the keeper knows. Whatever the question was, what came in this
// session was found after the doubt.
func (in recalledIn) judge(b *batch) {
	d := b.r.doubts[in.host]
	if d == nil || d.until > 0 {
		return
	}
	for i := range in.attempts {
		delete(d.attempts, in.attempts[i].Attempt)
	}
	if in.last {
		b.forgetDoubted(in.host, d)
	}
}

// lookAgain takes the time at which a host that cannot be asked has told all.
func (b *batch) lookAgain(host banto.HostID) {
	d := b.r.doubts[host]
	if d == nil || d.until == 0 {
		return
	}
	if left := d.until - b.r.opt.Clock(); left > 0 { // the clock on the wall has jumped
		b.mem.timers.set(timerKey{host: host}, b.now.Add(left))
		return
	}
	b.forgetDoubted(host, d)
}

// forgetDoubted ends what the keeper does not know. One that is about to be
// killed gets its result from that, and a tombstone at the keeper.
func (b *batch) forgetDoubted(host banto.HostID, d *doubt) {
	for _, a := range sortedKeys(d.attempts) {
		id, t := b.mem.trackerOf(a)
		l, live := b.mem.live[a]
		_, dying := b.mem.outbox[killOrder(a)]
		if !live || t == nil || l.host != host || dying {
			continue
		}
		b.r.log.Warn("an attempt is not known to its host any more", "host", host, "attempt", a)
		b.mustStep(id, t, d.attempts[a])
	}
	b.after(func() {
		if b.r.doubts[host] == d {
			delete(b.r.doubts, host)
		}
	})
}

// doubtAgain sets, in a rebuild, the timer of a host that cannot be asked.
func (r *Runner) doubtAgain(m *memory, host banto.HostID) {
	if d := r.doubts[host]; d != nil && d.until > 0 {
		m.timers.set(timerKey{host: host}, r.now().Add(max(d.until-r.opt.Clock(), 0)))
	}
}
