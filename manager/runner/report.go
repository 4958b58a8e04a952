package runner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// confirmedIn says that a host has these orders for good.
type confirmedIn struct {
	host   banto.HostID
	orders []string
	claims int64
}

// startedIn and endedIn are one report of a host each, so that one that cannot
// be stored is refused alone.
type startedIn struct {
	host   banto.HostID
	report engine.Started
}

type endedIn struct {
	host   banto.HostID
	report engine.Ended
}

// Confirmed says that the host has these orders for good, and how many attempts
// its keeper has claimed.
func (r *Runner) Confirmed(id banto.HostID, orders []string, claims int64) {
	r.inbox.report(confirmedIn{host: id, orders: orders, claims: claims})
}

// HostStarted passes on that attempts' processes run.
func (r *Runner) HostStarted(id banto.HostID, reports []engine.Started) {
	ins := make([]fromHost, len(reports))
	for i, rep := range reports {
		ins[i] = startedIn{host: id, report: rep}
	}
	r.inbox.report(ins...)
}

// HostEnded passes results on; each is acknowledged once it is committed.
func (r *Runner) HostEnded(id banto.HostID, reports []engine.Ended) {
	ins := make([]fromHost, len(reports))
	for i, rep := range reports {
		ins[i] = endedIn{host: id, report: storableResult(rep)}
	}
	r.inbox.report(ins...)
}

// storableResult makes a result that every store keeps. Text for people is
// mended; variables are for programs, and are never changed in silence.
func storableResult(rep engine.Ended) engine.Ended {
	rep.Message = clean(rep.Message, maxMessage)
	rep.Output = clean(rep.Output, 0)
	if store.CheckText(rep.Vars) != nil {
		rep.Vars = ""
		if rep.Reason == "" {
			rep.Reason = banto.ReasonVariables
			rep.Message = "the variables hold a NUL or are not UTF-8"
		}
	}
	return rep
}

// maxMessage is how much of a host's message about an attempt is kept.
const maxMessage = 4 << 10

func (confirmedIn) droppable() bool { return true }
func (confirmedIn) refuse(error)    {}
func (startedIn) droppable() bool   { return true }
func (startedIn) refuse(error)      {}
func (endedIn) droppable() bool     { return true }
func (endedIn) refuse(error)        {}

func (in confirmedIn) from() banto.HostID { return in.host }
func (in startedIn) from() banto.HostID   { return in.host }
func (in endedIn) from() banto.HostID     { return in.host }

// step takes orders out of the outbox, but not in a transaction of its own: the
// end of a short job is about to come, and would have to wait for it.
func (in confirmedIn) step(b *batch) error {
	m := b.mem
	if !m.owes() {
		m.since = b.now
	}
	for _, id := range in.orders {
		if m.outbox[id] == in.host {
			delete(m.outbox, id)
			m.confirmed = append(m.confirmed, id)
		}
	}
	if h, known := m.hosts[in.host]; known && in.claims > h.Claims {
		h.Claims = in.claims
		m.hosts[in.host] = h
		m.claimed[in.host] = true
	}
	return nil
}

// owes says whether there is something that hosts confirmed and that the store
// does not know yet.
func (m *memory) owes() bool { return len(m.confirmed)+len(m.claimed) > 0 }

// How long confirmed orders may stay in the outbox for want of a transaction,
// and how many.
const (
	confirmedPause = 200 * time.Millisecond
	maxConfirmed   = 1024
)

// dropConfirmed takes what was confirmed out of the outbox, if there is a
// transaction anyway or it is time.
func (b *batch) dropConfirmed() {
	m := b.mem
	if !m.owes() || b.empty() && len(m.confirmed) < maxConfirmed && b.now.Before(m.since.Add(confirmedPause)) {
		return
	}
	for _, id := range m.confirmed {
		if _, anew := b.orders.get(id); !anew {
			b.orders.put(id, order{})
		}
	}
	m.confirmed = nil
	for _, id := range slices.Sorted(maps.Keys(m.claimed)) {
		if h, known := m.hosts[id]; known {
			b.putHost(h)
		}
	}
	clear(m.claimed)
}

// step passes the start on to the tracker.
func (in startedIn) step(b *batch) error {
	known, err := b.reported(in.host, in.report.Attempt)
	if !known || err != nil {
		return err
	}
	id, t := b.mem.trackerOf(in.report.Attempt)
	b.dropOrder(startOrder(in.report.Attempt))
	l, report := b.mem.live[in.report.Attempt], in.report
	report.At = straight(report.At, b.mem.hosts[in.host].ClockMS, l.created, b.now)
	b.proveLogon(accountOf(t, l.part))
	b.mustStep(id, t, report)
	return nil
}

// step passes the result on to the tracker; one that is known is only
// acknowledged.
func (in endedIn) step(b *batch) error {
	known, err := b.reported(in.host, in.report.Attempt)
	if err != nil {
		return err
	}
	id, t := b.mem.trackerOf(in.report.Attempt)
	if b.mem.isUnusable(id) {
		return nil // the host keeps it, for the day on which it can be used
	}
	if !known {
		if keep, err := b.keepsResult(in.host, in.report); keep || err != nil {
			return err
		}
	}
	b.acks.put(ackKey{in.host, in.report.Attempt}, struct{}{})
	// Also of one that was given up before: with the acknowledgement the gateway
	// forgets its orders, so that no host would confirm them any more.
	for _, order := range []string{startOrder(in.report.Attempt), killOrder(in.report.Attempt)} {
		if b.mem.outbox[order] == in.host {
			b.dropOrder(order)
		}
	}
	if !known {
		return nil
	}
	l := b.mem.live[in.report.Attempt]
	report := b.straighten(l, in.report)
	b.judgeLogon(accountOf(t, l.part), l, report)
	b.mustStep(id, t, report)
	return nil
}

// reported says whether an attempt that a host reports of is live. If not the
// report means nothing any more: the attempt has ended, is not known, or is
// another host's.
func (b *batch) reported(host banto.HostID, id banto.AttemptID) (bool, error) {
	if l, ok := b.mem.live[id]; ok {
		if l.host != host {
			b.r.stray("another host's attempt", host, id)
			return false, nil
		}
		return true, nil
	}
	tracker, t := b.mem.trackerOf(id)
	if t != nil || b.mem.isUnusable(tracker) {
		return false, nil // ended before, in this batch or an earlier one
	}
	if tracker == "" {
		b.r.stray("what is not an attempt", host, id)
		return false, nil
	}
	_, err := b.r.opt.Store.Attempt(b.ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		b.r.stray("an attempt that is not known", host, id)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the attempt %s: %w", id, err)
	}
	return false, nil
}

// stray notes what a host should not have reported of, but a malicious one not
// with each of its reports.
func (r *Runner) stray(what string, host banto.HostID, id banto.AttemptID) {
	r.strays++
	if now := r.now(); now.Sub(r.strayAt) >= strayEvery {
		r.log.Warn("a host reports of "+what, "host", host, "attempt", clean(string(id), maxHostText), "reports", r.strays)
		r.strays, r.strayAt = 0, now
	}
}

const strayEvery = time.Second
