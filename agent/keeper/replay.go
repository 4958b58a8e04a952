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
		c.total, c.whole, c.format = max(c.total, r.Head.Claims), r.Head.Whole, r.Head.Format
	case r.Claim != nil:
		if c.byID[r.Claim.Attempt] == nil {
			c.open(r.Claim.Attempt, &claim{claimed: *r.Claim})
			c.total++
		}
	case r.Started != nil:
		cl := c.known(r.Started.Attempt)
		if cl.phase == phaseClaimed {
			cl.phase, cl.started = phaseRunning, r.Started
			if cl.claimed.DeadManMS == 0 {
				cl.claimed.DeadManMS = r.Started.DeadManMS
				c.dead.watch(r.Started.Attempt, r.Started.DeadManMS)
			}
		}
	case r.Kill != nil:
		if cl := c.known(r.Kill.Attempt); cl.phase < phaseEnded {
			cl.kill = r.Kill
			if r.Kill.Dead != nil {
				delete(c.dead.limits, r.Kill.Attempt)
			}
		}
	case r.Ended != nil:
		if cl := c.known(r.Ended.Attempt); cl.phase < phaseEnded {
			c.close(r.Ended.Attempt)
			cl.phase, cl.ended, cl.started, cl.kill = phaseEnded, r.Ended, nil, nil
		}
	case r.Acked != nil:
		for n, id := range r.Acked.Attempts {
			c.applyAck(id, r.Acked.told(n))
		}
	case r.Clean != nil:
		t := c.tracker(r.Clean.Tracker)
		t.clean = r.Clean
	case r.Cleaned != nil:
		t := c.tracker(r.Cleaned.Tracker)
		t.clean, t.kept = nil, r.Cleaned.Kept
		c.dropIdle(r.Cleaned.Tracker)
	case r.Contact != nil:
		c.dead.noted = *r.Contact
		if c.dead.boot == "" || c.dead.boot == r.Contact.Boot {
			c.dead.at = r.Contact.At
		}
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
	c.dead.watch(id, cl.claimed.DeadManMS)
	if tracker, _, err := id.Split(); err == nil {
		t := c.tracker(tracker)
		if t.open == nil {
			t.open = make(map[banto.AttemptID]struct{})
		}
		t.open[id] = struct{}{}
	}
}

// close says that an attempt is live no more.
func (c *claims) close(id banto.AttemptID) {
	c.live--
	delete(c.dead.limits, id)
}

func (c *claims) applyAck(id banto.AttemptID, t told) {
	cl := c.byID[id]
	if cl == seenClaim {
		return
	}
	if cl != nil && cl.phase < phaseEnded {
		c.close(id)
	}
	if cl != nil && cl.phase == phaseEnded {
		t = toldOf(cl)
	}
	c.byID[id] = seenClaim
	if gone := c.seen.add(t); gone.id != "" {
		delete(c.byID, gone.id)
		c.whole = max(c.whole, gone.ended+1)
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
	head := c.head()
	if head.Format = plainFormat; c.limited() {
		head.Format = journalFormat
	}
	out := []record{{Head: &head}}
	if c.dead.noted.At > 0 {
		noted := c.dead.noted
		out = append(out, record{Contact: &noted})
	}
	const many = 1000
	for some := range slices.Chunk(c.seen.inOrder(), many) {
		out = append(out, record{Acked: rowsOf(some)})
	}
	for _, id := range sortedKeys(c.byID) {
		cl := c.byID[id]
		switch cl.phase {
		case phaseSeen:
			continue
		case phaseEnded:
			if cl.claimed.Part != "" {
				out = append(out, record{Claim: &claimRecord{Attempt: id, Part: cl.claimed.Part}})
				head.Claims--
			}
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
