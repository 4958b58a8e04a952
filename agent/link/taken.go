package link

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

// remembered is how many confirmed orders are remembered, so that one that
// comes again is confirmed again without asking the keeper.
const remembered = 8192

// taken are the orders that came from the manager, on their way to the keeper.
type taken struct {
	request keeper.Request // what the keeper is asked next
	ids     []string       // the starts and kills in it
	seq     uint64         // of the last request on this connection
	asked   []asked        // requests that the keeper has not yet answered

	open   map[string]bool // orders that are not confirmed
	starts map[banto.AttemptID]string
	kills  map[banto.AttemptID][]string
	cleans map[banto.TrackerID][]string

	known map[string]bool // the last confirmed ones
	ring  []string
	at    int
}

type asked struct {
	seq uint64
	ids []string
}

func newTaken() taken {
	return taken{
		open: map[string]bool{}, known: map[string]bool{}, starts: map[banto.AttemptID]string{},
		kills: map[banto.AttemptID][]string{}, cleans: map[banto.TrackerID][]string{},
	}
}

// take takes an order; true if it was confirmed before and is to be confirmed
// again.
func (t *taken) take(o fabric.Order) bool {
	if t.known[o.ID] {
		return true
	}
	if t.open[o.ID] {
		return false
	}
	t.open[o.ID] = true
	t.hand(o)
	return false
}

// wait notes an order that cannot go to the keeper yet, because its script is
// not here. known says that it was confirmed before, again that it waits or is
// with the keeper.
func (t *taken) wait(o fabric.Order) (known, again bool) {
	known, again = t.known[o.ID], t.open[o.ID]
	if !known && !again {
		t.open[o.ID] = true
	}
	return known, again
}

// drop forgets an order that waited in vain.
func (t *taken) drop(id string) { delete(t.open, id) }

// hand puts an order into the next request.
func (t *taken) hand(o fabric.Order) {
	r := &t.request
	switch {
	case o.Start != nil:
		r.Start = append(r.Start, keeper.Start{Attempt: o.Start.Attempt, Spec: o.Start.Spec})
		t.starts[o.Start.Attempt] = o.ID
		t.ids = append(t.ids, o.ID)
	case o.Kill != nil:
		r.Kill = append(r.Kill, keeper.Kill{Attempt: o.Kill.Attempt, Reason: o.Kill.Reason})
		t.kills[o.Kill.Attempt] = append(t.kills[o.Kill.Attempt], o.ID)
		t.ids = append(t.ids, o.ID)
	case o.Clean != nil:
		r.Clean = append(r.Clean, keeper.Clean{Tracker: o.Clean.Tracker, Keep: o.Clean.Keep})
		t.cleans[o.Clean.Tracker] = append(t.cleans[o.Clean.Tracker], o.ID)
	}
}

// next gives the next request.
func (t *taken) next() (keeper.Request, bool) {
	r := t.request
	if len(r.Start)+len(r.Kill)+len(r.Ack)+len(r.Clean) == 0 && !r.Renew && r.Contact == 0 && r.Recall == nil {
		return r, false
	}
	t.seq++
	r.Seq = t.seq
	if len(t.ids) > 0 {
		t.asked = append(t.asked, asked{seq: t.seq, ids: t.ids})
	}
	t.request, t.ids = keeper.Request{}, nil
	return r, true
}

// done gives the orders of all requests up to seq.
func (t *taken) done(seq uint64) []string {
	var ids []string
	for len(t.asked) > 0 && t.asked[0].seq <= seq {
		for _, id := range t.asked[0].ids {
			if t.open[id] {
				ids = append(ids, id)
			}
		}
		t.asked = t.asked[1:]
	}
	t.remember(ids)
	return ids
}

// started gives the order to start an attempt: that it runs is an answer too.
func (t *taken) started(attempt banto.AttemptID) []string {
	id := t.starts[attempt]
	delete(t.starts, attempt)
	if !t.open[id] {
		return nil
	}
	ids := []string{id}
	t.remember(ids)
	return ids
}

// ended gives the orders to start and to kill an attempt: a result answers both.
func (t *taken) ended(attempt banto.AttemptID) []string {
	ids := t.started(attempt)
	kills := t.kills[attempt]
	if len(kills) == 0 {
		return ids
	}
	delete(t.kills, attempt)
	for _, id := range kills {
		if t.open[id] {
			ids = append(ids, id)
		}
	}
	t.remember(ids)
	return ids
}

// cleaned gives the orders to clean a tracker.
func (t *taken) cleaned(tracker banto.TrackerID) []string {
	ids := t.cleans[tracker]
	delete(t.cleans, tracker)
	t.remember(ids)
	return ids
}

func (t *taken) remember(ids []string) {
	for _, id := range ids {
		delete(t.open, id)
		if t.known[id] {
			continue
		}
		t.known[id] = true
		if len(t.ring) < remembered {
			t.ring = append(t.ring, id)
			continue
		}
		delete(t.known, t.ring[t.at])
		t.ring[t.at] = id
		t.at = (t.at + 1) % remembered
	}
}

// forget drops what the keeper has not answered: the manager will send it again.
// On another connection requests are numbered anew.
func (t *taken) forget(another bool) {
	t.request, t.ids, t.asked = keeper.Request{}, nil, nil
	if another {
		t.seq = 0
	}
	clear(t.open)
	clear(t.starts)
	clear(t.kills)
	clear(t.cleans)
}
