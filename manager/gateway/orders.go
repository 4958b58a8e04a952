package gateway

import (
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// orders are what a host has not yet confirmed, in the order in which they
// were delivered.
type orders struct {
	list     []*pending
	byID     map[string]*pending
	attempts map[banto.AttemptID][]*pending
	cleans   map[banto.TrackerID][]*pending
	hashes   map[string]int // scripts by reference, and how many orders name them
	next     int            // the first that may be unsent
	gone     int            // how many in the list are confirmed
	inFlight int            // bytes that were sent in this session and are not confirmed
	pace     pace
}

type pending struct {
	order  fabric.Order
	filled *fabric.Order // with the script in it, for an agent that takes none by reference
	size   int
	sent   bool
	sentAt time.Time
	gone   bool
}

func newOrders() orders {
	return orders{byID: map[string]*pending{}, attempts: map[banto.AttemptID][]*pending{}, cleans: map[banto.TrackerID][]*pending{},
		hashes: map[string]int{}}
}

// byReference says whether an order names its script by hash.
func byReference(o *fabric.Order) bool { return o.Start != nil && o.Start.Spec.ScriptHash != "" }

// attempt is what an order to start or to kill is about.
func (p *pending) attempt() banto.AttemptID {
	switch {
	case p.order.Start != nil:
		return p.order.Start.Attempt
	case p.order.Kill != nil:
		return p.order.Kill.Attempt
	}
	return ""
}

// add takes an order; false if no frame can hold it. superseded are the orders
// that it makes void: a start says that the tracker runs again, and a clean-up
// that came after it would take away what it works on. A kill says that the
// start, if the host has not got it yet, must not happen any more: the attempt
// may run elsewhere by then.
func (q *orders) add(o fabric.Order) (superseded []string, taken bool) {
	if q.byID[o.ID] != nil {
		return nil, true
	}
	p := &pending{order: o, size: fabric.OrderSize(&o)}
	if p.size > fabric.FrameRoom {
		return nil, false
	}
	if o.Kill != nil {
		superseded = q.settle(o.Kill.Attempt, false)
	}
	q.byID[o.ID] = p
	q.list = append(q.list, p)
	if byReference(&o) {
		q.hashes[o.Start.Spec.ScriptHash]++
	}
	if id := p.attempt(); id != "" {
		q.attempts[id] = append(q.attempts[id], p)
	}
	if o.Clean != nil {
		q.cleans[o.Clean.Tracker] = append(q.cleans[o.Clean.Tracker], p)
	}
	if o.Start != nil {
		superseded = q.voidCleans(o.Start.Spec.Tracker)
	}
	return superseded, true
}

// voidCleans takes out the orders to clean a tracker and gives their IDs.
func (q *orders) voidCleans(t banto.TrackerID) []string {
	var ids []string
	for _, p := range q.cleans[t] {
		q.remove(p)
		ids = append(ids, p.order.ID)
	}
	delete(q.cleans, t)
	return ids
}

// settle takes out the orders about an attempt that mean nothing any more: the
// start of one that runs, and all of one that has ended. It gives their IDs.
func (q *orders) settle(id banto.AttemptID, ended bool) []string {
	about := q.attempts[id]
	if about == nil {
		return nil
	}
	var left []*pending
	var ids []string
	for _, p := range about {
		if ended || p.order.Start != nil {
			q.remove(p)
			ids = append(ids, p.order.ID)
		} else {
			left = append(left, p)
		}
	}
	if q.attempts[id] = left; len(left) == 0 {
		delete(q.attempts, id)
	}
	q.tidy()
	return ids
}

// confirm takes orders out and gives those that were there.
func (q *orders) confirm(ids []string) []string {
	known := ids[:0:0]
	for _, id := range ids {
		p := q.byID[id]
		if p == nil {
			continue
		}
		known = append(known, id)
		q.remove(p)
		if c := p.order.Clean; c != nil {
			left := slices.DeleteFunc(q.cleans[c.Tracker], func(o *pending) bool { return o == p })
			if q.cleans[c.Tracker] = left; len(left) == 0 {
				delete(q.cleans, c.Tracker)
			}
		}
		if a := p.attempt(); a != "" {
			left := slices.DeleteFunc(q.attempts[a], func(o *pending) bool { return o == p })
			if q.attempts[a] = left; len(left) == 0 {
				delete(q.attempts, a)
			}
		}
	}
	q.tidy()
	return known
}

func (q *orders) remove(p *pending) {
	if p.gone {
		return
	}
	delete(q.byID, p.order.ID)
	if byReference(&p.order) {
		hash := p.order.Start.Spec.ScriptHash
		if q.hashes[hash]--; q.hashes[hash] == 0 {
			delete(q.hashes, hash)
		}
	}
	p.gone, p.filled = true, nil
	q.gone++
	if p.sent {
		q.pace.confirmed(p.size)
	}
	q.unsend(p)
}

func (q *orders) tidy() {
	if q.gone == len(q.list) || q.gone > 256 && q.gone > len(q.list)/2 {
		q.compact()
	}
}

func (q *orders) unsend(p *pending) {
	if p.sent {
		p.sent = false
		q.inFlight -= p.size
	}
}

func (q *orders) compact() {
	kept, next := make([]*pending, 0, len(q.list)-q.gone), 0
	for i, p := range q.list {
		if p.gone {
			continue
		}
		if i < q.next {
			next++
		}
		kept = append(kept, p)
	}
	q.list, q.next, q.gone = kept, next, 0
}

// unfilled gives the orders that name a script by hash and have not got it.
func (q *orders) unfilled() []fabric.Order {
	var out []fabric.Order
	if len(q.hashes) == 0 {
		return nil
	}
	for _, p := range q.list {
		if !p.gone && p.filled == nil && byReference(&p.order) {
			out = append(out, p.order)
		}
	}
	return out
}

// Filled takes the script of an order for an agent that takes none by
// reference; false if no frame can hold both.
func (m *Machine) Filled(id string, script []byte) bool {
	q := &m.queue
	p := q.byID[id]
	if p == nil || !byReference(&p.order) {
		return true
	}
	o, start := p.order, *p.order.Start
	start.Spec.Script, start.Spec.ScriptHash = string(script), ""
	o.Start = &start
	if fabric.OrderSize(&o) > fabric.FrameRoom {
		return false
	}
	p.filled = &o
	q.next = 0
	return true
}

// Drop takes out an order that cannot be carried out.
func (m *Machine) Drop(id string) { m.queue.confirm([]string{id}) }

// send gives the next unsent orders, as many as there is room for. Without
// references an order that names its script by hash waits until it is filled.
func (q *orders) send(room int, now time.Time, references bool) []fabric.Order {
	var out []fabric.Order
	q.pace.look(now)
	for ; q.next < len(q.list); q.next++ {
		p := q.list[q.next]
		if p.gone || p.sent {
			continue
		}
		order := p.order
		if byReference(&order) {
			if p.size = fabric.OrderSize(&order); !references {
				if p.filled == nil {
					continue
				}
				order = *p.filled
				p.size = fabric.OrderSize(&order)
			}
		}
		if p.size > room || q.inFlight > 0 && q.inFlight+p.size > maxInFlight || !q.pace.take(p.size) {
			break
		}
		room -= p.size
		p.sent, p.sentAt = true, now
		q.inFlight += p.size
		out = append(out, order)
	}
	return out
}

// rewind makes all unsent.
func (q *orders) rewind() {
	for _, p := range q.list {
		q.unsend(p)
	}
	q.next = 0
}

// expire makes those unsent that were sent at that time or before.
func (q *orders) expire(before time.Time) {
	for i, p := range q.list {
		if p.gone || !p.sent {
			continue
		}
		if p.sentAt.After(before) {
			continue
		}
		q.unsend(p)
		q.next = min(q.next, i)
	}
}

// oldest gives the time of the first that was sent and is not confirmed.
// Orders are sent in the order of the list, but for those that expired, so the
// first that was sent is close enough.
func (q *orders) oldest() (time.Time, bool) {
	if q.inFlight == 0 {
		return time.Time{}, false
	}
	for _, p := range q.list {
		if p.sent {
			return p.sentAt, true
		}
	}
	return time.Time{}, false
}
