package enginetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// mischiefFor is how many things happen to the smallest flow before the world
// calms down.
const mischiefFor = 30

const simTracker = banto.TrackerID("20261121-0000001")

// world is everything around one tracker: the manager's memory and store, the
// hosts, and what is under way between them.
type world struct {
	r    *rand.Rand
	now  time.Time
	calm bool            // no more mischief: let it come to its end
	log  []func() string // written out only when a promise was broken

	flows   map[string]*jobnet.Flow
	tracker *engine.Tracker
	rows    *Rows
	oracle  *oracle

	board  *dispatch.Board
	timers map[banto.PartKey]time.Time
	outbox map[string]order // as committed, until a host confirms it
	hosts  []*host
	all    []string       // the hosts of the group whose parts run on each
	bag    []engine.Input // under way to the manager

	seen  map[banto.AttemptID]bool          // attempts that were started
	parts map[banto.PartKey]banto.Part      // rows as committed
	live  map[banto.PartKey]banto.AttemptID // attempt that is out, by part
	freed map[banto.AttemptID]bool          // attempts whose place was given back
	given map[banto.AttemptID]bool          // attempts that a person gave up: their processes may live
	over  map[banto.AttemptID]bool          // attempts that have ended
	done  map[banto.PartKey]bool            // skipped or force-ended, and not run again since
	was   map[banto.PartKey]banto.Part      // rows before the commit, of the parts in it
	row   banto.Tracker                     // as committed

	shadow  bool            // let a restored tracker take every input too
	twin    *engine.Tracker // that one; restored anew now and then
	cancels int             // that may still be asked for
	reruns  int
	moves   int
	ended   bool
}

// order is an entry of the outbox.
type order struct {
	id   banto.AttemptID
	host banto.HostID
	kill bool
}

// Simulate lives through the world of a seed. The error says which promise was
// broken, and what had happened before.
func Simulate(seed uint64) error {
	w := &world{
		r:      rand.New(rand.NewPCG(seed, 0)),
		now:    time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC),
		flows:  map[string]*jobnet.Flow{},
		timers: map[banto.PartKey]time.Time{},
		outbox: map[string]order{},
		seen:   map[banto.AttemptID]bool{},
		parts:  map[banto.PartKey]banto.Part{},
		live:   map[banto.PartKey]banto.AttemptID{},
		freed:  map[banto.AttemptID]bool{},
		given:  map[banto.AttemptID]bool{},
		over:   map[banto.AttemptID]bool{},
		done:   map[banto.PartKey]bool{},
		all:    []string{"h1", "h2"},
	}
	w.shadow = w.r.IntN(10) == 0
	if w.r.IntN(4) == 0 {
		w.cancels = 1 + w.r.IntN(2)
	}
	w.reruns = w.r.IntN(4)
	if w.r.IntN(3) > 0 {
		w.moves = w.r.IntN(25)
	}
	if err := w.run(); err != nil {
		return fmt.Errorf("seed %d: %w\n%s", seed, err, w.tail())
	}
	return nil
}

// tail gives the last of what happened.
func (w *world) tail() string {
	s := ""
	for _, l := range w.log[max(0, len(w.log)-40):] {
		s += "  " + l() + "\n"
	}
	return s
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, func() string { return fmt.Sprintf(format, args...) })
}

// run submits a random flow and lets things happen until nothing is left to.
func (w *world) run() error {
	sim := randomFlow(w.r)
	flow, err := sim.compile()
	if err != nil {
		return err
	}
	w.flows["flow 0"] = flow
	w.note("flow %+v", sim.parts)
	w.rows = NewRows(w.flows)
	w.oracle = newOracle(sim, w.now)
	for _, name := range []string{"here", "h1", "h2", "h3"} {
		h := newHost(name)
		h.old = w.r.IntN(6) == 0
		w.hosts = append(w.hosts, h)
	}
	house := newHost("house")
	house.id, house.up, house.house = "", true, true
	w.hosts = append(w.hosts, house)
	w.newBoard()
	params, _ := flow.BindParams(nil)
	t, effects := engine.New(engine.Submission{
		ID: simTracker, Flow: flow, FlowHash: "flow 0", Version: 1, Params: params, By: "simulator",
	}, w.now)
	w.tracker = t
	if err := w.commit(effects); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n == mischiefFor+12*len(sim.parts) {
			if err := w.settleDown(); err != nil {
				return err
			}
		}
		if n > 20_000 {
			return fmt.Errorf("it does not come to its end; it waits for %q", w.tracker.WaitsFor())
		}
		w.pass(w.now.Add(time.Duration(w.r.IntN(300)) * time.Millisecond))
		act := w.choose()
		if act == nil {
			return w.last()
		}
		was := w.rows.revision
		if err := act(); err != nil {
			return err
		}
		if w.rows.revision == was {
			continue
		}
		if err := w.says(); err != nil {
			return err
		}
	}
}

