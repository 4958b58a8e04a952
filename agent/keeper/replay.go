package keeper

import (
	"cmp"
	"maps"
	"slices"

	"github.com/bantoops/banto"
)

// apply changes the claims by one record: one just decided on, or one read
// from the journal. A record that makes no sense, because one before it was
// damaged, is taken for what it proves: an attempt that it names is known.
func (c *claims) apply(r record) {
	switch {
	case r.Head != nil:
		c.generation, c.machine = r.Head.Generation, r.Head.Machine
		c.total = max(c.total, r.Head.Claims)
	case r.Claim != nil:
		if c.byID[r.Claim.Attempt] == nil {
			c.open(r.Claim.Attempt, &claim{claimed: *r.Claim})
			c.total++
		}
	case r.Started != nil:
		cl := c.known(r.Started.Attempt)
		if cl.phase == phaseClaimed {
			cl.phase, cl.started = phaseRunning, r.Started
		}
	case r.Kill != nil:
		if cl := c.known(r.Kill.Attempt); cl.phase < phaseEnded {
			cl.kill = r.Kill
		}
	case r.Ended != nil:
		if cl := c.known(r.Ended.Attempt); cl.phase < phaseEnded {
			c.live--
			cl.phase, cl.ended, cl.started, cl.kill = phaseEnded, r.Ended, nil, nil
		}
	case r.Acked != nil:
		for _, id := range r.Acked.Attempts {
			c.applyAck(id)
		}
	case r.Clean != nil:
		t := c.tracker(r.Clean.Tracker)
		t.clean = r.Clean
	case r.Cleaned != nil:
		t := c.tracker(r.Cleaned.Tracker)
		t.clean, t.kept = nil, r.Cleaned.Kept
		c.dropIdle(r.Cleaned.Tracker)
	}
}

// known gives the claim of an attempt, which it makes if there is none.
func (c *claims) known(id banto.AttemptID) *claim {
	cl := c.byID[id]
	if cl == nil {
		cl = &claim{claimed: claimRecord{Attempt: id}}
		c.open(id, cl)
	}
	return cl
}

func (c *claims) open(id banto.AttemptID, cl *claim) {
	c.byID[id] = cl
	c.live++
	if tracker, _, err := id.Split(); err == nil {
		t := c.tracker(tracker)
		if t.open == nil {
			t.open = make(map[banto.AttemptID]struct{})
		}
		t.open[id] = struct{}{}
	}
}

func (c *claims) applyAck(id banto.AttemptID) {
	cl := c.byID[id]
	if cl == seenClaim {
		return
	}
	if cl != nil && cl.phase < phaseEnded {
		c.live--
	}
	c.byID[id] = seenClaim
	c.seen = append(c.seen, id)
	if len(c.seen) > seenMax {
		delete(c.byID, c.seen[0])
		c.seen[0] = ""
		c.seen = c.seen[1:]
	}
	if tracker, _, err := id.Split(); err == nil && c.trackers[tracker] != nil {
		delete(c.trackers[tracker].open, id)
		c.dropIdle(tracker)
	}
}

func (c *claims) tracker(id banto.TrackerID) *trackerUse {
	t := c.trackers[id]
	if t == nil {
		t = &trackerUse{}
		c.trackers[id] = t
	}
	return t
}

func (c *claims) dropIdle(id banto.TrackerID) {
	if t := c.trackers[id]; len(t.open) == 0 && t.clean == nil && t.kept == nil {
		delete(c.trackers, id)
	}
}

// snapshot gives the records that make the same claims again, in a fixed
// order: what a compacted journal holds.
func (c *claims) snapshot() []record {
	head := &headRecord{Format: journalFormat, Generation: c.generation, Claims: c.total, Machine: c.machine}
	out := []record{{Head: head}}
	const many = 1000
	for ids := range slices.Chunk(c.seen, many) {
		out = append(out, record{Acked: &ackedRecord{Attempts: ids}})
	}
	for _, id := range sortedKeys(c.byID) {
		cl := c.byID[id]
		switch cl.phase {
		case phaseSeen:
			continue
		case phaseEnded:
			out = append(out, record{Ended: cl.ended})
			continue
		}
		claimed := cl.claimed
		out = append(out, record{Claim: &claimed})
		head.Claims-- // it will be counted when it is read
		if cl.started != nil {
			out = append(out, record{Started: cl.started})
		}
		if cl.kill != nil {
			out = append(out, record{Kill: cl.kill})
		}
	}
	for _, id := range sortedKeys(c.trackers) {
		t := c.trackers[id]
		if t.kept != nil {
			out = append(out, record{Cleaned: &cleanedRecord{Tracker: id, Kept: t.kept}})
		}
		if t.clean != nil {
			out = append(out, record{Clean: t.clean})
		}
	}
	return out
}

// liveClaims gives what was claimed and has not ended, in a fixed order.
func (c *claims) liveClaims() []*claim {
	var out []*claim
	for _, id := range sortedKeys(c.byID) {
		if cl := c.byID[id]; cl.phase < phaseEnded {
			out = append(out, cl)
		}
	}
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
