package fabrictest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/manager/gateway"
)

// world is one manager and one host in simulated time. All chance comes from
// the seed.
type world struct {
	t     *testing.T
	rand  *rand.Rand
	now   time.Time
	fault bool // frames are lost, doubled and reordered
	death bool // and processes and connections die

	// The manager: what is durable, and what dies with it.
	epoch   int64
	outbox  []fabric.Order
	results map[banto.AttemptID]fabric.EndedReport
	output  map[banto.AttemptID][]byte
	scripts map[string]string          // by hash
	meant   map[banto.AttemptID]string // the script of each attempt; empty for one that is missing
	claims  map[string]int64           // of each generation, as far as it is known
	last    string                     // generation of the last session
	gateway *gateway.Machine
	commits []banto.AttemptID // to be acknowledged

	// The host.
	keeper   *simKeeper
	link     *link.Machine
	agents   int
	requests []keeper.Request // on the socket
	read     int              // events that the link has read of this connection

	up, down [][]byte
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		fault: true, death: seed%2 == 0, // a new session heals much: half of the worlds live without
		results: map[banto.AttemptID]fabric.EndedReport{}, output: map[banto.AttemptID][]byte{},
		scripts: map[string]string{}, meant: map[banto.AttemptID]string{}, claims: map[string]int64{},
	}
	w.keeper = newSimKeeper(w)
	w.keeper.terse = seed%4 < 2 // such a keeper answers starts and kills only by what follows from them
	w.startManager()
	w.startAgent()
	return w
}

func (w *world) chance(percent int) bool { return w.rand.IntN(100) < percent }

func (w *world) startManager() {
	w.epoch++
	w.gateway = gateway.NewMachine(w.epoch, "one")
	w.commits = nil
	w.gateway.Known(w.last, w.claims[w.last])
	for _, o := range slices.Clone(w.outbox) {
		superseded, _, _ := w.gateway.Deliver(o)
		for _, id := range superseded {
			w.drop(id)
		}
	}
	w.gateway.Ask()
}

func (w *world) startAgent() {
	w.agents++
	w.link = link.NewMachine(fmt.Sprintf("agent%d", w.agents), func() string { return fmt.Sprintf("%08x", w.rand.Uint32()) }, fabric.Hello{Name: "db01", Slots: 4})
	w.connectKeeper()
	w.link.Connected(true, "tls://m", w.now)
}

func (w *world) connectKeeper() {
	w.requests = nil
	w.keeper.connect()
	w.read = 0
}

// order puts an order in the outbox, as the runner does.
func (w *world) order(o fabric.Order) {
	w.outbox = append(w.outbox, o)
	superseded, _, _ := w.gateway.Deliver(o)
	for _, id := range superseded {
		w.drop(id)
	}
}

// step lets one thing happen.
func (w *world) step() {
	switch n := w.rand.IntN(100); {
	case n < 15:
		w.now = w.now.Add(time.Duration(w.rand.IntN(400)) * time.Millisecond)
		w.keeper.work()
	case n < 35:
		w.linkSends()
	case n < 55:
		w.gatewaySends()
	case n < 70:
		w.gatewayHears()
	case n < 85:
		w.linkHears()
	case n < 92:
		w.keeperHears()
	case n < 97:
		w.linkHearsKeeper()
	case n < 99:
		w.commit()
	case w.fault && w.death:
		w.fail()
	}
}

// fail lets something die.
func (w *world) fail() {
	switch w.rand.IntN(6) {
	case 0:
		w.startManager()
	case 1:
		w.startAgent()
	case 2: // the connection is lost, and with it what was under way, or not
		if w.chance(50) {
			w.up, w.down = nil, nil
		}
		w.link.Connected(false, "tls://m", w.now)
		w.link.Connected(true, "tls://m", w.now)
	case 3:
		w.link.KeeperGone("the keeper is gone")
		w.linkSends()
		w.connectKeeper()
	case 4: // silence
		w.now = w.now.Add(time.Duration(w.rand.IntN(30)) * time.Second)
	case 5:
		w.link.Stop("stopped")
		w.linkSends()
		w.startAgent()
	}
}

// pass takes a frame off a queue: mostly the first, and not always for good.
func (w *world) pass(queue *[][]byte) []byte {
	q := *queue
	if len(q) == 0 {
		return nil
	}
	i := 0
	if w.fault && w.chance(15) {
		i = w.rand.IntN(len(q))
	}
	frame := q[i]
	if w.fault && w.chance(5) {
		return frame // and again later
	}
	*queue = append(q[:i:i], q[i+1:]...)
	if w.fault && w.chance(5) {
		return nil
	}
	return frame
}

