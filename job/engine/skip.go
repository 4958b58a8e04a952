package engine

import (
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// skip counts parts as done without running them. One whose turn has not come
// passes when it comes, so that what is behind it keeps its order.
func (t *Tracker) skip(in Skip) error {
	if len(in.Parts) == 0 {
		return t.refuse(banto.MoveSkip, banto.KindInvalid, "no part is named", "name the parts to skip")
	}
	parts, err := t.named(banto.MoveSkip, in.Parts)
	if err != nil {
		return err
	}
	if err := t.canEnd(banto.MoveSkip, parts, func(p *part) (string, string) {
		switch {
		case p.runs() || p.any((*part).runs):
			return p.is(), "kill it first, or force-end it with the outcome you want"
		case p.toSkip():
			return "", "" // the same again
		}
		if why, hint := p.whyNotEnd(); why != "" || p.def().Kind != jobnet.KindBranch {
			return why, hint
		}
		return fmt.Sprintf("%s is a branch, and would have no way on", p.key()), "force-end it with the way that it is to take: " + p.def().OwnOutlets()
	}); err != nil {
		return err
	}
	again := t.reopen()
	for _, p := range parts {
		t.skipPart(p, said("skipped", in.By, in.Reason))
	}
	if again {
		t.startAll()
	}
	return nil
}

// forceEnd gives parts the outcome that a person says.
func (t *Tracker) forceEnd(in ForceEnd) error {
	switch in.Outcome {
	case banto.OK, banto.Warning, banto.Error:
	default:
		return t.refuse(banto.MoveForceEnd, banto.KindInvalid, fmt.Sprintf("there is no outcome %q", in.Outcome), "say ok, warning or error")
	}
	if len(in.Parts) == 0 {
		return t.refuse(banto.MoveForceEnd, banto.KindInvalid, "no part is named", "name the parts to end")
	}
	parts, err := t.named(banto.MoveForceEnd, in.Parts)
	if err != nil {
		return err
	}
	if err := t.canEnd(banto.MoveForceEnd, parts, func(p *part) (string, string) {
		if p.state() == banto.PartError && in.Outcome == banto.Error {
			return fmt.Sprintf("%s is in error already", p.key()), ""
		}
		if why, hint := p.whyNotEnd(); why != "" && !p.toSkip() {
			return why, hint
		}
		return p.whyNotWay(in)
	}); err != nil {
		return err
	}
	again := t.reopen()
	for _, p := range parts {
		t.forcePart(p, in, said("force-ended as "+string(in.Outcome), in.By, in.Reason))
	}
	if again {
		t.startAll()
	}
	return nil
}

// whyNotWay says why a branch cannot end so: it needs a way on, and no other part
// has one.
func (p *part) whyNotWay(in ForceEnd) (why, hint string) {
	fp := p.def()
	switch {
	case fp.Kind != jobnet.KindBranch && in.Outlet != "":
		return fmt.Sprintf("%s is no branch, and has no way %q", p.key(), in.Outlet), "leave the outlet out"
	case fp.Kind != jobnet.KindBranch:
	case in.Outcome == banto.Error && in.Outlet != "":
		return fmt.Sprintf("%s takes no way when it ends in error", p.key()), "leave the outlet out, or say ok"
	case in.Outcome != banto.Error && in.Outlet == "":
		return fmt.Sprintf("%s is a branch, and it is not said which way it takes", p.key()), "say the outlet: " + fp.OwnOutlets()
	case in.Outlet != "" && !fp.HasOutlet(in.Outlet):
		return fmt.Sprintf("%s has no way %q", p.key(), in.Outlet), "its outlets are " + fp.OwnOutlets()
	}
	return "", ""
}

// canEnd refuses a skip or force-end for what the tracker's own state forbids,
// and for what why says of a part.
func (t *Tracker) canEnd(move banto.Move, parts []*part, why func(*part) (why, hint string)) error {
	var no refusals
	for _, p := range parts {
		said, hint := why(p)
		switch {
		case said != "":
			no.add(said, hint)
		case t.row.Cancelling && !p.onHosts():
			no.add(p.is()+" and the tracker is being cancelled", "")
		case t.row.State.Ended() && p.state() != banto.PartError:
			no.add(fmt.Sprintf("the tracker has ended (%s), and %s", t.row.State, p.is()), "rerun it from there")
		}
	}
	return t.refuseAll(move, no)
}

// startsAgain says what can be done about a tracker that is about to start
// again from its start.
const startsAgain = "hold the tracker so that nothing starts then, or cancel it"

// whyNotEnd says why neither skip nor force-end makes sense for a part.
func (p *part) whyNotEnd() (why, hint string) {
	s := p.state()
	switch {
	case p.gone():
		return p.is(), startsAgain
	case p.any((*part).gone):
		return p.items.list[slices.IndexFunc(p.items.list, (*part).gone)].is(), startsAgain
	case s == banto.PartError && p.of != nil && p.of.state().Ended() && (p.of.state() != banto.PartError || p.of.row.Forced != ""):
		return p.of.is(), ""
	case s.Ended() && s != banto.PartError:
		return p.is(), "rerun it to have it run again"
	case s == banto.PartWaiting && p.of != nil:
		return p.is(), "name " + string(p.of.key())
	}
	return "", ""
}

// onHosts says whether all that is live of a part are attempts on hosts.
func (p *part) onHosts() bool {
	switch p.state() {
	case banto.PartStarting, banto.PartRunning, banto.PartLost:
		return true // a cancel has ended all items that are on none
	}
	return false
}

// reopen takes a tracker that has ended up again: what was not reached waits
// anew. It counts as a rerun. One that goes on is left alone.
func (t *Tracker) reopen() bool {
	if !t.row.State.Ended() {
		return false
	}
	t.touch()
	t.row.Rerun++
	t.row.Restarts = 0
	t.row.State, t.row.Message, t.row.EndedAt = banto.TrackerRunning, "", nil
	for i := range t.root.parts {
		if p := &t.root.parts[i]; p.state() == banto.PartUnreached {
			t.reset(p)
		}
	}
	t.recount()
	return true
}

// skipPart skips a part, or all items of it that have not ended well.
func (t *Tracker) skipPart(p *part, words string) {
	switch s := p.state(); {
	case p.spread():
		p.each(func(i *part) {
			if s := i.state(); s.Live() || s == banto.PartHeld || s == banto.PartError {
				t.skipPart(i, words)
			}
		})
		return
	case p.toSkip():
		return
	case s == banto.PartReady:
		t.withdraw(p)
	case s == banto.PartLost:
		t.giveUp(p, words)
	case p.of == nil && !p.reached():
		r := t.put(p, banto.PartSkipped)
		t.clear(r)
		r.Message = words
		t.cur.turns = append(t.cur.turns, p)
		return
	}
	r := t.set(p, banto.PartSkipped)
	t.clear(r)
	r.Message, r.EndedAt = words, new(t.cur.now)
}

// reached says whether the part's turn has come: its edges have let it start.
func (p *part) reached() bool {
	switch p.state() {
	case banto.PartWaiting:
		return false
	case banto.PartHeld:
		return p.of != nil || p.row.Tries > 0 || p.row.Via != ""
	}
	return true
}

// forcePart ends a part with an outcome, at once or when what runs has ended.
func (t *Tracker) forcePart(p *part, in ForceEnd, words string) {
	o := in.Outcome
	switch s := p.state(); {
	case p.spread():
		r := t.edit(p)
		r.Forced, r.Reason, r.Message = o, banto.ReasonForced, words
		p.each(func(i *part) {
			switch {
			case i.runs():
				t.kill(i, words)
			case !i.state().Ended():
				t.forcePart(i, in, words)
			}
		})
		if p.any((*part).runs) {
			t.note(p, "ends as "+string(o)+" once what runs of it is killed")
		}
		return
	case p.runs():
		r := t.edit(p)
		r.Forced, r.Reason, r.Message = o, banto.ReasonForced, words
		t.kill(p, words)
		t.note(p, "ends as "+string(o)+" once its process on "+r.Host+" is killed")
		return
	case s == banto.PartReady:
		t.withdraw(p)
	case s == banto.PartLost:
		t.giveUp(p, words)
	}
	r := t.edit(p)
	t.clear(r)
	r.Outlet = string(in.Outlet) // before the state: the edges look at both
	t.set(p, banto.PartState(o))
	r.Forced, r.Reason, r.Message, r.EndedAt = o, banto.ReasonForced, words, new(t.cur.now)
	t.heal(p)
}
