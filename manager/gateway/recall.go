package gateway

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// recallAgain is how long a host may say nothing of a recall until it is asked
// again.
const recallAgain = 5 * time.Second

// recall is what the host's keeper is asked for, if anything.
type recall struct {
	fabric.Recall
	open  bool      // it is not yet answered
	next  int       // the piece that comes next
	askAt time.Time // it is asked then, if nothing comes before
}

// Recall asks what the host's keeper knows, until that is answered. An agent of
// a version that cannot tell has answered at once, that it does not know all. A
// question that is open is not followed by another one.
func (m *Machine) Recall(r fabric.Recall) Effects {
	var e Effects
	if m.recall.open {
		return e
	}
	m.recall = recall{Recall: r, open: true}
	m.recallFromOld(&e)
	return e
}

// recallFromOld answers for an agent that cannot.
func (m *Machine) recallFromOld(e *Effects) {
	if m.recall.open && m.session != "" && m.version < pingsSince {
		m.recall.open = false
		e.Recalled = append(e.Recalled, fabric.Recalled{ID: m.recall.ID})
	}
}

// recalled takes a piece of the answer. When one was lost, the host is asked
// again, and tells all of it again.
func (m *Machine) recalled(r *fabric.Recalled, now time.Time, e *Effects) {
	q := &m.recall
	if r == nil || !q.open || r.ID != q.ID || r.Piece != 0 && r.Piece != q.next {
		return
	}
	q.next, q.askAt = r.Piece+1, now.Add(recallAgain)
	q.open = r.More
	e.Recalled = append(e.Recalled, *r)
}

// ask gives the question when it is to be asked.
func (q *recall) ask(now time.Time) *fabric.Recall {
	if !q.open || now.Before(q.askAt) {
		return nil
	}
	q.askAt = now.Add(recallAgain)
	r := q.Recall
	return &r
}
