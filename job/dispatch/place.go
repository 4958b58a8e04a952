package dispatch

import (
	"container/list"
	"maps"
	"slices"

	"github.com/bantoops/banto"
)

// Board knows the hosts, who is on them and who wants to be. It is not safe
// for use by several goroutines at once.
type Board struct {
	hosts    map[banto.HostID]*host
	names    map[string]*host
	local    *host
	groups   map[string]*pool
	labelled map[string]*pool // sets of labels that wants name, by their text
	idle     list.List        // those of them that nothing waits for, oldest first
	accounts map[string]*account

	wants    map[key]*want
	targets  map[string]*list.List // wants by what they name, oldest first
	attempts map[banto.AttemptID]spot
	trackers map[banto.TrackerID]*holding

	unknown list.List   // wants that name what nobody knows: looked at again at Next
	fans    list.List   // wants that run on all hosts of a group
	stale   []*line     // lines of pools that may have no host at all any more
	ripe    heap[*line] // lines that can place something, the one to be served first
	seq     int64
}

// spot is where an attempt is, and under which account.
type spot struct {
	host    *host
	account string
}

// holding is what a tracker has on the board, so that it can be forgotten.
type holding struct {
	wants    map[banto.PartKey]*want
	attempts map[banto.AttemptID]bool
	choices  map[string]banto.HostID // the hosts that were chosen for it, by target
}

// New makes an empty board.
func New() *Board {
	return &Board{
		hosts:    map[banto.HostID]*host{},
		names:    map[string]*host{},
		groups:   map[string]*pool{},
		labelled: map[string]*pool{},
		accounts: map[string]*account{},
		wants:    map[key]*want{},
		targets:  map[string]*list.List{},
		attempts: map[banto.AttemptID]spot{},
		trackers: map[banto.TrackerID]*holding{},
		ripe: heap[*line]{
			before: func(x, y *line) bool {
				if a, b := x.next.first().at, y.next.first().at; a != b {
					return a < b
				}
				return x.id < y.id
			},
			pos: func(l *line) *int { return &l.pos },
		},
	}
}

// Add puts a want at the end of its line. A want that is already there just so,
// or has been placed, stays as it is; one that wants something else now moves.
func (b *Board) Add(w Want) {
	k := key{w.Tracker, w.Part}
	if old := b.wants[k]; old != nil {
		if old.placed != nil || old.Want == w {
			return
		}
		b.remove(old)
	}
	b.seq++
	n := &want{Want: w, seq: b.seq}
	b.wants[k] = n
	b.of(w.Tracker).wants[w.Part] = n
	l := b.targets[w.Host]
	if l == nil {
		l = list.New()
		b.targets[w.Host] = l
	}
	n.target = l.PushBack(n)
	b.resolve(n)
}

// Unchoose forgets the host that was chosen for a target of a tracker: whoever
// comes for it now chooses anew. A want that waits for the host stays there
// until it is withdrawn and added again.
func (b *Board) Unchoose(tracker banto.TrackerID, target string) {
	if t := b.trackers[tracker]; t != nil {
		delete(t.choices, target)
		b.tidy(tracker, t)
	}
}

// Withdraw takes back a want, and the place that it was given if no attempt
// has been bound to that.
func (b *Board) Withdraw(tracker banto.TrackerID, part banto.PartKey) {
	if w := b.wants[key{tracker, part}]; w != nil {
		b.remove(w)
	}
}

// Occupy says that an attempt is on a host: for the rebuild after a start,
// when the host may not be known yet.
func (b *Board) Occupy(attempt banto.AttemptID, id banto.HostID) {
	if old, ok := b.attempts[attempt]; ok {
		if old.host.ID == id {
			return
		}
		b.Free(attempt)
	}
	h := b.host(id)
	h.used++
	b.settle(attempt, spot{host: h})
	b.refresh(h)
}

// Free says that an attempt has left its host.
func (b *Board) Free(attempt banto.AttemptID) {
	s, ok := b.attempts[attempt]
	if !ok {
		return
	}
	delete(b.attempts, attempt)
	tracker := trackerOf(attempt)
	if t := b.trackers[tracker]; t != nil {
		delete(t.attempts, attempt)
		b.tidy(tracker, t)
	}
	b.giveBack(s)
}

