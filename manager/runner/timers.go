package runner

import (
	"container/heap"
	"time"

	"github.com/bantoops/banto"
)

// timerKey names a timer: of a part that waits for its next attempt, or of a
// host that is expected back (then tracker and part are empty).
type timerKey struct {
	tracker banto.TrackerID
	part    banto.PartKey
	host    banto.HostID
}

// timers holds what is due later, at most one time for each key.
type timers struct {
	heap timerHeap
	by   map[timerKey]*timer
}

type timer struct {
	timerKey
	at    time.Time
	seq   int64 // of equal times the older goes first
	index int
}

// set makes the key due at that time instead of its earlier one.
func (t *timers) set(k timerKey, at time.Time) {
	if t.by == nil {
		t.by = make(map[timerKey]*timer)
	}
	if old := t.by[k]; old != nil {
		old.at = at
		heap.Fix(&t.heap, old.index)
		return
	}
	n := &timer{timerKey: k, at: at, seq: t.heap.seq}
	t.heap.seq++
	t.by[k] = n
	heap.Push(&t.heap, n)
}

// drop forgets a key.
func (t *timers) drop(k timerKey) {
	if old := t.by[k]; old != nil {
		heap.Remove(&t.heap, old.index)
		delete(t.by, k)
	}
}

// due takes out what is due now, oldest first, at most so many.
func (t *timers) due(now time.Time, limit int) []timerKey {
	var out []timerKey
	for len(out) < limit && t.heap.Len() > 0 && !t.heap.list[0].at.After(now) {
		n := heap.Pop(&t.heap).(*timer)
		delete(t.by, n.timerKey)
		out = append(out, n.timerKey)
	}
	return out
}

// next gives the time of the earliest timer.
func (t *timers) next() (time.Time, bool) {
	if t.heap.Len() == 0 {
		return time.Time{}, false
	}
	return t.heap.list[0].at, true
}

// timerHeap is a heap by time, for container/heap.
type timerHeap struct {
	list []*timer
	seq  int64
}

func (h *timerHeap) Len() int { return len(h.list) }

func (h *timerHeap) Less(i, j int) bool {
	a, b := h.list[i], h.list[j]
	if a.at.Equal(b.at) {
		return a.seq < b.seq
	}
	return a.at.Before(b.at)
}

func (h *timerHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index, h.list[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	n := x.(*timer)
	n.index = len(h.list)
	h.list = append(h.list, n)
}

func (h *timerHeap) Pop() any {
	last := len(h.list) - 1
	n := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	return n
}
