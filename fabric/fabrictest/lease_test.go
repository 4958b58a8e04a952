package fabrictest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/manager/gateway"
)

// reign is a world of two managers that follow each other and one host: which
// manager is active is the lease's to say, and the managers learn it late.
type reign struct {
	t     *testing.T
	rand  *rand.Rand
	now   time.Time
	fault bool

	epoch   int64 // of the lease
	holder  int
	renewed time.Time     // when the lease was last renewed
	proved  time.Duration // when the last transaction began that renewed it
	all     [2]*ruler

	link     *link.Machine
	at       int // the manager that the host is connected to; -1: none
	agents   int
	up, down [2][][]byte // what is on the way to and from each
	contact  time.Duration
	starts   int
	told     int // contacts
	sessions int
}

// ruler is a manager, active or not any more.
type ruler struct {
	m       *gateway.Machine
	epoch   int64         // zero: it has never been active, or stands by
	since   time.Time     // it became active
	proved  time.Duration // as far as it knows
	began   time.Duration // a transaction that is under way; zero: none
	stopped bool          // it does nothing
}

func newReign(t *testing.T, seed uint64) *reign {
	w := &reign{t: t, rand: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), fault: true, at: -1, holder: -1}
	w.all = [2]*ruler{{}, {}}
	w.take(0)
	w.startAgent()
	return w
}

func (w *reign) boot() time.Duration     { return w.now.Sub(time.Unix(0, 0)) }
func (w *reign) chance(percent int) bool { return w.rand.IntN(100) < percent }
func (w *reign) active() *ruler          { return w.all[w.holder] }
func (w *reign) elapse(atMost int) {
	w.now = w.now.Add(time.Duration(1+w.rand.IntN(atMost)) * time.Millisecond)
}
func (w *reign) since(r *ruler) time.Duration { return r.since.Sub(time.Unix(0, 0)) }

// take makes a manager the active one, whatever the other believes.
func (w *reign) take(n int) {
	w.epoch++
	w.holder, w.renewed, w.proved = n, w.now, w.boot()
	r := &ruler{m: gateway.NewMachine(w.epoch, "one"), epoch: w.epoch, since: w.now, proved: w.boot()}
	r.m.Managers([]string{fmt.Sprintf("tls://m%d:1", n), fmt.Sprintf("tls://m%d:1", 1-n)})
	w.all[n] = r
	r.m.Ask()
}

func (w *reign) startAgent() {
	w.agents++
	w.link = link.NewMachine(fmt.Sprintf("agent%d", w.agents), func() string { return fmt.Sprintf("%08x", w.rand.Uint32()) }, fabric.Hello{Name: "db01", Slots: 4})
	w.link.Keeper(keeper.Event{Hello: &keeper.Hello{Generation: "gen", Protocol: keeper.Protocol, DeadMan: true}}, w.now)
	w.at = -1
	w.dial(w.rand.IntN(2))
}

// dial connects the host to a manager that has ever been active.
func (w *reign) dial(n int) {
	if w.at >= 0 {
		w.link.Connected(false, fmt.Sprintf("tls://m%d:1", w.at), w.now)
		w.down[w.at] = nil // what it sent is not read any more; what it is sent may still come
	}
	w.at = -1
	if w.all[n].epoch == 0 {
		n = 1 - n
	}
	w.at = n
	w.link.Connected(true, fmt.Sprintf("tls://m%d:1", n), w.now)
}

// step lets one thing happen.
func (w *reign) step() {
	switch n := w.rand.IntN(100); {
	case n < 15:
		w.elapse(400)
	case n < 30:
		w.linkSends()
	case n < 45:
		w.linkHears()
	case n < 60:
		w.rule(w.rand.IntN(2))
	case n < 75:
		w.hears(w.rand.IntN(2))
	case n < 88:
		w.transact(w.rand.IntN(2))
	case n < 90:
		w.order(w.rand.IntN(2))
	case n < 92:
		w.follow()
	case w.fault && n == 99 && w.chance(30):
		w.fail()
	}
	w.check()
}

// transact begins a transaction of a manager, or ends one: it is committed only
// if the lease is still its own.
func (w *reign) transact(n int) {
	r := w.all[n]
	switch {
	case r.stopped || r.epoch == 0:
	case r.began == 0:
		r.began = w.boot()
	default:
		if r.epoch == w.epoch {
			w.renewed, w.proved = w.now, max(w.proved, r.began)
			r.proved = max(r.proved, r.began)
		}
		r.began = 0
	}
}

// follow lets the other manager take over, if the lease is old.
func (w *reign) follow() {
	if w.now.Sub(w.renewed) > 8*time.Second || w.fault && w.chance(1) { // or it was given up
		w.take(1 - w.holder)
	}
}

func (w *reign) fail() {
	r := w.all[w.rand.IntN(2)]
	switch w.rand.IntN(4) {
	case 0:
		r.stopped = !r.stopped
	case 1:
		w.startAgent()
	case 2:
		w.dial(w.rand.IntN(2))
	case 3: // a suspend, or a machine that was held up
		w.elapse(20_000)
	}
}

