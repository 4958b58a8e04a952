package link

import (
	"fmt"

	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/fabric"
)

// recallSince is the first version of the keeper's protocol that can be asked
// what it knows.
const recallSince = 2

// recall is a manager's question to the keeper, and the answer on its way.
type recall struct {
	id       string // of the question; empty: there is none
	asked    string // its ID at the keeper, another one each time
	piece    int    // the next to send
	attempts []fabric.RecalledAttempt
	complete bool // the keeper has told all
	whole    bool
}

// ask takes the question of the manager; one that is being answered is not asked
// again.
func (m *Machine) ask(r *fabric.Recall) {
	if r == nil || m.keeper == nil || m.recall.id == r.ID {
		return
	}
	m.recall = recall{id: r.ID}
	if m.keeper.Protocol < recallSince {
		m.recall.complete = true
		return
	}
	m.asks++
	m.recall.asked = fmt.Sprintf("%d", m.asks)
	m.orders.request.Recall = &keeper.Recall{ID: m.recall.asked, Since: r.Since}
}

// recalled takes a piece of the keeper's answer.
func (m *Machine) recalled(r *keeper.Recalled) {
	q := &m.recall
	if r == nil || q.id == "" || r.ID != q.asked || q.complete {
		return
	}
	for _, a := range r.Attempts {
		q.attempts = append(q.attempts, fabric.RecalledAttempt{
			Attempt: a.Attempt, Part: a.Part, State: string(a.State), StartedAt: a.StartedAt, At: a.At, Exit: a.Exit, Reason: a.Reason,
		})
	}
	if !r.More {
		q.complete, q.whole = true, r.Whole
	}
}

// recallRoom is what of a frame a piece may take.
const recallRoom = fabric.FrameRoom / 4

// next gives the next piece to send, if there is one, and the room that is left.
func (q *recall) next(room int) (*fabric.Recalled, int) {
	if q.id == "" || len(q.attempts) == 0 && !q.complete || room < recallRoom {
		return nil, room
	}
	list := q.attempts[:min(len(q.attempts), fabric.MaxRecalled)]
	head, _, left := fabric.Fitting(list, recallRoom-fabric.TextSize(q.id)-128, fabric.RecalledSize)
	r := &fabric.Recalled{ID: q.id, Piece: q.piece, Attempts: head}
	q.attempts = q.attempts[len(head):]
	q.piece++
	if r.More = len(q.attempts) > 0 || !q.complete; !r.More {
		r.Whole = q.whole
		*q = recall{} // asked again, it is answered anew
	}
	return r, room - recallRoom + left
}
