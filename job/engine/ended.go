package engine

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// started notes that an attempt's process runs.
func (t *Tracker) started(in Started) {
	a := t.attempts[in.Attempt]
	if a == nil || a.State == banto.AttemptRunning {
		return
	}
	if in.Child != "" {
		a.Child = in.Child
		t.edit(t.part(a.Part)).Child = in.Child
	}
	t.running(a, in.At)
}

// found notes that a lost attempt, or one not yet confirmed, is on its host.
func (t *Tracker) found(in Found) {
	a := t.attempts[in.Attempt]
	if a == nil || a.State == banto.AttemptRunning {
		return
	}
	t.running(a, t.cur.now)
}

// running brings an attempt and its part to running. The time of its start is
// kept if it is known.
func (t *Tracker) running(a *banto.Attempt, at time.Time) {
	if a.StartedAt == nil {
		a.StartedAt = t.orNow(at)
	}
	a.State, a.DeadBy = banto.AttemptRunning, nil
	t.touchAttempt(a)
	p := t.part(a.Part)
	t.set(p, banto.PartRunning)
	t.startedAt(p, a.StartedAt)
}

// startedAt notes when an attempt of the part started; the first of its items
// to start has started the part they are of.
func (t *Tracker) startedAt(p *part, at *time.Time) {
	t.edit(p).StartedAt = at
	if p.of != nil && at != nil && p.of.row.StartedAt == nil {
		t.edit(p.of).StartedAt = at
	}
}

// ended takes an attempt's result; that it has started follows from it.
func (t *Tracker) ended(in Ended) {
	a := t.attempts[in.Attempt]
	if a == nil {
		return
	}
	p := t.part(a.Part)
	if in.StartedAt != nil {
		a.StartedAt = t.orNow(*in.StartedAt)
	}
	a.Exit, a.OutputSize, a.OutputLost = in.Exit, in.OutputSize, in.OutputLost
	v := t.judge(p, in)
	if in.Outcome != "" {
		in.Exit = new(map[banto.Outcome]int{banto.OK: 0, banto.Warning: 1, banto.Error: 2}[in.Outcome])
		a.Exit = in.Exit
	}
	if t.diedLost(p, a, in) && t.onLost(p, a, v.message, false) {
		a.EndedAt = t.orNow(in.At)
		return
	}
	killed := a.Killing
	if v.reason == banto.ReasonKilled && in.Message == "" && a.Message != "" {
		v.message = a.Message // who killed it, and why
	}
	a.State, a.Reason, a.Message = v.attempt(), v.reason, v.message
	a.EndedAt, a.Killing, a.DeadBy = t.orNow(in.At), false, nil
	delete(t.attempts, a.ID)
	t.touchAttempt(a)
	if !p.calls() {
		t.emit(FreePlace{Attempt: a.ID, HostID: a.HostID})
	}

	r := t.edit(p)
	if r.Forced != "" {
		v.state, v.reason, v.message = banto.PartState(r.Forced), r.Reason, r.Message
	}
	r.Reason, r.Message, r.Exit, r.Vars = v.reason, v.message, in.Exit, v.vars
	t.startedAt(p, a.StartedAt)
	if p.def().OutputUsed {
		r.Output = head(in.Output)
	}
	if v.state == banto.PartError && !killed && r.Forced == "" && t.retry(p, in) {
		return
	}
	t.set(p, v.state).EndedAt = a.EndedAt
	t.heal(p)
}

// orNow gives a time that a host told; one that it did not tell is now.
func (t *Tracker) orNow(at time.Time) *time.Time {
	if at.IsZero() {
		at = t.cur.now
	}
	return new(clean(at))
}

// head cuts an output to what is kept of it, at the end of a character.
func head(s string) string {
	if len(s) <= banto.MaxOutputHead {
		return s
	}
	n := banto.MaxOutputHead
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// verdict is what a result means.
type verdict struct {
	state   banto.PartState // ok, warning, error or cancelled
	reason  banto.Reason
	message string
	vars    map[string]string
}

// attempt gives the verdict as the state of the attempt.
func (v verdict) attempt() banto.AttemptState { return banto.AttemptState(v.state) }

// judge says what a result means to the part.
func (t *Tracker) judge(p *part, in Ended) verdict {
	fp := p.def()
	if in.Outcome != "" {
		return verdict{state: banto.PartState(in.Outcome), reason: in.Reason, message: in.Message}
	}
	if in.Reason == "" && in.Exit == nil {
		in.Reason = banto.ReasonSignal
		if in.StartedAt == nil {
			in.Reason = banto.ReasonNotStarted
		}
	}
	if in.Reason != "" {
		v := verdict{state: banto.PartError, reason: in.Reason, message: in.Message}
		if in.Reason == banto.ReasonKilled && t.row.Cancelling {
			v.state = banto.PartCancelled
		}
		if v.message == "" {
			v.message = sentence(in.Reason, fp)
		}
		v.vars, _, _ = parseVars(fp, in.Vars) // those that are right, for whoever rescues
		return v
	}
	v := verdict{state: banto.PartState(fp.Exit.Outcome(*in.Exit))}
	if v.state != banto.PartOK {
		v.reason, v.message = banto.ReasonExit, fmt.Sprintf("ended with exit code %d", *in.Exit)
	}
	vars, undeclared, err := parseVars(fp, in.Vars)
	v.vars = vars
	if err != nil && v.state != banto.PartError {
		v.state, v.reason, v.message = banto.PartError, banto.ReasonVariables, err.Error()
	}
	if len(undeclared) > 0 {
		v.note("it set " + strings.Join(undeclared, ", ") + ", which its definition does not declare in sets")
	}
	if in.Message != "" {
		v.note(in.Message)
	}
	return v
}

// parseVars reads what a part set; nothing is nil, as it comes back from a store.
func parseVars(fp *jobnet.FlowPart, text string) (vars map[string]string, undeclared []string, err error) {
	if text == "" {
		return nil, nil, nil
	}
	vars, undeclared, err = jobnet.ParseVars(fp.Sets, text)
	if len(vars) == 0 {
		vars = nil
	}
	return vars, undeclared, err
}

// note adds to the message.
func (v *verdict) note(s string) {
	if v.message != "" {
		v.message += "; "
	}
	v.message += s
}

// sentence says a reason in words, when the host has not.
func sentence(r banto.Reason, fp *jobnet.FlowPart) string {
	switch r {
	case banto.ReasonSignal:
		return "ended by a signal"
	case banto.ReasonTimeout:
		return fmt.Sprintf("ran longer than its timeout of %s", fp.Timeout)
	case banto.ReasonKilled:
		return "was killed"
	case banto.ReasonNoProgram:
		return "its program or shell does not exist"
	case banto.ReasonNoDirectory:
		return "its directory does not exist"
	case banto.ReasonNoAccount:
		return "its account does not exist on the host"
	case banto.ReasonNoRight:
		return "the agent has no right to run it"
	case banto.ReasonExpired:
		return "its account or the password of it has expired"
	case banto.ReasonLogonFailed:
		return "its host refused the logon of its account"
	case banto.ReasonMemory:
		return "was killed at its memory limit"
	case banto.ReasonUnkillable:
		return "was killed, but its host holds a process of it that may still be there"
	case banto.ReasonLost:
		return "its host did not come back"
	case banto.ReasonHostRestarted:
		return "its host restarted while it ran"
	case banto.ReasonKeeperDied:
		return "its keeper died, and its exit status is not known"
	}
	return "the host could not start it"
}
