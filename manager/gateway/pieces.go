package gateway

import (
	"time"

	"github.com/bantoops/banto/fabric"
)

// maxPieces is how many bytes of scripts a host is sent in a second: for those it
// only need ask. Orders have a bound of their own (maxOrders), and what else it is
// sent is little, or less than what it says itself. So a host that asks, says hello
// again and again and does not read makes the manager hold what both bounds allow
// in the ten seconds until its connection is closed, and one that reads as slowly
// as it may, fabric's maxPending.
const maxPieces = fabric.MaxScript

// pieces are pieces of scripts that a host is to be sent.
type pieces struct {
	list  []fabric.ScriptPiece
	since time.Time // of the second in which
	sent  int       // so many bytes were sent
}

// add takes one, unless it waits already or too many do.
func (q *pieces) add(p fabric.ScriptPiece) {
	for i := range q.list {
		if q.list[i].Hash == p.Hash && q.list[i].Offset == p.Offset {
			return
		}
	}
	if len(q.list) < fabric.MaxWants {
		q.list = append(q.list, p)
	}
}

// next gives those that fit a frame now, and the room that they leave.
func (q *pieces) next(room int, now time.Time) ([]fabric.ScriptPiece, int) {
	if now.Sub(q.since) >= time.Second {
		q.since, q.sent = now, 0
	}
	if len(q.list) == 0 || q.sent >= maxPieces {
		return nil, room
	}
	before := room
	var out []fabric.ScriptPiece
	out, q.list, room = fabric.Fitting(q.list, room, fabric.PieceSize)
	q.sent += before - room
	return out, room
}

// wake is when those that wait may be sent; zero: none wait for the time.
func (q *pieces) wake() time.Time {
	if len(q.list) == 0 {
		return time.Time{}
	}
	return q.since.Add(time.Second)
}
