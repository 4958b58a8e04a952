package gateway

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// orders are what a host has not yet confirmed, in the order in which they
// were delivered.
type orders struct {
	list     []*pending
	byID     map[string]*pending
	next     int // the first that may be unsent
	gone     int // how many in the list are confirmed
	inFlight int // bytes that were sent and are not confirmed
}

type pending struct {
	order  fabric.Order
	size   int
	sent   bool
	sentAt time.Time
	gone   bool
}

func newOrders() orders { return orders{byID: map[string]*pending{}} }

// add takes an order; false if no frame can hold it.
func (q *orders) add(o fabric.Order) bool {
	if q.byID[o.ID] != nil {
		return true
	}
	p := &pending{order: o, size: fabric.OrderSize(&o)}
	if p.size > frameRoom {
		return false
	}
	q.byID[o.ID] = p
	q.list = append(q.list, p)
	return true
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
		delete(q.byID, id)
		p.gone = true
		q.gone++
		q.unsend(p)
	}
	if q.gone == len(q.list) || q.gone > 256 && q.gone > len(q.list)/2 {
		q.compact()
	}
	return known
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

// send gives the next unsent orders, as many as there is room for.
func (q *orders) send(room int, now time.Time) []fabric.Order {
	var out []fabric.Order
	for ; q.next < len(q.list); q.next++ {
		p := q.list[q.next]
		if p.gone || p.sent {
			continue
		}
		if p.size > room || q.inFlight > 0 && q.inFlight+p.size > maxInFlight {
			break
		}
		room -= p.size
		p.sent, p.sentAt = true, now
		q.inFlight += p.size
		out = append(out, p.order)
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
