package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// changeHostIn changes how a host is kept.
type changeHostIn struct {
	caller
	by     banto.Principal
	name   string
	change banto.HostChange
	what   string
	proof  proof
}

// ChangeHost changes whether a host takes new work, and its labels.
func (r *Runner) ChangeHost(ctx context.Context, by banto.Principal, name string, c banto.HostChange) (banto.Host, error) {
	what := "cannot change the host " + clean(name, maxHostText)
	texts := []string{by.Name, name, c.Reason}
	for label, value := range c.Labels {
		texts = append(texts, label)
		if value != nil {
			texts = append(texts, *value)
		}
	}
	if err := storable(what, texts...); err != nil {
		return banto.Host{}, err
	}
	switch c.Admission {
	case "", banto.AdmissionOpen, banto.AdmissionDraining, banto.AdmissionHeld:
	default:
		return banto.Host{}, banto.Fail(banto.KindInvalid, what, fmt.Sprintf("%q is no admission", c.Admission), "open, draining or held")
	}
	if c.Admission == "" && len(c.Labels) == 0 {
		return banto.Host{}, banto.Fail(banto.KindInvalid, what, "the request changes nothing", "state an admission, or labels")
	}
	in := &changeHostIn{caller: newCaller(), by: by, name: name, change: c, what: what}
	a, err := r.call(ctx, what, in.caller, in)
	return a.host, err
}

func (in *changeHostIn) step(b *batch) error {
	id, known := b.mem.names[in.name]
	if !known {
		b.refuse(in, noHost(in.what))
		return nil
	}
	written, err := in.proof.written(b)
	if err != nil {
		return err
	}
	if written {
		b.after(func() { in.answer(answer{host: b.mem.shown(id)}) })
		return nil
	}
	row := b.mem.hosts[id]
	said := in.admit(b, &row)
	labelled, refusal := in.label(&row)
	if refusal != nil {
		b.refuse(in, refusal)
		return nil //nolint:nilerr // it was judged
	}
	if said = append(said, labelled...); len(said) > 0 {
		b.putHost(row)
		_, up := b.mem.shells[id]
		b.mem.setHost(row, up, id == b.r.opt.LocalHost)
		in.proof.keep(b.audit(in.by, audit.HostChange, row.Name, strings.Join(said, "; "), in.change.Reason))
	}
	b.after(func() { in.answer(answer{host: b.mem.shown(id)}) })
	return nil
}

// admit changes the admission, and says so.
func (in *changeHostIn) admit(b *batch, row *banto.Host) []string {
	now := in.change.Admission
	was := row.Admission
	if was == "" {
		was = banto.AdmissionOpen
	}
	if now == "" || now == was && (now == banto.AdmissionOpen || row.AdmissionWhy == in.change.Reason) {
		return nil
	}
	if now == banto.AdmissionOpen {
		row.Admission, row.AdmissionBy, row.AdmissionWhy, row.AdmissionSince = now, "", "", nil
		return []string{"open, after it was " + string(was)}
	}
	if now != was {
		row.AdmissionSince = new(b.now)
	}
	row.Admission, row.AdmissionBy, row.AdmissionWhy = now, in.by.Name, in.change.Reason
	return []string{string(now)}
}

// label changes the labels, and says so.
func (in *changeHostIn) label(row *banto.Host) ([]string, error) {
	labels := maps.Clone(row.Labels)
	if labels == nil {
		labels = make(map[string]string)
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(in.change.Labels)) {
		value, old := in.change.Labels[name], row.Labels[name]
		switch {
		case value == nil && old != "":
			delete(labels, name)
			said = append(said, "without label "+name)
		case value != nil && *value != old:
			labels[name] = *value
			said = append(said, "label "+name+"="+*value)
		case value != nil && *value == "":
			labels[name] = "" // to be refused
		}
	}
	if err := checkLabels(in.what, labels); err != nil {
		return nil, err
	}
	row.Labels = labels
	return said, nil
}

// shown gives a host's row as people see it.
func (m *memory) shown(id banto.HostID) banto.Host {
	h := m.hosts[id]
	h.Running, _ = m.board.Load(id)
	h.Labels = maps.Clone(h.Labels)
	return h
}

// removeHostIn forgets a host.
type removeHostIn struct {
	caller
	by     banto.Principal
	name   string
	force  bool
	reason string
	what   string
	row    banto.Host // as it was
	proof  proof
}

