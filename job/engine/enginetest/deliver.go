package enginetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// newBoard makes an empty board that knows the hosts.
func (w *world) newBoard() {
	w.board = dispatch.New()
	for _, h := range w.machines() {
		w.setHost(h)
	}
	w.board.SetGroup(dispatch.Group{Name: oneOf, Hosts: []string{"h1", "h2", "h3"}})
	w.board.SetGroup(dispatch.Group{Name: allOf, Hosts: w.all, Pick: string(jobnet.PickAll)})
}

// machines gives the hosts that are some: the last stands for trackers.
func (w *world) machines() []*host { return w.hosts[:len(w.hosts)-1] }

func (w *world) setHost(h *host) {
	w.board.SetHost(dispatch.Host{ID: h.id, Name: h.name, Slots: 2, Up: h.up, Local: h.name == "here"})
}

// reachable says whether some order can be delivered.
func (w *world) reachable() bool {
	for _, o := range w.outbox {
		if w.hostOf(o.host).up {
			return true
		}
	}
	return false
}

func (w *world) hostOf(id banto.HostID) *host {
	i := slices.IndexFunc(w.hosts, func(h *host) bool { return h.id == id })
	return w.hosts[i]
}

// order delivers one of the outbox's orders, in any order, and forgets it only
// when the confirmation arrives.
func (w *world) order() error {
	var keys []string
	for _, k := range slices.Sorted(maps.Keys(w.outbox)) {
		if w.hostOf(w.outbox[k].host).up {
			keys = append(keys, k)
		}
	}
	key := keys[w.r.IntN(len(keys))]
	o := w.outbox[key]
	h := w.hostOf(o.host)
	w.note("%s reaches %s", key, h.name)
	if o.kill {
		h.kill(w.r, o.id, w.now)
	} else if said := h.start(w.r, o.id, w.now); said != nil {
		w.bag = append(w.bag, said)
		if w.over[o.id] && !w.given[o.id] {
			return fmt.Errorf("attempt %s starts on %s after its end", o.id, h.name)
		}
	}
	if w.calm || w.r.IntN(4) > 0 {
		delete(w.outbox, key)
	}
	return nil
}

// report puts a copy of a host's results under way.
func (w *world) report(h *host) {
	ids := slices.Sorted(maps.Keys(h.results))
	id := ids[w.r.IntN(len(ids))]
	w.bag = append(w.bag, h.results[id])
}

// deliver takes something out of the bag, whichever it is, and leaves it in
// now and then, to come again.
func (w *world) deliver() error {
	i := w.r.IntN(len(w.bag))
	in := w.bag[i]
	if w.calm || w.r.IntN(5) > 0 {
		w.bag = slices.Delete(w.bag, i, i+1)
	}
	if l, ok := in.(engine.Lost); ok {
		in = w.lost(l)
	}
	if err := w.step(in); err != nil {
		return err
	}
	// A result is acknowledged once it is committed; the word may get lost.
	if e, ok := in.(engine.Ended); ok && w.oracle.live(e.Attempt) == nil && (w.calm || w.r.IntN(4) > 0) {
		for _, h := range w.hosts {
			delete(h.results, e.Attempt)
		}
	}
	return nil
}

// step gives the tracker an input.
func (w *world) step(in engine.Input) error {
	return w.stepWith(in, func() bool { return w.oracle.apply(in, w.now) })
}

// stepWith gives the tracker an input, and the oracle. The manager may die
// before the commit, so that nothing has happened, or right after it.
func (w *world) stepWith(in engine.Input, oracle func() bool) error {
	w.note("%T%+v", in, in)
	_, isRerun := in.(engine.Rerun)
	if !w.calm && !isRerun && w.r.IntN(80) == 0 {
		w.note("the manager dies before the commit")
		if _, err := w.tracker.Step(in, w.now); err != nil && banto.KindOf(err) == banto.KindInternal {
			return err
		}
		if err := w.crash(); err != nil {
			return err
		}
		switch in.(type) {
		case engine.Placed, engine.NoPlace, engine.FanOut:
			return nil // the board that decided it is gone; the new one has decided anew
		}
	}
	var again []engine.Effect
	if w.shadow {
		if w.twin == nil || w.r.IntN(10) == 0 {
			t, err := w.rows.Restore()
			if err != nil {
				return err
			}
			w.twin = t
		}
		again, _ = w.twin.Step(in, w.now)
	}
	before := ""
	if w.shadow {
		before = w.oracle.picture()
	}
	planned, errPlan := w.plan(in)
	effects, err := w.tracker.Step(in, w.now)
	if isMove(in) && (fmt.Sprint(err) != fmt.Sprint(errPlan) || err == nil && !slices.Equal(planned, w.tracker.Changes())) {
		return fmt.Errorf("the plan was %v (%w), it came to %v (%w)", planned, errPlan, w.tracker.Changes(), err)
	}
	if refused := oracle(); refused != (err != nil) {
		return fmt.Errorf("the oracle refuses: %t; the engine says %w", refused, err)
	}
	if err != nil && (banto.KindOf(err) == banto.KindInternal || effects != nil) {
		return errors.Join(errors.New("a refusal must be told, and do nothing"), err)
	}
	if w.shadow {
		if err := Same(effects, again); err != nil {
			return fmt.Errorf("a restored tracker does something else: %w", err)
		}
		if moved := before != w.oracle.picture(); !isMove(in) && moved != (len(effects) > 0) {
			return fmt.Errorf("%T meant something: %t; it gave %d effects", in, moved, len(effects))
		}
	}
	return w.commit(effects)
}