func (w *reign) linkSends() {
	w.link.Tick(w.now)
	if away := w.link.Away(); away.Why != "" && w.at >= 0 {
		w.dial(1 - w.at)
	}
	for q, ok := w.link.Request(); ok; q, ok = w.link.Request() {
		if q.Contact > 0 {
			w.contact = max(w.contact, q.Contact)
			w.told++
		}
		for _, s := range q.Start {
			if w.contact == 0 {
				w.t.Fatalf("attempt %s is to be started without contact", s.Attempt)
			}
			w.starts++
		}
		w.link.Keeper(keeper.Event{Done: q.Seq}, w.now)
	}
	for u, ok := w.link.Next(w.now, nothing); ok; u, ok = w.link.Next(w.now, nothing) {
		w.link.Sent(&u, w.boot())
		if b, err := u.Encode(); err != nil {
			w.t.Fatal(err)
		} else if w.at >= 0 {
			w.up[w.at] = append(w.up[w.at], b)
		}
	}
}

func (w *reign) linkHears() {
	if w.at < 0 {
		return
	}
	if b := w.pass(&w.down[w.at]); b != nil {
		d, err := fabric.DecodeDown(b)
		if err != nil {
			w.t.Fatal(err)
		}
		w.link.Frame(d, w.now)
		w.link.Managers()
	}
}

// rule lets a manager send, also one that does not know yet that it is none.
func (w *reign) rule(n int) {
	r := w.all[n]
	if r.stopped || r.epoch == 0 {
		return
	}
	w.judge(r, r.m.Tick(w.now, nil))
	r.m.Proved(r.proved)
	for d, ok := r.m.Next(w.now); ok; d, ok = r.m.Next(w.now) {
		b, err := d.Encode()
		if err != nil {
			w.t.Fatal(err)
		}
		w.down[n] = append(w.down[n], b)
	}
}

func (w *reign) hears(n int) {
	r := w.all[n]
	if r.stopped || r.epoch == 0 {
		return
	}
	if b := w.pass(&w.up[n]); b != nil {
		u, err := fabric.DecodeUp(b)
		if err != nil {
			w.t.Fatal(err)
		}
		w.judge(r, r.m.Frame(u, w.now))
		r.m.Ping(&u, w.boot(), w.now)
	}
}

func (w *reign) judge(r *ruler, e gateway.Effects) {
	if e.Up != nil {
		w.sessions++
	}
	if e.Down != "" && !e.Contact.Equal(r.m.Contact()) {
		w.t.Errorf("down with contact at %v instead of %v", e.Contact, r.m.Contact())
	}
}

// order places an attempt with a dead man's limit.
func (w *reign) order(n int) {
	r := w.all[n]
	if r.stopped || r.epoch == 0 || !w.fault {
		return
	}
	number := 1 + w.rand.IntN(1_000_000)
	r.m.Deliver(fabric.Order{ID: fmt.Sprint("start:", number), Start: &fabric.StartOrder{
		Attempt: banto.NewAttemptID(simTracker, number), Spec: banto.Spec{Tracker: simTracker, Script: "true", DeadManMS: 15_000}}})
}

// pass takes a frame off a queue: not always the first, and not always for good.
func (w *reign) pass(queue *[][]byte) []byte {
	q := *queue
	if len(q) == 0 {
		return nil
	}
	i := 0
	if w.fault && w.chance(10) {
		i = w.rand.IntN(len(q))
	}
	b := q[i]
	if w.fault && w.chance(5) {
		return b
	}
	*queue = append(q[:i:i], q[i+1:]...)
	if w.fault && w.chance(5) {
		return nil
	}
	return b
}

// check holds the promises of contact: it never counts for more than the truth,
// and the active manager knows how long it can count.
func (w *reign) check() {
	if w.contact > w.proved {
		w.t.Fatalf("the keeper was told of contact at %v, and the last proof of the lease began at %v", w.contact, w.proved)
	}
	known := w.since(w.active())
	if c := w.active().m.Contact(); !c.IsZero() {
		known = max(known, c.Sub(time.Unix(0, 0)))
	}
	if w.contact > known {
		w.t.Fatalf("the keeper was told of contact at %v, and the active manager takes it to be no later than %v", w.contact, known)
	}
}

// Whatever is lost, late or stopped, and however many managers believe that they
// are the active one, contact counts for no more than the truth; and when all is
// well the host finds the active manager and has contact.
func TestContactIsNeverMoreThanTheTruth(t *testing.T) {
	const seeds = 64
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			w := newReign(t, seed)
			for range 8000 {
				w.step()
			}
			w.fault = false
			for _, r := range w.all {
				r.stopped = false
			}
			well := func() bool { return w.at == w.holder && w.boot()-w.contact < 6*time.Second }
			quiet := w.now.Add(2 * time.Minute)
			for w.now.Before(quiet) || !well() && w.now.Before(quiet.Add(time.Minute)) {
				w.step()
			}
			if !well() {
				t.Errorf("seed %d: after two quiet minutes the last contact was %v ago; connected to %d, and %d is active", seed, w.boot()-w.contact, w.at, w.holder)
			}
			if w.told == 0 || w.starts == 0 {
				t.Errorf("seed %d: %d contacts, %d starts", seed, w.told, w.starts)
			}
		})
	}
}
