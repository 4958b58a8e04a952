package dispatch

import (
	"cmp"
	"container/list"
	"maps"
	"slices"

	"github.com/bantoops/banto"
)

// key names a want: a part has at most one.
type key struct {
	tracker banto.TrackerID
	part    banto.PartKey
}

// want is a Want on the board. It is in one of four states: it stands in a line
// (turn is set) and may be considered (pos) or is put aside there until a gate
// opens (aside); it stands in no line and is put aside until what it names is
// known (aside alone, or nothing: it waits for the host beside the manager);
// or it has been placed and not yet bound to its attempt (placed).
type want struct {
	Want
	seq    int64         // order of arrival
	target *list.Element // in the list of those that name the same target
	turn   *turn
	pos    int // in turn.wants
	aside  *list.List
	asideE *list.Element
	kept   bool  // on a host's own line because the tracker chose that host, not because the want names it
	placed *host // Bind or Withdraw follows
}

// line is where wants stand for a host of their own, or for any host of a pool
// that has the shell. Trackers take turns; within a tracker it is first come,
// first served.
type line struct {
	id    int64
	host  *host // its own line; nil: of a pool
	pool  *pool
	shell string // of a pool's line

	turns map[banto.TrackerID]*turn
	next  heap[*turn] // those with wants that may be considered, least lately served first
	n     int         // wants, those put aside among them
	pos   int         // in Board.ripe
	stale bool        // in Board.stale

	free   heap[*seat] // of a pool: the hosts that can be chosen, the one to choose first
	counts [5]int      // of a pool: hosts on each level
	able   int         // of a pool: hosts whose system can have the shell
}

// turn is a tracker's place in a line.
type turn struct {
	line    *line
	tracker banto.TrackerID
	at      int64 // when it was last served, else when it came
	wants   heap[*want]
	aside   map[*want]bool // those of it that are put aside
	pos     int            // in line.next
}

func (t *turn) len() int { return t.wants.len() + len(t.aside) }

// all gives the wants of a turn, oldest first.
func (t *turn) all() []*want {
	return byArrival(slices.AppendSeq(slices.Clone(t.wants.items), maps.Keys(t.aside)))
}

func (b *Board) newLine() *line {
	b.seq++
	return &line{
		id:    b.seq,
		turns: map[banto.TrackerID]*turn{},
		next: heap[*turn]{
			before: func(x, y *turn) bool { return x.at < y.at },
			pos:    func(t *turn) *int { return &t.pos },
		},
	}
}

// enter puts a want into a line. A tracker that is new there takes its turn by
// the arrival of the want, or as one that was served at a given time.
func (b *Board) enter(l *line, w *want, served int64) {
	t := l.turns[w.Tracker]
	if t == nil {
		t = &turn{line: l, tracker: w.Tracker, at: max(w.seq, served), wants: heap[*want]{
			before: func(x, y *want) bool { return x.seq < y.seq },
			pos:    func(w *want) *int { return &w.pos },
		}}
		l.turns[w.Tracker] = t
	}
	w.turn = t
	l.n++
	t.wants.put(w)
	l.next.put(t)
	if l.pool != nil {
		b.busy(l.pool)
	}
	b.touch(l)
}

// leave takes a want out of its line.
func (b *Board) leave(w *want) {
	t := w.turn
	l := t.line
	w.stand()
	t.wants.drop(w)
	w.turn = nil
	l.n--
	if t.wants.len() == 0 {
		l.next.drop(t)
	}
	if t.len() == 0 {
		delete(l.turns, t.tracker)
	}
	b.touch(l)
	if l.pool != nil && l.n == 0 {
		b.rest(l.pool)
	}
}

// park puts a want of a line aside, so that those behind it can go on.
func (b *Board) park(w *want, lot *list.List) {
	t := w.turn
	t.wants.drop(w)
	if t.wants.len() == 0 {
		t.line.next.drop(t)
	}
	w.setAside(lot)
	if t.aside == nil {
		t.aside = map[*want]bool{}
	}
	t.aside[w] = true
	b.touch(t.line)
}

// unpark brings back all that was put aside, each to where it stood.
func (b *Board) unpark(lot *list.List) {
	for e := lot.Front(); e != nil; e = lot.Front() {
		w := e.Value.(*want)
		w.stand()
		w.turn.wants.put(w)
		w.turn.line.next.put(w.turn)
		b.touch(w.turn.line)
	}
}

func (w *want) setAside(lot *list.List) {
	w.aside, w.asideE = lot, lot.PushBack(w)
}

// stand ends being put aside.
func (w *want) stand() {
	if w.aside == nil {
		return
	}
	w.aside.Remove(w.asideE)
	w.aside, w.asideE = nil, nil
	if w.turn != nil {
		delete(w.turn.aside, w)
	}
}

// touch looks again whether a line may be able to place something.
func (b *Board) touch(l *line) {
	able := l.free.len() > 0
	if l.host != nil {
		able = l.host.takes()
	}
	if able && l.next.len() > 0 {
		b.ripe.put(l)
	} else {
		b.ripe.drop(l)
	}
}

// all gives the wants of a line, oldest first.
func (l *line) all() []*want {
	var out []*want
	for _, t := range l.turns {
		out = append(out, t.all()...)
	}
	return byArrival(out)
}

func byArrival(wants []*want) []*want {
	slices.SortFunc(wants, func(x, y *want) int { return cmp.Compare(x.seq, y.seq) })
	return wants
}
