package dispatch

import (
	"cmp"
	"container/list"
	"slices"

	"github.com/bantoops/banto"
)

// key names a want: a part has at most one.
type key struct {
	tracker banto.TrackerID
	part    banto.PartKey
}

// want is a Want on the board. It waits in a line (line and elem are set), or
// has been placed and not yet bound to its attempt (placed is set).
type want struct {
	Want
	seq    int64 // order of arrival, over all lines
	line   *line
	elem   *list.Element
	placed *host
}

// line holds the wants for one host, oldest first.
type line struct {
	wants list.List
	host  *host // nil: for a host that is not known
}

// push adds a want at the end.
func (l *line) push(w *want) {
	w.line, w.elem = l, l.wants.PushBack(w)
}

// drop takes a want out, wherever it stands.
func (l *line) drop(w *want) {
	l.wants.Remove(w.elem)
	w.line, w.elem = nil, nil
}

// first gives the oldest want, or nil.
func (l *line) first() *want {
	if e := l.wants.Front(); e != nil {
		return e.Value.(*want)
	}
	return nil
}

// take moves those wants of another line that pick chooses into this one, and
// keeps the order of arrival. It costs what both lines hold, and happens only
// when a host is learnt.
func (l *line) take(from *line, pick func(*want) bool) {
	var all []*want
	moved := false
	for e := from.wants.Front(); e != nil; {
		w := e.Value.(*want)
		e = e.Next()
		if pick(w) {
			from.drop(w)
			all = append(all, w)
			moved = true
		}
	}
	if !moved {
		return
	}
	for w := l.first(); w != nil; w = l.first() {
		l.drop(w)
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *want) int { return cmp.Compare(a.seq, b.seq) })
	for _, w := range all {
		l.push(w)
	}
}
