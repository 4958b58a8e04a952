package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// arrive brings a part whose edges allow it to its start: when is looked at,
// and a place is asked for. One that is to be skipped passes instead.
func (t *Tracker) arrive(p *part, via banto.PartKey) {
	if t.still() && !p.def().Kind.Attempts() && !p.toSkip() {
		return // its turn comes again at the release
	}
	if c := p.def().When; c != nil {
		yes, err := c.Eval(t.scope(p))
		if err != nil && !p.toSkip() {
			t.fail(p, banto.ReasonExpression, "when: "+err.Error())
			return
		}
		if err == nil && !yes {
			t.notTaken(p)
			return
		}
	}
	switch {
	case p.toSkip():
		t.set(p, banto.PartSkipped).EndedAt = new(t.cur.now)
	case p.def().Kind == jobnet.KindBranch:
		t.branch(p, via)
	case p.def().Kind == jobnet.KindWait:
		t.wait(p, via)
	case p.def().Kind == jobnet.KindEnd:
		t.cur.stops = append(t.cur.stops, stopping{p, via})
	case p.fanned():
		t.resume(p)
		p.row.Via = via
	default:
		t.ready(p)
		p.row.Via = via
	}
}

// notTaken ends a part that another way goes around.
func (t *Tracker) notTaken(p *part) {
	r := t.set(p, banto.PartNotTaken)
	r.Message, r.EndedAt = "", new(t.cur.now)
}

// ready asks for a place for the part's next attempt.
func (t *Tracker) ready(p *part) {
	target, err := t.target(p)
	if err != nil {
		t.fail(p, banto.ReasonExpression, "host: "+err.Error())
		return
	}
	r := t.set(p, banto.PartReady)
	r.Host, r.RetryAt = target, nil
	t.want(p)
}

// target says where the part is to run: a host or group by its name, or labels.
func (t *Tracker) target(p *part) (string, error) {
	if p.of != nil {
		return p.host, nil
	}
	fp := p.def()
	if len(fp.HostLabels) == 0 {
		return fp.Host.Eval(t.scope(p))
	}
	labels := make(map[string]string, len(fp.HostLabels))
	for _, l := range fp.HostLabels {
		value, err := l.Value.Eval(t.scope(p))
		if err != nil {
			return "", fmt.Errorf("label %s: %w", l.Name, err)
		}
		if !jobnet.ValidLabel(value) {
			return "", fmt.Errorf("label %s: %q cannot be the value of a label", l.Name, value)
		}
		labels[l.Name] = value
	}
	return jobnet.LabelsText(labels), nil
}

// still says that nothing of the tracker starts now: it is held, or about to
// start again from its start.
func (t *Tracker) still() bool { return t.row.Held || t.starting }

// want asks for a place for a ready part. In a tracker that stands still nobody
// wants one.
func (t *Tracker) want(p *part) {
	if t.still() {
		return
	}
	if p.calls() {
		t.call(p)
		return
	}
	fp, host := p.def(), p.row.Host
	w := WantPlace{Part: p.key(), Host: host, PerPart: fp.PerPart, Account: fp.Account, Shell: fp.Shell}
	if !fp.PerPart && p.of == nil {
		w.Chosen = t.row.Places[host]
	}
	t.emit(w)
}

// withdraw takes back what a ready part wants.
func (t *Tracker) withdraw(p *part) {
	if !t.still() {
		t.emit(Withdraw{p.key()})
	}
}

// fail ends a part in error without an attempt.
func (t *Tracker) fail(p *part, reason banto.Reason, message string) {
	r := t.set(p, banto.PartError)
	t.clear(r) // an earlier attempt's exit code is not what it ended with
	r.Reason, r.Message, r.EndedAt = reason, message, new(t.cur.now)
}

// noPlace ends a ready part that can never get a place.
func (t *Tracker) noPlace(in NoPlace) {
	if p := t.part(in.Part); p != nil && p.state() == banto.PartReady && !t.still() {
		t.fail(p, in.Reason, in.Message)
	}
}

// placed begins an attempt of a ready part.
func (t *Tracker) placed(in Placed) {
	p := t.part(in.Part)
	if p == nil || p.state() != banto.PartReady || t.still() {
		return
	}
	t.choose(p, in)
	spec, err := t.spec(p)
	if err != nil {
		t.emit(Withdraw{in.Part}) // for the place that it was just given
		t.fail(p, banto.ReasonExpression, err.Error())
		return
	}
	if in.User != "" {
		spec.Account = in.User
	}
	if fp := p.def(); in.DeadMan && fp.OnLost != "" {
		spec.DeadManMS = fp.LostAfter.Milliseconds()
	}
	t.sentTo(in.HostID)
	a := t.attempt(p, in.Host, in.HostID)
	a.Account, a.Encoding, a.DeadManMS = spec.Account, spec.Encoding, spec.DeadManMS
	t.emit(Start{Attempt: *a, Spec: spec})
}

// choose keeps the host that was chosen for a group or labels.
func (t *Tracker) choose(p *part, in Placed) {
	if in.Target == "" || p.of != nil || p.def().PerPart || t.row.Places[in.Target] == in.HostID {
		return
	}
	t.touch()
	places := maps.Clone(t.row.Places) // rows that were given away share the old one
	if places == nil {
		places = map[string]banto.HostID{}
	}
	places[in.Target] = in.HostID
	t.row.Places = places
}

// clear takes away what an earlier attempt of the part left.
func (t *Tracker) clear(r *banto.Part) {
	r.Reason, r.Message, r.Exit = "", "", nil
	r.Output, r.Vars, r.Healed, r.Forced, r.Outlet = "", nil, false, "", ""
	r.StartedAt, r.EndedAt, r.RetryAt, r.Until = nil, nil, nil, nil
	r.Child = ""
}

// sentTo remembers that attempts were sent to a host. Rows that were given away
// share the slice and do not see what is added behind their end; nobody else adds
// to it.
func (t *Tracker) sentTo(id banto.HostID) {
	if t.hosts == nil {
		t.hosts = make(map[banto.HostID]bool, len(t.row.Hosts))
		for _, known := range t.row.Hosts {
			t.hosts[known] = true
		}
		t.row.Hosts = slices.Clip(t.row.Hosts)
	}
	if !t.hosts[id] {
		t.hosts[id] = true
		t.row.Hosts = append(t.row.Hosts, id)
	}
}
