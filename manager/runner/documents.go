package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// documents are the host groups and accounts that are active.
type documents struct {
	groups   map[string]*jobnet.Group
	accounts map[string]*jobnet.Account
}

// readDocuments reads them from the store.
func (r *Runner) readDocuments(ctx context.Context) (documents, error) {
	d := documents{groups: make(map[string]*jobnet.Group), accounts: make(map[string]*jobnet.Account)}
	for _, kind := range []store.DefinitionKind{store.KindGroup, store.KindAccount} {
		all, err := r.opt.Store.ListDefinitions(ctx, kind, "", "", 0)
		if err != nil {
			return d, fmt.Errorf("cannot list the %ss: %w", kind, err)
		}
		for _, row := range all {
			def, err := r.opt.Store.Definition(ctx, kind, row.Path, 0)
			if errors.Is(err, store.ErrNotFound) {
				continue // deleted meanwhile
			}
			if err != nil {
				return d, fmt.Errorf("cannot read the %s %s: %w", kind, row.Path, err)
			}
			d.take(r, def)
		}
	}
	return d, nil
}

// take reads one definition. One that this version does not understand is left
// out: what names it waits or is refused in words, and all else runs.
func (d documents) take(r *Runner, def store.Definition) {
	parsed, problems := jobyaml.Parse(def.File, []byte(def.Source))
	for _, doc := range parsed {
		switch {
		case len(problems) > 0:
		case doc.Group != nil:
			d.groups[def.Path] = doc.Group
			return
		case doc.Account != nil:
			d.accounts[def.Path] = doc.Account
			return
		}
	}
	why := "it holds no such document"
	if len(problems) > 0 {
		why = problems[0].Message
	}
	r.log.Error("a definition cannot be used", "kind", def.Kind, "name", def.Path, "version", def.Version, "why", why)
}

// setDocuments takes them into memory and tells the board.
func (m *memory) setDocuments(d documents) {
	for _, name := range slices.Sorted(maps.Keys(m.groups)) {
		if d.groups[name] == nil {
			m.board.RemoveGroup(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.groups)) {
		g := d.groups[name]
		m.board.SetGroup(dispatch.Group{Name: name, Hosts: g.Hosts, Labels: g.Labels, Pick: string(g.Pick)})
	}
	m.groups, m.accounts = d.groups, d.accounts
}

// reloadIn asks to read groups and accounts again.
type reloadIn struct{ caller }

func (in *reloadIn) step(b *batch) error {
	d, err := b.r.readDocuments(b.ctx)
	if err != nil {
		return err
	}
	b.mem.setDocuments(d)
	b.after(func() { in.answer(answer{}) })
	return nil
}

// Reload reads the groups and accounts that are active from the store. It is
// called after each change of definitions; what waits for a group is looked at
// again before it returns.
func (r *Runner) Reload(ctx context.Context) error {
	in := &reloadIn{newCaller()}
	_, err := r.call(ctx, "cannot take over the groups and accounts", in.caller, in)
	return err
}

// Members gives the hosts that a target stands for now: a host or group by
// name, labels as jobnet.LabelsText writes them, or the host beside the manager
// for the empty one. Nil when the loop does not answer before ctx ends.
func (r *Runner) Members(ctx context.Context, target string) []banto.HostRef {
	return ask(ctx, r, func(m *memory) []banto.HostRef { return m.board.Members(target) })
}
