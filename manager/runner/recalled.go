package runner

import (
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// States of an attempt that a keeper recalls.
const (
	recalledRunning = "running"
	recalledEnded   = "ended" // its result follows
	recalledTold    = "told"  // a manager had its result
)

// oldNews is how long before the backup an attempt must have ended that is none
// of the recovery's business although the store does not know it.
const oldNews = time.Minute

// maxAhead is by how much an attempt's number may be above those that the store
// has used of its tracker. Numbers that a keeper may know are not used again: a
// host that says any number must not use them up.
const maxAhead = 100_000

// recalled is an attempt as a keeper knows it, and what the store knows of it.
type recalled struct {
	fabric.RecalledAttempt
	known  bool   // the attempt has a row
	jobnet string // of its tracker; empty: the tracker is not known
}

// recall remembers what a keeper says of an attempt. Of one that the store
// does not know, the number of it must not be used again.
func (b *batch) recall(host banto.HostID, a fabric.RecalledAttempt) error {
	q := b.r.recovery
	id, seq, err := a.Attempt.Split()
	if err != nil {
		b.r.stray("what is not an attempt", host, a.Attempt)
		return nil //nolint:nilerr // it was judged
	}
	b.straightenRecalled(host, &a)
	h := q.host(host)
	item := recalled{RecalledAttempt: a}
	if old, again := h.attempts[a.Attempt]; again {
		item.known, item.jobnet = old.known, old.jobnet
		if old.known || item.Part == "" {
			item.Part = old.Part
		}
		if item.StartedAt == nil {
			item.StartedAt = old.StartedAt
		}
		h.attempts[a.Attempt] = item
		return nil
	}
	switch row, err := b.r.opt.Store.Attempt(b.ctx, a.Attempt); {
	case err == nil && row.HostID != host:
		b.r.stray("another host's attempt", host, a.Attempt)
		return nil
	case err == nil:
		if row.EndedAt != nil && row.EndedAt.Before(q.rec.Since) {
			return nil // that is how the store has it
		}
		item.known, item.Part = true, row.Part
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("cannot read the attempt %s: %w", a.Attempt, err)
	}
	tracker, known, err := b.row(id)
	if err != nil {
		return err
	}
	item.jobnet = tracker.Jobnet
	if !item.known {
		if known && seq > tracker.Attempts+maxAhead {
			b.r.stray("an attempt whose number cannot be", host, a.Attempt)
			return nil
		}
		if a.At != nil && a.At.Before(q.rec.Since.Add(-oldNews)) {
			return nil // it was forgotten before
		}
		if known {
			q.seen[id] = max(q.seen[id], seq)
		}
		if q.unknown >= maxFound {
			q.cut = true
			return nil
		}
		q.unknown++
	}
	h.attempts[a.Attempt] = item
	return nil
}

// straightenRecalled puts the times of a host right, and its texts.
func (b *batch) straightenRecalled(host banto.HostID, a *fabric.RecalledAttempt) {
	off := b.mem.hosts[host].ClockMS
	for _, at := range []**time.Time{&a.StartedAt, &a.At} {
		if *at != nil {
			*at = new(straight(**at, off, time.Time{}, b.now))
		}
	}
	a.Reason = banto.Reason(clean(string(a.Reason), maxHostText))
	a.Part = banto.PartKey(clean(string(a.Part), maxHostText))
}

// recallHello remembers what a host says when it connects: its agent may be of a
// version that cannot be asked.
func (b *batch) recallHello(s HostSession) error {
	q := b.r.recovery
	if q == nil || q.hosts == nil {
		return nil
	}
	q.vanished(s)
	for _, a := range s.Hello.Running {
		if err := b.recall(s.ID, fabric.RecalledAttempt{Attempt: a, State: recalledRunning}); err != nil {
			return err
		}
	}
	for _, a := range s.Hello.Ended {
		if err := b.recall(s.ID, fabric.RecalledAttempt{Attempt: a, State: recalledEnded}); err != nil {
			return err
		}
	}
	return nil
}

// vanished takes back what a host said to run in an earlier session and does not
// say in this one: its machine was put back, or lost its records. What became of
// it may still be told; till then nobody knows.
func (q *recovery) vanished(s HostSession) {
	h := q.hosts[s.ID]
	if h == nil {
		return
	}
	runs := make(map[banto.AttemptID]bool, len(s.Hello.Running))
	for _, a := range s.Hello.Running {
		runs[a] = true
	}
	for a, told := range h.attempts {
		if told.State == recalledRunning && !runs[a] {
			told.State, h.whole = "", false
			h.attempts[a] = told
		}
	}
}

// keepsResult says whether a result stays with its host: while a recovery waits
// for its confirmation, what the store does not know may still belong to the
// store that this one was restored from. It is remembered.
func (b *batch) keepsResult(host banto.HostID, e engine.Ended) (bool, error) {
	if !b.r.held() {
		return false, nil
	}
	err := b.recall(host, fabric.RecalledAttempt{
		Attempt: e.Attempt, State: recalledEnded, StartedAt: e.StartedAt, At: &e.At, Exit: e.Exit, Reason: e.Reason,
	})
	if err != nil {
		return false, err
	}
	_, err = b.r.opt.Store.Attempt(b.ctx, e.Attempt)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}
