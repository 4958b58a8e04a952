package engine

import (
	"slices"

	"github.com/bantoops/banto"
)

// killParts asks for the end of attempts; without parts, of all. It refuses to
// ask again for what is being killed already.
func (t *Tracker) killParts(in KillParts) error {
	if t.row.State.Ended() {
		return t.going(banto.MoveKill)
	}
	var parts []*part
	if len(in.Parts) == 0 {
		for i := range t.root.parts {
			if p := &t.root.parts[i]; p.hasAttempt() {
				parts = append(parts, p)
			}
		}
		if len(parts) == 0 {
			return t.refuse(banto.MoveKill, banto.KindConflict, "nothing of it runs", "cancel it to start nothing more, or hold it")
		}
	} else {
		var err error
		if parts, err = t.named(banto.MoveKill, in.Parts); err != nil {
			return err
		}
	}
	var no refusals
	for _, p := range parts {
		if !p.hasAttempt() {
			why, hint := p.is(), "it does not run: hold it, skip it, or force-end it"
			switch {
			case p.state().Ended(), p.gone():
				hint = ""
			case p.awaits():
				why, hint = string(p.key())+" runs nothing, it waits", "skip it, or force-end it"
			case p.spread():
				why = string(p.key()) + " runs on no host now"
			}
			no.add(why, hint)
		}
	}
	if err := t.refuseAll(banto.MoveKill, no); err != nil {
		return err
	}
	if !slices.ContainsFunc(parts, t.canKill) {
		for _, p := range parts {
			no.add(string(p.key())+" is being killed already", "it ends when its host says so; force-end it if it is lost")
		}
		return t.refuseAll(banto.MoveKill, no)
	}
	for _, p := range parts {
		t.killPart(p, said("killed", in.By, in.Reason))
	}
	return nil
}

// runs says whether an attempt of the part is on a host that can be reached.
func (p *part) runs() bool {
	s := p.state()
	return !p.spread() && !p.awaits() && (s == banto.PartStarting || s == banto.PartRunning)
}

// hasAttempt says whether an attempt of the part, or of an item of it, is or
// may be on a host.
func (p *part) hasAttempt() bool {
	return p.runs() || p.state() == banto.PartLost && !p.spread() && !p.gone() || p.any((*part).hasAttempt)
}

// canKill says whether a kill would change anything of a part.
func (t *Tracker) canKill(p *part) bool {
	switch {
	case p.spread():
		return p.any(t.canKill)
	case p.hasAttempt():
		return !t.attempts[p.row.AttemptID].Killing
	}
	return p.of != nil && (p.state() == banto.PartReady || p.state() == banto.PartRetrying)
}

// killPart kills a part's attempt. Of one on several hosts it kills all, and
// ends the items that are about to start.
func (t *Tracker) killPart(p *part, words string) {
	if !p.spread() {
		t.kill(p, words)
		return
	}
	p.each(func(i *part) {
		switch s := i.state(); {
		case i.hasAttempt():
			t.kill(i, words)
		case s == banto.PartReady:
			t.withdraw(i)
			t.fail(i, banto.ReasonKilled, words)
		case s == banto.PartRetrying:
			t.fail(i, banto.ReasonKilled, words)
		}
	})
}

// kill asks the host to kill the part's attempt, unless that was asked before.
func (t *Tracker) kill(p *part, words string) {
	a := t.attempts[p.row.AttemptID]
	if a.Killing {
		return
	}
	a.Killing, a.Message = true, words
	t.touchAttempt(a)
	t.emit(Kill{Attempt: a.ID, HostID: a.HostID, Child: a.Child, Reason: banto.ReasonKilled})
	if a.Child != "" {
		t.note(p, "its tracker "+string(a.Child)+" is cancelled")
	} else if p.state() == banto.PartLost {
		t.note(p, "its process is killed when "+a.Host+" comes back")
	} else {
		t.note(p, "its process on "+a.Host+" is killed")
	}
}

// giveUp ends a lost attempt without its result: whatever its host says of it
// later means nothing, and the order to kill it stays out.
func (t *Tracker) giveUp(p *part, words string) {
	a := t.attempts[p.row.AttemptID]
	delete(t.attempts, a.ID)
	killing := a.Killing
	a.State, a.Reason, a.Killing = banto.AttemptError, banto.ReasonLost, false
	a.Message, a.EndedAt, a.DeadBy = "given up: "+words, new(t.cur.now), nil
	t.touchAttempt(a)
	if !killing {
		t.emit(Kill{Attempt: a.ID, HostID: a.HostID, Reason: banto.ReasonKilled})
	}
	t.emit(FreePlace{Attempt: a.ID, HostID: a.HostID})
	t.note(p, "given up on "+a.Host+"; if it comes back, what runs there is killed")
}
