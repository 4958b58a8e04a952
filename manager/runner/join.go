package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// enrolIn lets one machine join.
type enrolIn struct {
	caller
	by    banto.Principal
	join  store.Join
	what  string
	proof proof
}

// Enrol keeps that one machine may join as a host, with the secret whose hash
// the join holds. It refuses what could never be joined with.
func (r *Runner) Enrol(ctx context.Context, by banto.Principal, j store.Join) error {
	what := "cannot let a host join"
	if j.Name != "" {
		what = "cannot let " + clean(j.Name, maxHostText) + " join"
	}
	j.By = by.Name
	if err := storable(what, by.Name, j.Hash, j.Name, string(j.Again)); err != nil {
		return err
	}
	if fault := jobnet.HostNameFault(j.Name); j.Name != "" && fault != "" {
		return banto.Fail(banto.KindInvalid, what, "its name "+fault, nameHint)
	}
	if err := checkLabels(what, j.Labels); err != nil {
		return err
	}
	in := &enrolIn{caller: newCaller(), by: by, join: j, what: what}
	_, err := r.call(ctx, what, in.caller, in)
	return err
}

const nameHint = "letters, digits, '-', '_' and '.'; the first a letter or digit"

// checkLabels refuses labels that no host can have.
func checkLabels(what string, labels map[string]string) error {
	invalid := func(why string) error {
		return banto.Fail(banto.KindInvalid, what, why, "names and values are 1 to 63 letters, digits, '-', '_', '.' or '/', the first a letter or digit")
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !jobnet.ValidLabel(name) {
			return invalid(fmt.Sprintf("%q is no name of a label", name))
		}
		if !jobnet.ValidLabel(labels[name]) {
			return invalid(fmt.Sprintf("%q is no value of the label %s", labels[name], name))
		}
	}
	if len(labels) > jobnet.MaxLabels {
		return banto.Fail(banto.KindInvalid, what, fmt.Sprintf("it would have %d labels", len(labels)), fmt.Sprintf("%d at most", jobnet.MaxLabels))
	}
	return nil
}

func (in *enrolIn) step(b *batch) error {
	written, err := in.proof.written(b)
	if err != nil {
		return err
	}
	if written {
		b.after(func() { in.answer(answer{}) })
		return nil
	}
	object, detail := in.join.Name, "may join until "+in.join.ExpiresAt.UTC().Format(time.RFC3339)
	if again := in.join.Again; again != "" {
		h, known := b.mem.hosts[again]
		switch {
		case !known:
			b.refuse(in, noHost(in.what))
			return nil
		case again == b.r.opt.LocalHost:
			b.refuse(in, banto.Fail(banto.KindConflict, in.what, h.Name+" is the host beside the manager", "it needs no token"))
			return nil
		case in.join.Name != "" && in.join.Name != h.Name:
			b.refuse(in, banto.Fail(banto.KindInvalid, in.what, "a host keeps its name when it is taken in again: "+h.Name, "leave the name out"))
			return nil
		}
		object, detail = h.Name, "taken in again: "+detail
	} else if in.join.Name != "" {
		if why := b.mem.taken(in.join.Name); why != "" {
			b.refuse(in, banto.Fail(banto.KindConflict, in.what, why, "choose another name; a host that is known is taken in again by its name"))
			return nil
		}
	}
	if object == "" {
		object = "-" // it brings its own name
	}
	if len(in.join.Labels) > 0 {
		detail += " with " + jobnet.LabelsText(in.join.Labels)
	}
	b.joins.put(in.join.Hash, in.join)
	in.proof.keep(b.audit(in.by, audit.HostEnrol, object, detail, ""))
	b.after(func() { in.answer(answer{}) })
	return nil
}

func noHost(what string) *banto.ErrorInfo {
	return banto.Fail(banto.KindNotFound, what, "there is no such host", "banto host list shows them")
}

// taken says who has a name that a host wants; empty when it is free.
func (m *memory) taken(name string) string {
	switch {
	case m.names[name] != "":
		return "there is a host " + name + " already"
	case m.groups[name] != nil:
		return "there is a host group of that name"
	}
	return ""
}

// joinIn is a machine that joins.
type joinIn struct {
	caller
	hash string
	req  banto.JoinRequest
	id   banto.HostID
	what string
}

// Join makes a machine a host, or takes one in again with its new key (and
// revokes the old one), by the secret of which the hash is given. A secret
// works once; the same key again, when its answer was lost, gives the same
// host. id is for a host that is new.
func (r *Runner) Join(ctx context.Context, secretHash string, req banto.JoinRequest, id banto.HostID) (banto.Host, error) {
	const what = "cannot join"
	if err := storable(what, secretHash, req.Name, req.PublicKey, req.Version, req.OS, req.Arch); err != nil {
		return banto.Host{}, err
	}
	if req.PublicKey == "" {
		return banto.Host{}, banto.Fail(banto.KindInvalid, what, "the request holds no public key", "")
	}
	for _, s := range []*string{&req.Version, &req.OS, &req.Arch} {
		*s = clean(*s, maxHostText)
	}
	in := &joinIn{caller: newCaller(), hash: secretHash, req: req, id: id, what: what}
	a, err := r.call(ctx, what, in.caller, in)
	return a.host, err
}

const newToken = "ask for a new token: banto host enrol"