func (w *world) linkSends() {
	w.link.Tick(w.now)
	if q, ok := w.link.Request(); ok {
		w.requests = append(w.requests, q)
	}
	for {
		u, ok := w.link.Next(w.now, w.keeper.output)
		if !ok {
			return
		}
		w.link.Sent(&u, w.boot())
		b, err := u.Encode()
		if err != nil || len(b) > fabric.MaxFrame {
			w.t.Fatalf("frame of %d bytes, %v", len(b), err)
		}
		w.up = append(w.up, b)
	}
}

func (w *world) gatewaySends() {
	w.effects(w.gateway.Tick(w.now, nil))
	w.gateway.Proved(w.boot())
	for {
		d, ok := w.gateway.Next(w.now)
		if !ok {
			return
		}
		b, err := d.Encode()
		if err != nil || len(b) > fabric.MaxFrame {
			w.t.Fatalf("frame of %d bytes, %v", len(b), err)
		}
		w.down = append(w.down, b)
	}
}

func (w *world) gatewayHears() {
	b := w.pass(&w.up)
	if b == nil {
		return
	}
	u, err := fabric.DecodeUp(b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.effects(w.gateway.Frame(u, w.now))
	w.gateway.Ping(&u, w.boot(), w.now)
}

// boot is the clock of contact, which all machines of this world share.
func (w *world) boot() time.Duration { return w.now.Sub(time.Unix(0, 0)) }

// effects does what Gateway and the runner do.
func (w *world) effects(e gateway.Effects) {
	if e.Up != nil {
		w.settle(e.Up)
	}
	w.claims[w.last] = max(w.claims[w.last], e.Claims)
	for _, want := range e.Wants {
		text, ok := w.scripts[want.Hash]
		p := fabric.ScriptPiece{Hash: want.Hash, Offset: want.Offset, Size: int64(len(text)), Missing: !ok}
		if ok {
			p.Data = []byte(text[want.Offset:min(len(text), int(want.Offset)+fabric.MaxPiece)])
		}
		w.gateway.Script(p)
	}
	for _, id := range e.Confirmed {
		if !w.keeper.has[id] {
			w.t.Fatalf("order %s is confirmed, and the keeper does not have it", id)
		}
		w.drop(id)
	}
	for _, c := range e.Output {
		have := w.output[c.Attempt]
		gap := c.Offset > int64(len(have))
		if end := c.Offset + int64(len(c.Data)); !gap && end > int64(len(have)) {
			have = append(have, c.Data[int64(len(have))-c.Offset:]...)
			w.output[c.Attempt] = have
		}
		w.gateway.Stored(c.Attempt, int64(len(have)), gap)
	}
	for _, r := range e.Ended {
		if int64(len(w.output[r.Attempt])) < r.OutputSize {
			continue
		}
		w.results[r.Attempt] = r
		w.drop("start:" + number(r.Attempt))
		w.drop("kill:" + number(r.Attempt))
		w.commits = append(w.commits, r.Attempt)
	}
}

// settle does what the runner does with a new generation: what was sent to the
// one before, and is not told of now, is lost.
func (w *world) settle(h *fabric.Hello) {
	w.claims[h.Generation] = max(w.claims[h.Generation], h.Claims)
	if h.Generation == w.last {
		return
	}
	first := w.last == ""
	if w.last = h.Generation; first {
		return
	}
	for id := range w.meant {
		_, known := w.results[id]
		waits := slices.ContainsFunc(w.outbox, func(o fabric.Order) bool { return o.ID == "start:"+number(id) })
		if !known && !waits && !slices.Contains(h.Running, id) && !slices.Contains(h.Ended, id) {
			w.results[id] = fabric.EndedReport{Attempt: id, Reason: banto.ReasonKeeperDied}
		}
	}
}

// start places an attempt: most with their scripts, some by reference, and few
// of those with a script that the manager has lost.
func (w *world) start(n int) {
	id := banto.NewAttemptID(simTracker, n)
	text := strings.Repeat(string(rune('a'+n%20)), w.rand.IntN(10<<10))
	spec := banto.Spec{Tracker: simTracker, Part: "a", Script: text}
	if w.chance(20) {
		text = strings.Repeat(string(rune('a'+n%5)), 100<<10*(1+n%5))
		sum := sha256.Sum256([]byte(text))
		spec.Script, spec.ScriptHash = "", hex.EncodeToString(sum[:])
		w.scripts[spec.ScriptHash] = text
		if w.chance(20) {
			spec.ScriptHash = fmt.Sprintf("%064x", n)
			text = ""
		}
	}
	w.meant[id] = text
	w.order(fabric.Order{ID: fmt.Sprintf("start:%d", n), Start: &fabric.StartOrder{Attempt: id, Generation: w.last, Spec: spec}})
	if w.chance(20) {
		w.order(fabric.Order{ID: fmt.Sprintf("kill:%d", n), Kill: &fabric.KillOrder{Attempt: id, Reason: banto.ReasonKilled}})
	}
}

// drop takes an order out of the outbox.
func (w *world) drop(id string) {
	w.outbox = slices.DeleteFunc(w.outbox, func(o fabric.Order) bool { return o.ID == id })
}

func (w *world) commit() {
	w.gateway.Acknowledge(w.commits)
	w.commits = nil
}

func (w *world) linkHears() {
	b := w.pass(&w.down)
	if b == nil {
		return
	}
	d, err := fabric.DecodeDown(b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.link.Frame(d, w.now)
}

func (w *world) keeperHears() {
	if len(w.requests) > 0 {
		w.keeper.hear(w.requests[0])
		w.requests = w.requests[1:]
	}
}

func (w *world) linkHearsKeeper() {
	for n := w.rand.IntN(6); n > 0 && w.read < len(w.keeper.events); n-- {
		w.link.Keeper(w.keeper.events[w.read], w.now)
		w.read++
	}
}

// unfinished says what has not come to its end.
func (w *world) unfinished(attempts int) string {
	var left []string
	if len(w.outbox) > 0 {
		left = append(left, fmt.Sprintf("%d orders are not confirmed (%s first)", len(w.outbox), w.outbox[0].ID))
	}
	if n := attempts - len(w.results); n > 0 {
		left = append(left, fmt.Sprintf("%d results have not come", n))
	}
	if n := len(w.keeper.unacked); n > 0 {
		left = append(left, fmt.Sprintf("%d results are not acknowledged", n))
	}
	return strings.Join(left, "; ")
}

func TestEverythingArrives(t *testing.T) {
	const seeds, attempts = 32, 40
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for n := 0; n < attempts; {
				w.step()
				if w.chance(3) {
					n++
					w.start(n)
				}
			}
			for range w.rand.IntN(3000) {
				w.step()
			}
			w.fault = false // from here on all is well, and nothing may be stuck
			w.order(fabric.Order{ID: "clean", Clean: &fabric.CleanOrder{Tracker: simTracker}})
			end := w.now.Add(5 * time.Minute)
			for w.unfinished(attempts) != "" && w.now.Before(end) {
				w.step()
			}
			if left := w.unfinished(attempts); left != "" {
				t.Fatalf("seed %d: after five quiet minutes %s", seed, left)
			}
			w.check(attempts)
		})
	}
}