// Next decides: it gives every want a place that can have one now, and refuses
// those that never can. A placement takes its place at once; Bind names the
// attempt that came of it, Withdraw gives it back.
func (b *Board) Next() []Placement {
	out := b.refuse(nil)
	for b.ripe.len() > 0 || b.unknown.Len() > 0 {
		if b.unknown.Len() > 0 { // what follows its tracker to a host may not be able to run there
			out = b.refuse(out)
			continue
		}
		l := b.ripe.first()
		w := l.next.first().wants.first()
		if a := b.gate(w); a != nil {
			b.park(w, &a.lot)
			continue
		}
		h := l.host
		if h == nil {
			h = l.free.first().host
		} else if !w.kept && h.Admission == banto.AdmissionDraining {
			b.park(w, &h.drained)
			continue
		}
		out = append(out, b.place(w, h))
	}
	return out
}

// place gives a want that is first in its line a place on a host.
func (b *Board) place(w *want, h *host) Placement {
	p := Placement{Want: w.Want, HostID: h.ID, Host: h.Name}
	t := w.turn
	l := t.line
	b.seq++
	t.at = b.seq
	if l.pool != nil {
		l.pool.members[h].picked = b.seq
	}
	b.leave(w)
	if l.next.has(t) {
		l.next.put(t) // to the end
		b.touch(l)
	}
	w.placed = h
	h.used++
	b.useAccount(w.Account)
	if (l.pool != nil || w.kept && w.Chosen != h.ID) && !w.PerPart {
		p.Target = w.Host
	}
	if l.pool != nil && !w.PerPart {
		b.follow(w, l.pool, h)
	}
	b.refresh(h)
	return p
}

// Bind gives the place that a part was given to its attempt. Without such a
// place it does nothing.
func (b *Board) Bind(tracker banto.TrackerID, part banto.PartKey, attempt banto.AttemptID) {
	w := b.wants[key{tracker, part}]
	if w == nil || w.placed == nil {
		return
	}
	b.Free(attempt)
	b.settle(attempt, spot{w.placed, w.Account})
	b.unlist(w)
}

// Forget drops everything of a tracker: wants, placements and attempts.
func (b *Board) Forget(tracker banto.TrackerID) {
	t := b.trackers[tracker]
	if t == nil {
		return
	}
	// In order, so that the same is decided on every machine.
	for _, p := range slices.Sorted(maps.Keys(t.wants)) {
		b.remove(t.wants[p])
	}
	for _, a := range slices.Sorted(maps.Keys(t.attempts)) {
		b.Free(a)
	}
}

// of gives what a tracker holds, made if need be.
func (b *Board) of(tracker banto.TrackerID) *holding {
	t := b.trackers[tracker]
	if t == nil {
		t = &holding{wants: map[banto.PartKey]*want{}, attempts: map[banto.AttemptID]bool{}}
		b.trackers[tracker] = t
	}
	return t
}

// tidy drops a tracker that holds nothing any more.
func (b *Board) tidy(tracker banto.TrackerID, t *holding) {
	if len(t.wants) == 0 && len(t.attempts) == 0 {
		delete(b.trackers, tracker)
	}
}

// remove takes a want off the board, with its place if it has one.
func (b *Board) remove(w *want) {
	b.unline(w)
	b.unlist(w)
	if w.placed != nil {
		b.giveBack(spot{w.placed, w.Account})
	}
}

// unlist takes a want out of the indexes.
func (b *Board) unlist(w *want) {
	delete(b.wants, key{w.Tracker, w.Part})
	l := b.targets[w.Host]
	if l.Remove(w.target); l.Len() == 0 {
		delete(b.targets, w.Host)
	}
	if t := b.trackers[w.Tracker]; t != nil {
		delete(t.wants, w.Part)
		b.tidy(w.Tracker, t)
	}
}

// settle notes where an attempt is; its place is already counted.
func (b *Board) settle(attempt banto.AttemptID, s spot) {
	b.attempts[attempt] = s
	b.of(trackerOf(attempt)).attempts[attempt] = true
}

// giveBack frees a place.
func (b *Board) giveBack(s spot) {
	s.host.used--
	b.refresh(s.host)
	b.sweep(s.host)
	b.dropAccount(s.account)
}

// trackerOf gives the tracker of an attempt; a text that is no attempt ID
// belongs to none.
func trackerOf(id banto.AttemptID) banto.TrackerID {
	t, _, err := id.Split()
	if err != nil {
		return ""
	}
	return t
}
