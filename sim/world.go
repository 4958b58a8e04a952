package sim

import (
	"container/heap"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/sim/memstore"
)

// begin is when every world begins, by a right clock.
var begin = time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)

// How long a world lives.
const (
	troubled = 100 * time.Second // most of it, in which everything may go wrong
	patience = 15 * time.Minute  // until all must have come to rest without faults
)

// maxSteps is more than happens in any world.
const maxSteps = 500_000

// world is a house. All chance comes from the seed, and all time from the queue.
type world struct {
	seed  uint64
	rand  *rand.Rand
	ctx   context.Context
	now   time.Duration // since begin, by the true clock
	queue events
	seq   int
	mood  mood
	calm  bool // no more faults
	depth int  // of pauses within events
	steps int
	err   error

	trace  []string // the last of what happened
	digest uint64   // of all of it

	shelf     *memstore.Shelf
	outputs   *outputs
	managers  []*manager
	hosts     []*host
	operators *operators
	backup    *backup
	truth     *truth
	starts    map[banto.AttemptID]*fabric.StartOrder // that managers have handed out
}

// event is something that will happen, unless the life that it is of ends before.
type event struct {
	at   time.Duration
	seq  int
	life *life
	do   func()
}

// life is that of a process or of a machine: it may be killed, and stopped and
// continued.
type life struct {
	of     *life // the machine's, of a process
	dead   bool
	frozen int // by how many
	waits  []*event
}

// halted gives the life because of which nothing happens in this one; nil if it
// goes on.
func (l *life) halted() *life {
	for ; l != nil; l = l.of {
		if l.dead || l.frozen > 0 {
			return l
		}
	}
	return nil
}

// over ends it for good.
func (l *life) over() { l.dead, l.waits = true, nil }

// Simulate lives through the world of a seed. The error says which promise was
// broken and what had happened before; the digest is one of all that happened.
func Simulate(seed uint64) (digest uint64, err error) {
	w := newWorld(seed)
	w.run()
	if w.err == nil {
		return w.digest, nil
	}
	return w.digest, fmt.Errorf("seed %d: %w\n%s", seed, w.err, strings.Join(w.trace, "\n"))
}

func newWorld(seed uint64) *world {
	w := &world{
		seed: seed, rand: rand.New(rand.NewPCG(seed, 20261121)), ctx: context.Background(),
		now: time.Minute, shelf: memstore.NewShelf(fmt.Sprintf("incarnation-%d-1", seed)), digest: 14695981039346656037,
	}
	w.starts = map[banto.AttemptID]*fabric.StartOrder{}
	w.truth = newTruth(w)
	w.outputs = newOutputs(w)
	w.mood = w.someMood()
	for n := range 1 + w.rand.IntN(2) {
		w.managers = append(w.managers, newManager(w, n))
	}
	for n := range max(1+w.rand.IntN(3), w.fewest()) {
		w.hosts = append(w.hosts, newHost(w, n))
	}
	w.enrol()
	w.operators = newOperators(w)
	return w
}

// run lets everything happen.
func (w *world) run() {
	for _, m := range w.managers {
		m.start()
	}
	for _, h := range w.hosts {
		h.boot()
	}
	w.operators.begin()
	w.scheduleFaults()
	w.scheduleMood()
	w.scheduleRestore()
	w.until(w.now+troubled, nil)
	w.note("all faults end")
	w.restore()
	w.calm = true
	w.heal()
	for end := w.now + patience; w.err == nil && w.now < end && !w.rests(); {
		w.until(w.now+time.Second, nil)
	}
	if w.err == nil {
		w.checkEnd()
	}
}

// until lets things happen until a time, or until it is enough.
func (w *world) until(end time.Duration, enough func() bool) {
	for w.err == nil && len(w.queue) > 0 && w.queue[0].at <= end && (enough == nil || !enough()) {
		e, _ := heap.Pop(&w.queue).(*event)
		w.now = max(w.now, e.at)
		if w.steps++; w.steps > maxSteps {
			w.broken(7, "it goes on and on without coming to rest: %s", strings.Join(w.unrest(), "; "))
			return
		}
		switch l := e.life.halted(); {
		case l == nil:
			e.do()
		case !l.dead:
			l.waits = append(l.waits, e)
		}
	}
	if w.err == nil && (enough == nil || !enough()) {
		w.now = max(w.now, end)
	}
}

// after lets something happen later, in a life (nil: in the world's).
func (w *world) after(d time.Duration, l *life, do func()) {
	w.seq++
	heap.Push(&w.queue, &event{at: w.now + max(d, 0), seq: w.seq, life: l, do: do})
}

// freeze stops a life, and thaw lets it go on: with all that waited.
func (w *world) freeze(l *life) { l.frozen++ }

func (w *world) thaw(l *life) {
	if l.frozen--; l.frozen > 0 || l.dead {
		return
	}
	for _, e := range l.waits {
		w.after(0, e.life, e.do)
	}
	l.waits = nil
}

// clock is the time of internal/boottime: the true one, on all machines.
func (w *world) clock() time.Duration { return w.now }

// chance is true once in so many.
func (w *world) chance(in int) bool { return w.rand.IntN(in) == 0 }

// some gives a time below a limit.
func (w *world) some(limit time.Duration) time.Duration {
	return time.Duration(w.rand.Int64N(int64(limit)))
}

// maxTrace is how much of what happened is shown.
const maxTrace = 4000

// note writes down what happened.
func (w *world) note(format string, args ...any) {
	line := fmt.Sprintf("%9.4f ", w.now.Seconds()) + fmt.Sprintf(format, args...)
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%x%s", w.digest, line) // a hash takes everything
	w.digest = h.Sum64()
	if len(w.trace) == maxTrace {
		w.trace = append(w.trace[:0], w.trace[maxTrace/4:]...)
	}
	w.trace = append(w.trace, line)
}

// broken says that a promise was broken. The first counts.
func (w *world) broken(promise int, format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("promise %d is broken: %s", promise, fmt.Sprintf(format, args...))
		w.note("BROKEN: %v", w.err)
	}
}

// word gives a random name.
func (w *world) word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = banto.IDAlphabet[w.rand.IntN(len(banto.IDAlphabet))]
	}
	return string(b)
}

// events is a heap by time, for container/heap.
type events []*event

func (q events) Len() int { return len(q) }

func (q events) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}

func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push and Pop are for container/heap.
func (q *events) Push(x any) {
	e, _ := x.(*event)
	*q = append(*q, e)
}

// Pop takes the last one.
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
