package keeper

import (
	"cmp"
	"iter"
	"slices"
	"time"
	"unique"

	"github.com/bantoops/banto"
)

// told is what is remembered of an attempt whose result was acknowledged. There
// are up to seenMax of them, so that it is kept small.
type told struct {
	id      banto.AttemptID
	part    unique.Handle[banto.PartKey]
	reason  unique.Handle[banto.Reason]
	started int64 // milliseconds since 1970; 0: not started, or not known
	ended   int64 // 0: not known
	exit    int64 // -1: none
}

// toldOf gives what is remembered of an attempt that has ended.
func toldOf(cl *claim) told {
	t := told{id: cl.ended.Attempt, part: unique.Make(cl.claimed.Part), reason: unique.Make(cl.ended.Reason), ended: cl.ended.At.UnixMilli(), exit: -1}
	if cl.ended.StartedAt != nil {
		t.started = cl.ended.StartedAt.UnixMilli()
	}
	if cl.ended.Exit != nil {
		t.exit = int64(*cl.ended.Exit)
	}
	return t
}

// memory holds the latest of them.
type memory struct {
	all  []told
	next int // the oldest, once it is full
}

// add takes one, and gives the one that is forgotten for it, if any.
func (m *memory) add(t told) (gone told) {
	if len(m.all) < seenMax {
		m.all = append(m.all, t)
		return gone
	}
	gone, m.all[m.next] = m.all[m.next], t
	m.next = (m.next + 1) % seenMax
	return gone
}

// inOrder gives a copy, oldest first.
func (m *memory) inOrder() []told { return slices.Concat(m.all[m.next:], m.all[:m.next]) }

// rowsOf writes them down.
func rowsOf(some []told) *ackedRecord {
	r := &ackedRecord{}
	parts, reasons := make(map[banto.PartKey]int), make(map[banto.Reason]int)
	for _, t := range some {
		part, reason := t.part.Value(), t.reason.Value()
		if _, ok := parts[part]; !ok {
			parts[part] = len(r.Parts)
			r.Parts = append(r.Parts, part)
		}
		if _, ok := reasons[reason]; !ok {
			reasons[reason] = len(r.Reasons)
			r.Reasons = append(r.Reasons, reason)
		}
		r.Attempts = append(r.Attempts, t.id)
		r.Rows = append(r.Rows, [5]int64{t.started, t.ended, t.exit, int64(parts[part]), int64(reasons[reason])})
	}
	return r
}

// told reads what is written of the nth. A version before wrote its ID alone.
func (r *ackedRecord) told(n int) told {
	t := told{id: r.Attempts[n], exit: -1, part: unique.Make(banto.PartKey("")), reason: unique.Make(banto.Reason(""))}
	if n >= len(r.Rows) {
		return t
	}
	row := r.Rows[n]
	t.started, t.ended, t.exit = row[0], row[1], row[2]
	if at := row[3]; at >= 0 && at < int64(len(r.Parts)) {
		t.part = unique.Make(r.Parts[at])
	}
	if at := row[4]; at >= 0 && at < int64(len(r.Reasons)) {
		t.reason = unique.Make(r.Reasons[at])
	}
	return t
}

// recallSlack is how much earlier than asked for something may have ended to be
// told: the clocks of host and manager differ a little.
const recallSlack = time.Minute

// recallMany is how many attempts a piece of an answer holds.
const recallMany = 1000

// recall answers what is known of attempts. The pieces are made as they are
// asked for, of what was known at the time of the call.
func (c *claims) recall(q Recall) iter.Seq[*Recalled] {
	since := q.Since.Add(-recallSlack).UnixMilli()
	seen := slices.DeleteFunc(c.seen.inOrder(), func(t told) bool { return t.ended > 0 && t.ended < since })
	var open []RecalledAttempt
	for id, cl := range c.byID {
		if cl.phase != phaseSeen {
			open = append(open, cl.recalled(id))
		}
	}
	slices.SortFunc(open, func(a, b RecalledAttempt) int { return cmp.Compare(a.Attempt, b.Attempt) })
	whole := c.whole > 0 && c.whole <= q.Since.UnixMilli()
	return func(yield func(*Recalled) bool) {
		for {
			piece := &Recalled{ID: q.ID, Whole: whole}
			n := min(len(open), recallMany)
			piece.Attempts, open = open[:n:n], open[n:]
			for n = min(len(seen), recallMany-n); n > 0; n-- {
				piece.Attempts, seen = append(piece.Attempts, seen[0].recalled()), seen[1:]
			}
			piece.More = len(open)+len(seen) > 0
			if !yield(piece) || !piece.More {
				return
			}
		}
	}
}

func (cl *claim) recalled(id banto.AttemptID) RecalledAttempt {
	a := RecalledAttempt{Attempt: id, Part: cl.claimed.Part, State: RecalledRunning}
	if cl.started != nil {
		at := cl.started.At
		a.StartedAt = &at
	}
	if e := cl.ended; cl.phase == phaseEnded {
		at := e.At
		a.State, a.StartedAt, a.At, a.Exit, a.Reason = RecalledEnded, e.StartedAt, &at, e.Exit, e.Reason
	}
	return a
}

func (t told) recalled() RecalledAttempt {
	a := RecalledAttempt{Attempt: t.id, Part: t.part.Value(), State: RecalledTold, Reason: t.reason.Value(), StartedAt: moment(t.started), At: moment(t.ended)}
	if t.exit >= 0 {
		code := int(t.exit)
		a.Exit = &code
	}
	return a
}

func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	at := time.UnixMilli(ms).UTC()
	return &at
}
