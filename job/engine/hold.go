package engine

import (
	"github.com/bantoops/banto"
)

// hold keeps parts, or the whole tracker, from starting. The same again is no
// error.
func (t *Tracker) hold(in Hold) error {
	if err := t.going(banto.MoveHold); err != nil {
		return err
	}
	words := said("held", in.By, in.Reason)
	if len(in.Parts) == 0 {
		t.holdAll(words)
		return nil
	}
	parts, err := t.named(banto.MoveHold, in.Parts)
	if err != nil {
		return err
	}
	var no refusals
	for _, p := range parts {
		if p.state() != banto.PartHeld && !p.canHold() {
			no.add(p.is(), holdHint(p))
		}
	}
	if err := t.refuseAll(banto.MoveHold, no); err != nil {
		return err
	}
	for _, p := range parts {
		t.holdPart(p, words)
	}
	return nil
}

// holdAll holds the tracker. What is ready stays so, but wants no place.
func (t *Tracker) holdAll(words string) {
	if t.row.Held {
		return
	}
	t.touch()
	t.root.all(func(p *part) {
		if p.state() == banto.PartReady {
			t.withdraw(p)
		}
	})
	t.row.Held, t.row.Message = true, words
	t.tellCalls(true)
}

// holdOuter holds or releases the tracker as the one that runs it was. What a
// person held stays so.
func (t *Tracker) holdOuter(in OuterHeld) {
	switch {
	case t.row.State.Ended(), t.row.Cancelling, in.Held == t.row.Held, !in.Held && !t.row.HeldOuter:
	case in.Held:
		t.holdAll("held by the tracker that runs it")
		t.row.HeldOuter = true
	default:
		t.touch()
		t.letGo()
	}
}

// letGo ends the hold of the tracker. What was ready wants its place again, in the
// order in which it became so.
func (t *Tracker) letGo() {
	t.row.Held, t.row.HeldOuter, t.row.Message = false, false, ""
	t.tellCalls(false)
	for _, p := range t.inLine() {
		t.want(p)
	}
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.state() == banto.PartWaiting && !p.def().Kind.Attempts() {
			t.cur.turns = append(t.cur.turns, p) // it may have come while the tracker was held
		}
	}
}

// canHold says whether the part, or an item of it, has yet to start.
func (p *part) canHold() bool {
	switch p.state() {
	case banto.PartWaiting:
		return p.of == nil
	case banto.PartReady, banto.PartRetrying:
		return true
	case banto.PartRunning:
		return p.spread() && p.any((*part).canHold)
	}
	return false
}

// holdHint says what to do in place of a hold.
func holdHint(p *part) string {
	switch {
	case p.toSkip():
		return "rerun it alone to have it run"
	case p.state().Ended():
		return ""
	case p.awaits():
		return "it waits already: skip it or force-end it, or hold what is behind it"
	case p.state() == banto.PartWaiting:
		return "hold " + string(p.of.key())
	}
	return "what runs cannot be held: kill it, or hold what is behind it"
}

// holdPart holds a part. One that waits for its next attempt keeps its time.
func (t *Tracker) holdPart(p *part, words string) {
	switch p.state() {
	case banto.PartRunning:
		p.each(func(i *part) {
			if i.canHold() {
				t.holdPart(i, words)
			}
		})
		return
	case banto.PartHeld:
		return
	case banto.PartReady:
		t.withdraw(p)
	}
	t.set(p, banto.PartHeld).Message = words
}

// release takes holds away; without parts, all of them.
func (t *Tracker) release(in Release) error {
	if err := t.going(banto.MoveRelease); err != nil {
		return err
	}
	if len(in.Parts) == 0 {
		return t.releaseAll()
	}
	parts, err := t.named(banto.MoveRelease, in.Parts)
	if err != nil {
		return err
	}
	var no refusals
	for _, p := range parts {
		if !p.hasHold() {
			hint := ""
			if t.row.Held {
				hint = "release the tracker: it is held as a whole"
			}
			no.add(string(p.key())+" is not held", hint)
		}
	}
	if err := t.refuseAll(banto.MoveRelease, no); err != nil {
		return err
	}
	for _, p := range parts {
		t.releasePart(p)
	}
	return nil
}

// hasHold says whether the part or an item of it is held.
func (p *part) hasHold() bool {
	held := func(p *part) bool { return p.state() == banto.PartHeld }
	return held(p) || p.any(held)
}

// releaseAll takes all holds away. What was ready wants its place again, in
// the order in which it became so.
func (t *Tracker) releaseAll() error {
	var held []*part
	t.root.all(func(p *part) {
		if p.state() == banto.PartHeld && !p.spread() {
			held = append(held, p)
		}
	})
	if !t.row.Held && len(held) == 0 {
		return t.refuse(banto.MoveRelease, banto.KindConflict, "nothing of it is held", "")
	}
	t.touch()
	if t.row.Held {
		t.letGo()
	}
	for _, p := range held {
		t.releasePart(p)
	}
	return nil
}

// releasePart lets a held part go on from where it was.
func (t *Tracker) releasePart(p *part) {
	if p.spread() {
		p.each(func(i *part) {
			if i.state() == banto.PartHeld {
				t.releasePart(i)
			}
		})
		return
	}
	if p.state() != banto.PartHeld {
		return // released with the part that it is an item of
	}
	r := t.edit(p)
	r.Message = ""
	switch {
	case r.RetryAt != nil && t.cur.now.Before(*r.RetryAt):
		t.set(p, banto.PartRetrying)
		t.emit(WakeAt{Part: p.key(), At: *r.RetryAt})
	case r.RetryAt != nil, r.Tries > 0, p.of != nil:
		t.ready(p)
	default:
		t.set(p, banto.PartWaiting)
		t.cur.turns = append(t.cur.turns, p)
	}
}
