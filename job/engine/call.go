package engine

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// call begins an attempt of a ready part that runs another jobnet. It needs no
// place: the tracker that is made for it has attempts of its own.
func (t *Tracker) call(p *part) {
	fp, s := p.def(), t.scope(p)
	given := make(map[string]string, len(fp.Call.With))
	for _, w := range fp.Call.With {
		text, err := w.Value.Eval(s)
		if err != nil {
			t.fail(p, banto.ReasonExpression, fmt.Sprintf("with %s: %s", w.Name, err))
			return
		}
		given[w.Name] = text
	}
	a := t.attempt(p, "", "")
	t.emit(Call{Attempt: *a, Jobnet: fp.Call.Jobnet, Params: given})
}

// attempt begins an attempt of a ready part, on a host or on none.
func (t *Tracker) attempt(p *part, host string, hostID banto.HostID) *banto.Attempt {
	t.row.Attempts++
	r := t.set(p, banto.PartStarting)
	r.Attempt++
	r.Tries++
	r.AttemptID = banto.NewAttemptID(t.row.ID, t.row.Attempts)
	r.Host = host
	t.clear(r)
	a := &banto.Attempt{
		ID: r.AttemptID, Tracker: t.row.ID, Seq: t.row.Attempts,
		Part: p.key(), Number: r.Attempt, Rerun: t.row.Rerun,
		State: banto.AttemptStarting, Host: host, HostID: hostID, CreatedAt: t.cur.now,
	}
	t.attempts[a.ID] = a
	t.touchAttempt(a)
	return a
}

// again goes on with a part whose tracker goes on: a person has rerun what failed in
// it. That counts as an attempt of its own, and takes the tracker up again if it
// has ended.
func (t *Tracker) again(in Again) {
	p := t.part(in.Part)
	if p == nil || !p.resumes(in.Child) || t.WhyNotAgain(in.Part, in.Child) != "" {
		return
	}
	reopened := t.reopen()
	a := t.attempt(p, "", "")
	a.Child, a.State, a.StartedAt = in.Child, banto.AttemptRunning, new(t.cur.now)
	r := t.set(p, banto.PartRunning)
	r.Child, r.StartedAt = in.Child, a.StartedAt
	if t.row.Held {
		t.emit(HoldCall{Child: in.Child, Held: true})
	}
	if reopened {
		t.startAll()
	}
}

// resumes says whether the part would go on with that tracker: it was its last
// attempt, which has ended, and nobody has said another outcome since.
func (p *part) resumes(child banto.TrackerID) bool {
	if p.row == nil || !p.calls() || p.row.Child != child || p.row.Forced != "" {
		return false
	}
	switch p.state() {
	case banto.PartError, banto.PartRetrying:
		return true
	case banto.PartHeld, banto.PartReady:
		return p.row.Tries > 0
	}
	return false
}

// WhyNotAgain says why the tracker of a part must not go on now: what it did could be
// done twice. Empty: it may, and the part goes on with it or does not care.
func (t *Tracker) WhyNotAgain(key banto.PartKey, child banto.TrackerID) string {
	p := t.part(key)
	switch {
	case p == nil || !p.resumes(child):
		return ""
	case t.row.Cancelling:
		return fmt.Sprintf("the tracker %s that runs it is being cancelled", t.row.ID)
	case t.starting:
		return fmt.Sprintf("the tracker %s that runs it is about to start again from its start", t.row.ID)
	}
	return ""
}

// calls says whether an attempt of the part is a tracker of its own.
func (p *part) calls() bool { return p.def().Kind == jobnet.KindJobnet }

// tellCalls passes a hold or release of the tracker on to those that it runs.
func (t *Tracker) tellCalls(held bool) {
	for _, a := range t.Live() {
		if a.Child != "" {
			t.emit(HoldCall{Child: a.Child, Held: held})
			if held {
				t.note(t.part(a.Part), "its tracker "+string(a.Child)+" is held too")
			}
		}
	}
}
