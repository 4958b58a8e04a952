package engine

import (
	"slices"

	"github.com/bantoops/banto"
)

// arrive brings a part whose edges allow it to its start: when is looked at,
// and a place is asked for.
func (t *Tracker) arrive(p *part, via banto.PartKey) {
	if c := p.def().When; c != nil {
		yes, err := c.Eval(t.scope(p))
		if err != nil {
			t.fail(p, banto.ReasonExpression, "when: "+err.Error())
			return
		}
		if !yes {
			t.notTaken(p)
			return
		}
	}
	t.ready(p)
	p.row.Via = via
}

// notTaken ends a part that another way goes around.
func (t *Tracker) notTaken(p *part) {
	t.set(p, banto.PartNotTaken).EndedAt = new(t.cur.now)
}

// ready asks for a place for the part's next attempt.
func (t *Tracker) ready(p *part) {
	host, err := p.def().Host.Eval(t.scope(p))
	if err != nil {
		t.fail(p, banto.ReasonExpression, "host: "+err.Error())
		return
	}
	r := t.set(p, banto.PartReady)
	r.Host, r.RetryAt = host, nil
	t.emit(WantPlace{Part: p.key(), Host: host})
}

// fail ends a part in error without an attempt.
func (t *Tracker) fail(p *part, reason banto.Reason, message string) {
	r := t.set(p, banto.PartError)
	t.clear(r) // an earlier attempt's exit code is not what it ended with
	r.Reason, r.Message, r.EndedAt = reason, message, new(t.cur.now)
}

// noPlace ends a ready part that can never get a place.
func (t *Tracker) noPlace(in NoPlace) {
	if p := t.part(in.Part); p != nil && p.state() == banto.PartReady {
		t.fail(p, in.Reason, in.Message)
	}
}

// placed begins an attempt of a ready part.
func (t *Tracker) placed(in Placed) {
	p := t.part(in.Part)
	if p == nil || p.state() != banto.PartReady {
		return
	}
	spec, err := t.spec(p)
	if err != nil {
		t.emit(Withdraw{in.Part}) // for the place that it was just given
		t.fail(p, banto.ReasonExpression, err.Error())
		return
	}
	if in.User != "" {
		spec.Account = in.User
	}
	t.row.Attempts++
	t.sentTo(in.HostID)
	r := t.set(p, banto.PartStarting)
	r.Attempt++
	r.Tries++
	r.AttemptID = banto.NewAttemptID(t.row.ID, t.row.Attempts)
	r.Host = in.Host
	t.clear(r)
	a := &banto.Attempt{
		ID: r.AttemptID, Tracker: t.row.ID, Seq: t.row.Attempts,
		Part: in.Part, Number: r.Attempt, Rerun: t.row.Rerun,
		State: banto.AttemptStarting, Host: in.Host, HostID: in.HostID,
		Account: spec.Account, CreatedAt: t.cur.now,
	}
	t.attempts[a.ID] = a
	t.touchAttempt(a)
	t.emit(Start{Attempt: *a, Spec: spec})
}

// clear takes away what an earlier attempt of the part left.
func (t *Tracker) clear(r *banto.Part) {
	r.Reason, r.Message, r.Exit = "", "", nil
	r.Output, r.Vars, r.Healed = "", nil, false
	r.StartedAt, r.EndedAt, r.RetryAt = nil, nil, nil
}

// sentTo remembers that attempts were sent to a host.
func (t *Tracker) sentTo(id banto.HostID) {
	if !slices.Contains(t.row.Hosts, id) {
		// A new slice each time: rows that were given away share the old one.
		t.row.Hosts = append(slices.Clone(t.row.Hosts), id)
	}
}