// A machine is put back to an earlier state: nothing that it may have run is
// started again, and nothing is stuck.
func TestMachinesThatArePutBack(t *testing.T) {
	const seeds, attempts = 16, 40
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for w.last == "" {
				w.step()
			}
			var saved *simKeeper
			for n := 0; n < attempts; {
				w.step()
				switch {
				case w.chance(3):
					n++
					w.start(n)
				case saved == nil && n > attempts/4:
					saved = w.keeper.save()
				case saved != nil && w.chance(1) && n > attempts/2 && w.knowsMore(saved):
					w.keeper.restore(saved)
					w.startAgent()
				}
			}
			w.fault = false
			end := w.now.Add(5 * time.Minute)
			for w.unfinished(attempts) != "" && w.now.Before(end) {
				w.step()
			}
			if left := w.unfinished(attempts); left != "" {
				t.Fatalf("seed %d: after five quiet minutes %s", seed, left)
			}
			for id, n := range w.keeper.starts {
				if n > 1 {
					t.Errorf("attempt %s was started %d times", id, n)
				}
			}
		})
	}
}

// knowsMore says whether the manager can see that a machine was put back to the
// picture: something that it claimed since has been confirmed.
func (w *world) knowsMore(saved *simKeeper) bool {
	generation := fmt.Sprintf("gen%d", saved.generation)
	return w.last != generation || w.claims[generation] > int64(len(saved.order))
}

// check compares what the manager has with what happened on the host.
func (w *world) check(attempts int) {
	for n := 1; n <= attempts; n++ {
		id := banto.NewAttemptID(simTracker, n)
		job, r := w.keeper.jobs[id], w.results[id]
		if job == nil && r.Reason == banto.ReasonNotStarted && w.meant[id] == "" {
			continue // the manager has lost its script
		}
		if job == nil && r.Reason == banto.ReasonKeeperDied && w.keeper.ever > 0 {
			continue // frames that came much too late were taken for those of a copy
		}
		if job == nil || job.started > 1 {
			w.t.Fatalf("attempt %s: %+v, %+v", id, job, r)
		}
		if job.started == 0 && r.Reason != banto.ReasonKilled && (r.Reason != banto.ReasonNotStarted || w.meant[id] != "") {
			w.t.Errorf("attempt %s never started, and its reason is %q", id, r.Reason)
		}
		if got, want := string(w.output[id]), string(job.text[:job.size]); got != want {
			w.t.Errorf("attempt %s: %d bytes of output arrived, of %d", id, len(got), len(want))
		}
		if r.OutputSize != job.size || r.OutputLost != 0 {
			w.t.Errorf("attempt %s: the result says %d bytes of output and %d lost, not %d", id, r.OutputSize, r.OutputLost, job.size)
		}
	}
}