// commit saves the effects, checks them, and carries them out, unless the
// manager dies in between.
func (w *world) commit(effects []engine.Effect) error {
	if err := w.rows.Save(effects); err != nil {
		return err
	}
	w.was = map[banto.PartKey]banto.Part{}
	for _, e := range effects {
		if err := w.committed(e); err != nil {
			return err
		}
	}
	if err := w.oracle.compare(w.tracker.Row(), w.parts); err != nil {
		return err
	}
	if !w.calm && len(effects) > 0 && w.r.IntN(80) == 0 {
		w.note("the manager dies after the commit")
		return w.crash()
	}
	w.carryOut(effects)
	return w.place()
}

// committed takes note of what the transaction holds: rows and outbox.
func (w *world) committed(e engine.Effect) error {
	switch e := e.(type) {
	case engine.SavePart:
		w.was[e.Part.Key] = w.parts[e.Part.Key]
		w.parts[e.Part.Key] = e.Part
		switch {
		case e.Part.State == banto.PartSkipped, e.Part.Forced != "":
			w.done[e.Part.Key] = true
		case !e.Part.State.Ended():
			delete(w.done, e.Part.Key)
		}
	case engine.SaveAttempt:
		return w.attempt(e.Attempt)
	case engine.Start:
		id, part := e.Attempt.ID, e.Attempt.Part
		if err := w.mayStart(e.Attempt); err != nil {
			return err
		}
		if w.seen[id] {
			return fmt.Errorf("attempt %s starts twice", id)
		}
		if other, out := w.live[part]; out {
			return fmt.Errorf("attempt %s of %s starts while %s is out", id, part, other)
		}
		w.seen[id], w.live[part] = true, id
		w.outbox["start "+string(id)] = order{id: id, host: e.Attempt.HostID}
		if e.Spec.DeadManMS > 0 {
			w.hostOf(e.Attempt.HostID).limits[id] = time.Duration(e.Spec.DeadManMS) * time.Millisecond
		}
	case engine.Call:
		id, part := e.Attempt.ID, e.Attempt.Part
		if w.row.Held || w.seen[id] || w.live[part] != "" {
			return fmt.Errorf("attempt %s of %s calls, and should not", id, part)
		}
		w.seen[id], w.live[part], w.freed[id] = true, id, true
		w.outbox["start "+string(id)] = order{id: id}
	case engine.Kill:
		w.outbox["kill "+string(e.Attempt)] = order{id: e.Attempt, host: e.HostID, kill: true}
	case engine.FreePlace:
		if w.freed[e.Attempt] || !w.seen[e.Attempt] {
			return fmt.Errorf("the place of %s is given back twice, or was never taken", e.Attempt)
		}
		w.freed[e.Attempt] = true
	case engine.TrackerEnded:
		w.ended = true
	case engine.SaveTracker:
		w.row = e.Tracker
		w.ended = w.ended && e.Tracker.State.Ended() // a rerun begins anew
	}
	return nil
}

// attempt takes note of an attempt's row. One that has ended must have no
// process any more, unless a person gave it up.
func (w *world) attempt(a banto.Attempt) error {
	if !a.State.Ended() {
		return nil
	}
	w.over[a.ID] = true
	if w.live[a.Part] == a.ID {
		delete(w.live, a.Part)
	}
	if strings.HasPrefix(a.Message, "given up: ") {
		w.given[a.ID] = true
		return nil
	}
	if h := w.hostOf(a.HostID); h.claims[a.ID] {
		return fmt.Errorf("attempt %s of %s has ended (%s), and its process runs on %s", a.ID, a.Part, a.Message, h.name)
	}
	return nil
}

// carryOut does what is done after the commit.
func (w *world) carryOut(effects []engine.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case engine.WantPlace:
			w.board.Add(dispatch.Want{
				Tracker: simTracker, Part: e.Part, Host: e.Host, Chosen: e.Chosen, PerPart: e.PerPart,
			})
		case engine.Unchoose:
			w.board.Unchoose(simTracker, e.Target)
		case engine.Withdraw:
			w.board.Withdraw(simTracker, e.Part)
		case engine.Start:
			w.board.Bind(simTracker, e.Attempt.Part, e.Attempt.ID)
		case engine.FreePlace:
			w.board.Free(e.Attempt)
		case engine.WakeAt:
			w.timers[e.Part] = e.At
		}
	}
}

// place gives the tracker what the board has decided. A crash on the way has
// made a new board, and what the old one had decided is void.
func (w *world) place() error {
	board := w.board
	for _, p := range board.Next() {
		if w.board != board {
			return nil
		}
		var in engine.Input = engine.Placed{Part: p.Want.Part, Host: p.Host, HostID: p.HostID, Target: p.Target, DeadMan: p.HostID != "" && !w.hostOf(p.HostID).old}
		switch {
		case p.Reason != "":
			in = engine.NoPlace{Part: p.Want.Part, Reason: p.Reason, Message: p.Message}
		case p.All != nil:
			in = engine.FanOut{Part: p.Want.Part, Hosts: p.All}
		}
		if err := w.step(in); err != nil {
			return err
		}
	}
	return nil
}