// RemoveHost forgets a host and shuts its key out. Attempts that are, or may
// be, on it forbid that, unless force is given: then they end in error, lost.
// So do parts that wait for it, and groups and accounts that name it.
func (r *Runner) RemoveHost(ctx context.Context, by banto.Principal, name string, force bool, reason string) (banto.Host, error) {
	what := "cannot remove the host " + clean(name, maxHostText)
	if err := storable(what, by.Name, name, reason); err != nil {
		return banto.Host{}, err
	}
	in := &removeHostIn{caller: newCaller(), by: by, name: name, force: force, reason: reason, what: what}
	a, err := r.call(ctx, what, in.caller, in)
	return a.host, err
}

func (in *removeHostIn) step(b *batch) error {
	written, err := in.proof.written(b)
	if err != nil {
		return err
	}
	if written {
		b.after(func() { in.answer(answer{host: in.row}) })
		return nil
	}
	id, known := b.mem.names[in.name]
	if !known {
		b.refuse(in, noHost(in.what))
		return nil
	}
	if id == b.r.opt.LocalHost {
		b.refuse(in, banto.Fail(banto.KindConflict, in.what, "it is the host beside the manager", ""))
		return nil
	}
	lost := b.mem.attemptsOn(id)
	if whys, hint := b.mem.needed(id, lost); len(whys) > 0 && !in.force {
		b.refuse(in, banto.Fail(banto.KindConflict, in.what, strings.Join(whys, "; "), hint))
		return nil
	}
	in.row = b.mem.shown(id)
	b.removeHost(in.row, in.by.Name, in.reason, lost)
	detail := string(id)
	if len(lost) > 0 {
		detail += fmt.Sprintf("; %d attempts given up", len(lost))
	}
	in.proof.keep(b.audit(in.by, audit.HostRemove, in.name, detail, in.reason))
	b.after(func() { in.answer(answer{host: in.row}) })
	return nil
}

// needed says why a host should not be removed now, and what to do instead:
// what is on it, waits for it, or names it.
func (m *memory) needed(id banto.HostID, lost []banto.AttemptID) (whys []string, hint string) {
	if len(lost) > 0 {
		whys = append(whys, fmt.Sprintf("%d attempts are on it, or may be: %s", len(lost), listed(lost[:min(len(lost), 5)])))
		hint = "drain it and wait, or force it: they end in error as lost, and what still runs there runs on unwatched"
	}
	name := m.hosts[id].Name
	var docs, wants []string
	for _, g := range slices.Sorted(maps.Keys(m.groups)) {
		if slices.Contains(m.groups[g].Hosts, name) {
			docs = append(docs, "group "+g)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(m.accounts)) {
		if slices.ContainsFunc(m.accounts[a].Users, func(u jobnet.AccountUser) bool { return u.Hosts == name }) {
			docs = append(docs, "account "+a)
		}
	}
	for _, w := range m.board.WantsOf(id) {
		wants = append(wants, fmt.Sprintf("%s of %s", w.Part, w.Tracker))
	}
	if len(docs) > 0 {
		whys = append(whys, "documents name it: "+listed(docs))
	}
	if len(wants) > 0 {
		whys = append(whys, fmt.Sprintf("%d parts wait for a place on it: %s", len(wants), listed(wants)))
	}
	if hint == "" && len(whys) > 0 {
		hint = "change them first, or force it (--force)"
	}
	return whys, hint
}

// removeHost ends what is on a host, and forgets it with all orders for it.
func (b *batch) removeHost(row banto.Host, by, reason string, lost []banto.AttemptID) {
	why := "the host " + row.Name + " was removed by " + by
	if reason != "" {
		why += ": " + reason
	}
	why = clean(why, maxMessage)
	for _, a := range lost {
		if id, t := b.mem.trackerOf(a); t != nil {
			b.mustStep(id, t, engine.Ended{Attempt: a, At: b.now, Reason: banto.ReasonLost, Message: why})
		}
	}
	for _, id := range b.orders.keys {
		if o, _ := b.orders.get(id); o.host == row.ID {
			b.orders.put(id, order{})
		}
	}
	b.mem.removeHost(row.ID)
	b.revoke(row, by)
	gone := row
	gone.Why = why
	b.hosts.put(row.ID, hostRow{host: gone, gone: true})
}
