package sim

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/store"
)

// rests says whether nothing is left to do.
func (w *world) rests() bool { return len(w.unrest()) == 0 }

// unrest says what is left to do.
func (w *world) unrest() []string {
	var left []string
	add := func(s string) { left = append(left, s) }
	if w.operators.open > 0 {
		add("submissions without an answer")
	}
	rows, err := w.truth.look.ListTrackers(w.ctx, store.TrackerQuery{})
	if err != nil {
		add(err.Error())
	}
	for i := range rows {
		if t := &rows[i]; !t.State.Ended() && t.State != banto.TrackerBlocked {
			add("tracker " + string(t.ID) + " is " + string(t.State) + " " + t.Message)
		}
	}
	entries, err := w.truth.look.Outbox(w.ctx)
	if err != nil {
		add(err.Error())
	}
	for _, e := range entries {
		add("order " + e.ID)
	}
	for _, h := range w.hosts {
		if h.life.dead {
			if h.machine == h.name {
				add(h.name + " is down")
			}
			continue
		}
		if h.keeper == nil || h.keeper.life.dead {
			add(h.name + " has no keeper")
			continue
		}
		g := h.keeper.m.Greeting(keeper.Hello{})
		if n := len(g.Ended); n > 0 {
			add("results on " + h.machine + " that are not acknowledged, " + string(g.Ended[0].Attempt) + " first")
		}
		if n := len(g.Hello.Running); n > 0 {
			add("attempts on " + h.machine + " that run, " + string(g.Hello.Running[0]) + " first")
		}
	}
	return left
}

// checkEnd compares what the store holds with the truth, once all is at rest.
func (w *world) checkEnd() {
	if left := w.unrest(); len(left) > 0 {
		left = append(left, w.waits()...)
		w.broken(7, "after %s without faults there is left: %s", patience, strings.Join(left, "; "))
		return
	}
	w.checkTrackers()
	for _, id := range slices.Sorted(maps.Keys(w.truth.fates)) {
		w.checkAttempt(id, w.truth.fates[id])
	}
}

// waits says what the trackers say that they wait for. It is for the end alone:
// the question comes from another goroutine.
func (w *world) waits() []string {
	var said []string
	for _, m := range w.managers {
		if m.run == nil {
			continue
		}
		for _, s := range w.operators.all {
			answer := make(chan []string, 1)
			go func() { answer <- m.run.WaitsFor(w.ctx, s.tracker) }()
			for waiting := true; waiting; {
				select {
				case lines := <-answer:
					waiting = false
					if len(lines) > 0 {
						said = append(said, string(s.tracker)+" waits for "+strings.Join(lines, ", "))
					}
				default:
					if m.run.Turn(w.ctx) != nil {
						return said
					}
				}
			}
		}
	}
	return said
}

// checkTrackers: what was answered is there, and each key made one.
func (w *world) checkTrackers() {
	rows, err := w.truth.look.ListTrackers(w.ctx, store.TrackerQuery{})
	if err != nil {
		w.err = err
		return
	}
	made := map[string][]banto.TrackerID{}
	for i := range rows {
		made[rows[i].Reason] = append(made[rows[i].Reason], rows[i].ID)
	}
	for _, s := range w.operators.all {
		if n := len(made[s.key]); n != 1 || made[s.key][0] != s.tracker {
			w.broken(1, "%s was answered with %s, and made %v", s.key, s.tracker, made[s.key])
		}
	}
}

// restarted says whether a tracker has started again by itself: what was lost of
// it was killed, which its host may never have heard.
func (w *world) restarted(id banto.TrackerID) bool {
	t, err := w.truth.look.Tracker(w.ctx, id)
	return err == nil && t.Restarts > 0
}

// checkAttempt: the end of each process has arrived, as it was.
func (w *world) checkAttempt(id banto.AttemptID, f *fate) {
	tracker, _, _ := id.Split()
	row, ended := w.truth.rows[id]
	if !ended {
		if _, err := w.truth.look.Attempt(w.ctx, id); f.before && errors.Is(err, store.ErrNotFound) {
			return // its row went with the store
		}
		if len(f.processes) > 0 {
			w.broken(3, "%s has run, and its row has not ended", id)
		}
		return
	}
	if f.told == nil || f.told.Exit == nil || f.lost != "" || f.on.copied {
		return
	}
	switch {
	case row.Exit != nil && row.OutputSize+row.OutputLost == f.told.OutputSize+f.told.OutputLost: // a power cut loses output
	case row.Exit != nil:
		w.broken(3, "%s printed %d bytes, and its row says %d", id, f.told.OutputSize, row.OutputSize)
	case row.Reason == banto.ReasonLost, w.truth.givenUp[tracker], w.truth.killed[tracker], f.excuse != "", w.restarted(tracker):
		return // it was given up before its result came
	default:
		w.broken(3, "%s ended with exit code %d on %s, and its row says %s %s: %s", id, *f.told.Exit, f.on, row.State, row.Reason, row.Message)
		return
	}
	if row.Exit != nil && w.outputs.sizes[id] < row.OutputSize {
		w.broken(3, "%d bytes of the output of %s are here, of %d", w.outputs.sizes[id], id, row.OutputSize)
	}
}