func (in *joinIn) step(b *batch) error {
	join, err := b.join(in.hash)
	if errors.Is(err, store.ErrNotFound) {
		b.refuse(in, banto.Fail(banto.KindUnauthenticated, in.what, "the manager does not know this token", newToken))
		return nil
	}
	if err != nil {
		return err
	}
	if join.UsedAt != nil {
		in.repeat(b, join)
		return nil
	}
	if !b.now.Before(join.ExpiresAt) {
		b.refuse(in, banto.Fail(banto.KindDenied, in.what, "the token has expired at "+join.ExpiresAt.UTC().Format(time.RFC3339), newToken))
		return nil
	}
	if fine, err := in.keyIsNew(b, join); !fine || err != nil {
		return err
	}
	row, refusal := in.host(b, join)
	if refusal != nil {
		b.refuse(in, refusal)
		return nil
	}
	b.putHost(row)
	_, up := b.mem.shells[row.ID]
	b.mem.setHost(row, up, row.ID == b.r.opt.LocalHost)
	join.UsedAt, join.UsedBy = new(b.now), row.ID
	b.joins.put(in.hash, join)
	by := banto.Principal{Name: "token of " + join.By}
	b.audit(by, audit.HostJoin, row.Name, fmt.Sprintf("%s on %s %s", row.ID, row.OS, row.Arch), "")
	in.done(b, row.ID)
	return nil
}

// join gives what a secret allows, with what this batch has changed of it.
func (b *batch) join(hash string) (store.Join, error) {
	if j, ok := b.joins.get(hash); ok {
		return j, nil
	}
	j, err := b.r.opt.Store.Join(b.ctx, hash)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("cannot look up the token: %w", err)
	}
	return j, err
}

// repeat answers a secret that was used: only the machine that used it is told
// what it was told then.
func (in *joinIn) repeat(b *batch, join store.Join) {
	h, known := b.mem.hosts[join.UsedBy]
	switch {
	case !known:
		b.refuse(in, banto.Fail(banto.KindConflict, in.what, "the token was used by a host that has been removed", newToken))
	case h.PublicKey != in.req.PublicKey:
		b.refuse(in, banto.Fail(banto.KindConflict, in.what,
			fmt.Sprintf("the token was used already, by %s at %s", h.Name, join.UsedAt.UTC().Format(time.RFC3339)), newToken))
	default:
		in.done(b, h.ID)
	}
}

func (in *joinIn) done(b *batch, id banto.HostID) {
	b.after(func() { in.answer(answer{host: b.mem.shown(id)}) })
}

// keyIsNew says whether the machine's key is free: each host has its own, and
// one that was revoked never comes back. It has told why if not.
func (in *joinIn) keyIsNew(b *batch, join store.Join) (bool, error) {
	const own = "each host has its own key: remove the agent's directory on that machine, and join again"
	for _, id := range slices.Sorted(maps.Keys(b.mem.hosts)) {
		if h := b.mem.hosts[id]; h.PublicKey == in.req.PublicKey && id != join.Again {
			b.refuse(in, banto.Fail(banto.KindConflict, in.what, "its key is that of the host "+h.Name, own))
			return false, nil
		}
	}
	revoked, err := b.r.opt.Store.Revoked(b.ctx)
	if err != nil {
		return false, fmt.Errorf("cannot read the keys that were revoked: %w", err)
	}
	for _, k := range append(revoked, b.revoked.vals...) {
		if k.PublicKey == in.req.PublicKey {
			b.refuse(in, banto.Fail(banto.KindConflict, in.what, "its key was revoked: it was that of "+k.Name, own))
			return false, nil
		}
	}
	return true, nil
}

// host gives the row that the machine gets.
func (in *joinIn) host(b *batch, join store.Join) (banto.Host, *banto.ErrorInfo) {
	if join.Again != "" {
		row, known := b.mem.hosts[join.Again]
		if !known {
			return row, banto.Fail(banto.KindConflict, in.what, "the host that is to be taken in again has been removed", newToken)
		}
		if row.PublicKey != in.req.PublicKey { // what a machine brings itself is not shut out
			b.revoke(row, join.By)
		}
		row.PublicKey, row.EnrolledAt = in.req.PublicKey, b.now
		if len(join.Labels) > 0 {
			row.Labels = join.Labels
		}
		return row, nil
	}
	name := join.Name
	if name == "" {
		name = in.req.Name
	}
	if fault := jobnet.HostNameFault(name); fault != "" {
		return banto.Host{}, banto.Fail(banto.KindInvalid, in.what,
			fmt.Sprintf("the machine calls itself %q, which %s", clean(name, maxHostText), fault), "ask for a token with a name: banto host enrol --name NAME")
	}
	if why := b.mem.taken(name); why != "" {
		return banto.Host{}, banto.Fail(banto.KindConflict, in.what, why,
			"ask for a token with another name (banto host enrol --name NAME), or for one that takes this host in again (--again "+name+")")
	}
	if _, exists := b.mem.hosts[in.id]; exists || in.id == "" {
		return banto.Host{}, banto.Fail(banto.KindInternal, in.what, "the ID for the new host cannot be used", "try again")
	}
	return banto.Host{
		ID: in.id, Name: name, Labels: join.Labels, State: banto.HostNever, Since: b.now, Slots: 1,
		Version: in.req.Version, OS: in.req.OS, Arch: in.req.Arch, PublicKey: in.req.PublicKey, EnrolledAt: b.now,
	}, nil
}

// revoke shuts out the key that a host has now.
func (b *batch) revoke(h banto.Host, by string) {
	if h.PublicKey != "" {
		b.revoked.put(h.PublicKey, store.RevokedKey{PublicKey: h.PublicKey, Host: h.ID, Name: h.Name, At: b.now, By: by})
	}
}