// settleDown ends all mischief: what is left happens as it should.
func (w *world) settleDown() error {
	w.note("from now on all is calm")
	w.calm = true
	for _, h := range w.machines() {
		if err := w.setUp(h, true); err != nil {
			return err
		}
	}
	return w.place()
}

// pass lets time go on, and the keepers with it.
func (w *world) pass(to time.Time) {
	w.now = to
	for _, h := range w.hosts {
		h.obey(w.now)
	}
}

// says checks that a tracker that has not ended names what it waits for.
func (w *world) says() error {
	waits, ended := w.tracker.WaitsFor(), w.tracker.Row().State.Ended()
	if ended != (len(waits) == 0) {
		return fmt.Errorf("ended is %t, and it waits for %q", ended, waits)
	}
	return nil
}

// last checks what must hold when nothing is left to happen.
func (w *world) last() error {
	row := w.tracker.Row()
	if !row.State.Ended() && row.State != banto.TrackerBlocked {
		return fmt.Errorf("nothing is left to happen, and the tracker is %s; it waits for %q", row.State, w.tracker.WaitsFor())
	}
	if row.State.Ended() != w.ended {
		return fmt.Errorf("the tracker is %s, and told its end: %t", row.State, w.ended)
	}
	if n := w.tracker.Live(); len(n) > 0 {
		return fmt.Errorf("attempts are still live: %v", n)
	}
	for id := range w.seen {
		if !w.freed[id] {
			return fmt.Errorf("the place of %s was never given back", id)
		}
	}
	for _, h := range w.hosts {
		if running, waiting := w.board.Load(h.id); !h.house && (running != 0 || waiting != 0) {
			return fmt.Errorf("%d places of %s are taken and %d wanted, at the end", running, h.name, waiting)
		}
		if err := h.once(); err != nil {
			return err
		}
		for id, running := range h.claims {
			if running {
				return fmt.Errorf("%s still runs on %s", id, h.name)
			}
		}
	}
	return nil
}

// choose picks something that can happen now, or nil.
func (w *world) choose() func() error {
	var acts []func() error
	add := func(weight int, act func() error) {
		for range weight {
			acts = append(acts, act)
		}
	}
	if len(w.bag) > 0 {
		add(4, w.deliver)
	}
	if len(w.outbox) > 0 && w.reachable() {
		add(4, w.order)
	}
	if len(w.timers) > 0 {
		add(1, w.wake)
	}
	for _, h := range w.hosts {
		if len(h.results) > 0 && h.up {
			add(2, func() error { w.report(h); return nil })
		}
		for _, id := range slices.Sorted(maps.Keys(h.claims)) {
			if h.claims[id] {
				add(1, func() error { h.finish(w.r, id, w.now); w.note("%s ends on %s", id, h.name); return nil })
			}
		}
	}
	if w.calm {
		if len(acts) == 0 {
			return w.again()
		}
	} else {
		add(1, w.mischief)
	}
	if len(acts) == 0 {
		return nil
	}
	return acts[w.r.IntN(len(acts))]
}

// again releases what is held when all is quiet, and asks for a rerun a few
// times.
func (w *world) again() func() error {
	if row := w.tracker.Row(); !row.State.Ended() && (row.Held || row.Counts[banto.PartHeld] > 0) {
		return func() error { return w.step(engine.Release{By: "operator"}) }
	}
	if w.reruns == 0 {
		return nil
	}
	w.reruns--
	return func() error { return w.rerun() }
}
