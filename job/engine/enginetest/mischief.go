package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// mischief does something that nobody asked for, or that an operator might.
func (w *world) mischief() error {
	if w.r.IntN(40) == 0 {
		w.note("the manager dies")
		return w.crash()
	}
	if w.moves > 0 && w.r.IntN(3) == 0 {
		w.moves--
		return w.operate()
	}
	switch n := w.r.IntN(20); {
	case n < 4:
		h := w.machines()[w.r.IntN(len(w.machines()))]
		if err := w.setUp(h, !h.up); err != nil {
			return err
		}
		return w.place()
	case n < 8 && len(w.bag) > 0:
		i := w.r.IntN(len(w.bag))
		if _, started := w.bag[i].(engine.Started); started {
			w.note("%#v is dropped", w.bag[i])
			w.bag = slices.Delete(w.bag, i, i+1)
		}
	case n < 11:
		return w.step(w.nonsense())
	case n < 12 && w.cancels > 0:
		w.cancels--
		return w.step(engine.Cancel{By: "operator", Reason: "chance"})
	case n < 13 && w.reruns > 0:
		w.reruns--
		return w.rerun()
	case n < 14:
		w.regroup()
		return w.place()
	case n < 17:
		return w.outage()
	}
	return nil
}

// outage cuts hosts off for so long that on-lost acts, mostly: now and then
// something else happens first.
func (w *world) outage() error {
	for range 1 + w.r.IntN(2) {
		if err := w.setUp(w.machines()[w.r.IntN(len(w.machines()))], false); err != nil {
			return err
		}
	}
	for {
		i := slices.IndexFunc(w.bag, func(in engine.Input) bool { _, ok := in.(engine.Lost); return ok })
		if i < 0 {
			break
		}
		in := w.bag[i].(engine.Lost)
		w.bag = slices.Delete(w.bag, i, i+1)
		if err := w.step(w.lost(in)); err != nil {
			return err
		}
	}
	for _, a := range w.tracker.Live() {
		at, due := w.timers[a.Part]
		if !due || a.DeadBy == nil || w.r.IntN(4) == 0 {
			continue
		}
		w.pass(later(w.now, at))
		if err := w.step(engine.Wake{Part: a.Part}); err != nil {
			return err
		}
		if w.moves > 0 && w.r.IntN(3) == 0 {
			w.moves--
			if err := w.operate(); err != nil {
				return err
			}
		}
	}
	return w.place()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// nonsense makes an input that is late, early, or for what is not there.
func (w *world) nonsense() engine.Input {
	part := w.anyPart()
	id := banto.NewAttemptID(simTracker, 1+w.r.IntN(40))
	if w.oracle.live(id) != nil {
		id = "20261121-0000009.1"
	}
	switch w.r.IntN(6) {
	case 0:
		return engine.Wake{Part: part}
	case 1:
		if f := w.oracle.parts[string(part)]; f == nil || f.state != banto.PartReady {
			return engine.Placed{Part: part, Host: "h1", HostID: "h-h1", DeadMan: true}
		}
		return engine.Wake{Part: "nobody"}
	case 2:
		return engine.Started{Attempt: id, At: w.now}
	case 3:
		return engine.Ended{Attempt: id, At: w.now, Exit: new(0)}
	case 4:
		return engine.Lost{Attempt: id, DeadBy: &w.now}
	}
	return engine.Found{Attempt: id}
}

func (w *world) anyPart() banto.PartKey {
	parts := w.oracle.flow.parts
	return banto.PartKey(parts[w.r.IntN(len(parts))].name)
}

// setUp connects or disconnects a host, and tells the tracker of its attempts.
// What is found on it is told before the host can be sure of the manager again:
// else on-lost would act on what lives. What may never have reached it is not
// lost, but sent again.
func (w *world) setUp(h *host, up bool) error {
	if h.up == up {
		return nil
	}
	w.note("%s up: %t", h.name, up)
	for _, a := range w.tracker.Live() {
		_, unconfirmed := w.outbox["start "+string(a.ID)]
		switch {
		case a.HostID != h.id:
		case !up && !unconfirmed:
			w.bag = append(w.bag, engine.Lost{Attempt: a.ID})
		case up && h.claims[a.ID] && h.limits[a.ID] > 0:
			if err := w.step(engine.Found{Attempt: a.ID}); err != nil {
				return err
			}
		case up && h.claims[a.ID]:
			w.bag = append(w.bag, engine.Found{Attempt: a.ID})
		}
	}
	h.up = up
	if !up {
		h.down, h.contact = w.now, w.now.Add(-time.Duration(w.r.IntN(1000))*time.Millisecond)
	}
	w.setHost(h)
	return nil
}

// lost completes the word that an attempt is lost by when its keeper must have
// ended it, as the manager knows the host now.
func (w *world) lost(in engine.Lost) engine.Lost {
	for _, h := range w.hosts {
		if limit := h.limits[in.Attempt]; limit > 0 && !h.up {
			in.DeadBy = new(banto.DeadBy(h.down, limit))
		}
	}
	return in
}

// rerun asks for one, of some parts or of the failed ones, with a changed
// definition now and then.
func (w *world) rerun() error {
	in := engine.Rerun{By: "operator", Only: w.r.IntN(6) == 0, Yes: w.r.IntN(2) == 0}
	for range w.r.IntN(3) {
		in.From = append(in.From, w.anyKey())
	}
	if w.r.IntN(30) == 0 {
		in.From = append(in.From, "nobody")
	}
	var next *simFlow
	if w.r.IntN(3) == 0 {
		n := len(w.flows)
		next = w.oracle.flow.changed(w.r, fmt.Sprintf("new%d", n))
		flow, err := next.compile()
		if err != nil {
			return err
		}
		in.Flow, in.FlowHash, in.Version = flow, fmt.Sprintf("flow %d", n), n+1
		w.flows[in.FlowHash] = flow
	}
	w.note("rerun %v with %v", in.From, next)
	return w.stepWith(in, func() bool {
		w.oracle.now = w.now
		return w.oracle.runAgain(in, next)
	})
}

// wake passes time until a timer is due, or wakes a part too early.
func (w *world) wake() error {
	keys := slices.Sorted(maps.Keys(w.timers))
	key := keys[w.r.IntN(len(keys))]
	at := w.timers[key]
	if !w.calm && w.r.IntN(4) == 0 {
		return w.step(engine.Wake{Part: key})
	}
	w.pass(later(w.now, at))
	if w.calm || w.r.IntN(4) > 0 {
		delete(w.timers, key)
	}
	return w.step(engine.Wake{Part: key})
}

// crash throws the manager's memory away and rebuilds it from the rows.
func (w *world) crash() error {
	t, err := w.rows.Restore()
	if err != nil {
		return err
	}
	w.tracker = t
	w.timers = map[banto.PartKey]time.Time{}
	w.newBoard()
	for _, a := range t.Live() {
		if a.HostID != "" {
			w.board.Occupy(a.ID, a.HostID)
		}
		// What the host said meanwhile is lost with the memory that heard it.
		for _, h := range w.hosts {
			if h.id == a.HostID && h.up && h.claims[a.ID] {
				w.bag = append(w.bag, engine.Found{Attempt: a.ID})
			}
		}
	}
	w.carryOut(t.Resume())
	return w.place()
}
