package keeper

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
)

// What a start names, its directory or its program, may lie on a file system
// that does not answer. Whoever looks there waits, and cannot be called back: so
// a look that takes long holds up its own start alone, that start for no longer
// than Options.Answer, and one look at a time is lost to the same place.

// How long a look may take before another starter steps in: where something
// hangs already, it may be many.
const (
	slow  = time.Second
	alert = slow / 20
)

// maxHanging bounds the looks that are lost to file systems.
const maxHanging = 1000

// looks are the plans for which the system has not answered for a while.
type looks struct {
	mu   sync.Mutex
	hang map[string]*look // by the place
}

// look is a plan that is being made.
type look struct {
	at   atomic.Pointer[string] // what it looks at
	done chan struct{}          // closed when it is made, or cannot be
	plan *plan
	no   *refusal
	left bool // nobody waits for it any more
}

// see says at what the plan looks next.
func (l *look) see(what string) { l.at.Store(&what) }

// silent is the refusal of a start for which nothing has answered.
func (l *look) silent(waited time.Duration) *refusal {
	what := "the file system of its work directory"
	if at := l.at.Load(); at != nil {
		what = *at
	}
	return refuse(banto.ReasonNotStarted, "%s does not answer (waited %s): does its file system hang?", what, waited)
}

// placeOf names what a start makes a plan look at beside what every start does.
func placeOf(s Start) string {
	program := ""
	if s.Spec.Script == "" && len(s.Spec.Args) > 0 && strings.ContainsAny(s.Spec.Args[0], `/\`) {
		program = s.Spec.Args[0]
	}
	path := ""
	for _, pair := range slices.Backward(s.Spec.Env) {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
			break
		}
	}
	if s.Spec.Dir == "" && program == "" && path == "" {
		return ""
	}
	return s.Spec.Dir + "\x00" + program + "\x00" + path
}

// hanging gives the look that hangs at a place, or nil.
func (l *looks) hanging(place string) *look {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hang[place]
}

// full says whether no more looks may be lost.
func (l *looks) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.hang) >= maxHanging
}

// any says whether a look hangs anywhere.
func (l *looks) any() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.hang) > 0
}

// late notes that a look hangs, unless it has just ended, or another one does
// at the same place.
func (l *looks) late(place string, w *look) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.done:
	default:
		if l.hang[place] == nil {
			l.hang[place] = w
		}
	}
}

// over notes that a look has ended, and says whether anybody still waits for it.
func (l *looks) over(place string, w *look) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(w.done)
	if l.hang[place] == w {
		delete(l.hang, place)
	}
	return !w.left
}

// leave gives a look up, unless it has just ended.
func (l *looks) leave(w *look) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.done:
		return false
	default:
		w.left = true
		return true
	}
}

// plan makes the plan of a start, or gives up when the system does not answer.
// It calls aside before it waits for long.
func (k *keeper) plan(s Start, aside func()) (*plan, *refusal) {
	place := placeOf(s)
	if place == "" && k.planner.sure(s) {
		return k.planner.plan(s, &look{})
	}
	if w := k.looks.hanging(place); w != nil {
		aside()
		patient := time.NewTimer(k.opt.Answer)
		defer patient.Stop()
		for ; w != nil; w = k.looks.hanging(place) {
			select {
			case <-w.done:
			case <-patient.C:
				return nil, w.silent(k.opt.Answer)
			}
		}
	}
	if place != "" && k.looks.full() {
		return nil, refuse(banto.ReasonNotStarted, "file systems of this host do not answer at %d places: nothing starts at others", maxHanging)
	}
	w := &look{done: make(chan struct{})}
	go func() {
		w.plan, w.no = k.planner.plan(s, w)
		if !k.looks.over(place, w) {
			k.files.forget(s.Attempt) // its script may have been written after its end
		}
	}()
	first := slow
	if k.looks.any() {
		first = alert
	}
	wait := time.NewTimer(first)
	defer wait.Stop()
	select {
	case <-w.done:
		return w.plan, w.no
	case <-wait.C:
	}
	k.looks.late(place, w)
	aside()
	wait.Reset(max(k.opt.Answer-first, 0))
	select {
	case <-w.done:
	case <-wait.C:
		if k.looks.leave(w) {
			return nil, w.silent(k.opt.Answer)
		}
	}
	return w.plan, w.no
}
