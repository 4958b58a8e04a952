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
		h := w.hosts[w.r.IntN(len(w.hosts))]
		w.setUp(h, !h.up)
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
	}
	return nil
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
			return engine.Placed{Part: part, Host: "h1", HostID: "h-h1"}
		}
		return engine.Wake{Part: "nobody"}
	case 2:
		return engine.Started{Attempt: id, At: w.now}
	case 3:
		return engine.Ended{Attempt: id, At: w.now, Exit: new(0)}
	case 4:
		return engine.Lost{Attempt: id}
	}
	return engine.Found{Attempt: id}
}

func (w *world) anyPart() banto.PartKey {
	parts := w.oracle.flow.parts
	return banto.PartKey(parts[w.r.IntN(len(parts))].name)
}

// setUp connects or disconnects a host, and tells the tracker of its attempts.
func (w *world) setUp(h *host, up bool) {
	if h.up == up {
		return
	}
	h.up = up
	w.note("%s up: %t", h.name, up)
	w.setHost(h)
	for _, a := range w.tracker.Live() {
		if a.HostID != h.id {
			continue
		}
		if !up {
			w.bag = append(w.bag, engine.Lost{Attempt: a.ID})
		} else if h.claims[a.ID] {
			w.bag = append(w.bag, engine.Found{Attempt: a.ID})
		}
	}
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
	if w.now.Before(at) {
		w.now = at
	}
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
		w.board.Occupy(a.ID, a.HostID)
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
