package runner

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/engine"
)

// stepTracker steps one tracker and carries its effects into the batch. An
// error is a refusal, and has changed nothing.
func (b *batch) stepTracker(id banto.TrackerID, t *engine.Tracker, in engine.Input) error {
	_, err := b.moveTracker(id, t, in)
	return err
}

// moveTracker is stepTracker with the changes that a move has made at once.
func (b *batch) moveTracker(id banto.TrackerID, t *engine.Tracker, in engine.Input) ([]banto.MoveChange, error) {
	effects, err := t.Step(in, b.now)
	if err != nil {
		return nil, err
	}
	changes := t.Changes() // before others step it again
	b.carry(id, effects)
	return changes, nil
}

// carry takes over effects: rows and orders into the batch, the rest into
// memory, which is thrown away if the batch fails.
func (b *batch) carry(id banto.TrackerID, effects []engine.Effect) {
	var nested []func()
	for _, e := range effects {
		b.sees(id, e)
		switch e := e.(type) {
		case engine.SaveTracker:
			b.trackers.put(e.Tracker.ID, e.Tracker)
			b.mem.noteState(e.Tracker)
		case engine.SavePart:
			b.parts.put(partKey{id, e.Part.Key}, e.Part)
		case engine.SaveAttempt:
			b.attempts.put(e.Attempt.ID, e.Attempt)
			b.mem.noteAttempt(e.Attempt)
			if e.Attempt.State.Ended() {
				b.dropOrder(startOrder(e.Attempt.ID)) // it may be given up before it was sent
			}
		case engine.Start:
			b.mem.board.Bind(id, e.Attempt.Part, e.Attempt.ID)
			b.putOrder(e.Attempt.HostID, fabric.Order{
				ID: startOrder(e.Attempt.ID), Start: &fabric.StartOrder{
					Attempt: e.Attempt.ID, Generation: b.mem.hosts[e.Attempt.HostID].Generation, Spec: b.sent(id, e.Spec),
				},
			})
		case engine.Call:
			nested = append(nested, func() { b.call(id, e) })
		case engine.HoldCall:
			nested = append(nested, func() { b.tell(e.Child, engine.OuterHeld{Held: e.Held}) })
		case engine.Kill:
			if e.Child != "" {
				nested = append(nested, func() { b.cancelCall(id, e) })
				continue
			}
			b.putOrder(e.HostID, fabric.Order{
				ID: killOrder(e.Attempt), Kill: &fabric.KillOrder{Attempt: e.Attempt, Reason: e.Reason},
			})
		case engine.TrackerEnded:
			row := b.mem.trackers[id].Row()
			rerun := row.Rerun
			if row.Parent != "" {
				nested = append(nested, func() { b.returned(row) })
			}
			for _, h := range e.Hosts {
				b.putOrder(h, fabric.Order{
					ID: cleanOrder(id, rerun, h), Clean: &fabric.CleanOrder{Tracker: id, Keep: e.KeepWork},
				})
			}
		default:
			b.note(id, e)
		}
	}
	b.later(nested)
}

// note takes over the effects that touch nothing but memory; the rebuild
// makes the same ones again.
func (b *batch) note(id banto.TrackerID, e engine.Effect) {
	switch e := e.(type) {
	case engine.WantPlace:
		b.mem.tryLogon(e.Account)
		b.mem.want(partKey{id, e.Part}, b.now)
		b.mem.board.Add(dispatch.Want{
			Tracker: id, Part: e.Part, Host: e.Host, Chosen: e.Chosen, PerPart: e.PerPart, Account: e.Account, Shell: e.Shell,
		})
	case engine.Unchoose:
		b.mem.board.Unchoose(id, e.Target)
	case engine.Withdraw:
		b.mem.board.Withdraw(id, e.Part)
		delete(b.mem.wanted, partKey{id, e.Part})
	case engine.FreePlace:
		b.mem.board.Free(e.Attempt)
	case engine.WakeAt:
		b.mem.timers.set(timerKey{tracker: id, part: e.Part}, e.At)
	}
}

// place gives the parts that are ready the places there are, until nothing
// moves any more.
func (b *batch) place() {
	if b.r.still() {
		return
	}
	for {
		decided := b.mem.board.Next()
		if len(decided) == 0 {
			return
		}
		for _, p := range decided {
			b.placeOne(p)
		}
	}
}

// placeOne tells a tracker what was decided for one of its parts.
func (b *batch) placeOne(p dispatch.Placement) {
	id, part := p.Want.Tracker, p.Want.Part
	if t := b.mem.trackers[id]; t != nil {
		if err := b.stepTracker(id, t, b.decided(p)); err != nil {
			b.r.log.Error("a placement was refused", "tracker", id, "part", part, "error", err)
		}
	}
	// A place that no attempt came of goes back: the part ended before it
	// could start, or does not want it any more.
	b.mem.board.Withdraw(id, part)
	delete(b.mem.wanted, partKey{id, part})
}

// decided is what a decision is to the tracker.
func (b *batch) decided(p dispatch.Placement) engine.Input {
	part := p.Want.Part
	switch {
	case p.Reason != "":
		return engine.NoPlace{Part: part, Reason: p.Reason, Message: p.Message}
	case len(p.All) > 0:
		return engine.FanOut{Part: part, Hosts: p.All}
	}
	user, ok := b.mem.userOn(p.Want.Account, p.HostID)
	if !ok {
		return engine.NoPlace{
			Part: part, Reason: banto.ReasonNoAccount,
			Message: fmt.Sprintf("the account %s names no user on %s", p.Want.Account, p.Host),
		}
	}
	return engine.Placed{Part: part, Host: p.Host, HostID: p.HostID, Target: p.Target, User: user, DeadMan: b.mem.deadMan[p.HostID]}
}
