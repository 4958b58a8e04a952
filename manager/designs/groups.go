package designs

import (
	"context"
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// Groups gives the host groups in use, by name. What only the runner knows,
// the hosts that are in them now, is left empty.
func (d *Designs) Groups(ctx context.Context) ([]banto.GroupInfo, error) {
	return all(ctx, d, store.KindGroup, groupInfo)
}

// Group gives one host group in use.
func (d *Designs) Group(ctx context.Context, name string) (banto.GroupInfo, error) {
	return one(ctx, d, key{store.KindGroup, name}, groupInfo)
}

// Accounts gives the accounts in use, by name. What only the runner knows,
// failed logons and blocks, is left empty.
func (d *Designs) Accounts(ctx context.Context) ([]banto.AccountInfo, error) {
	return all(ctx, d, store.KindAccount, accountInfo)
}

// Account gives one account in use.
func (d *Designs) Account(ctx context.Context, name string) (banto.AccountInfo, error) {
	return one(ctx, d, key{store.KindAccount, name}, accountInfo)
}

func groupInfo(def store.Definition, doc jobyaml.Document) banto.GroupInfo {
	info := banto.GroupInfo{
		Name: def.Path, Title: def.Title, Names: doc.Group.Hosts, Labels: doc.Group.Labels, Pick: string(doc.Group.Pick),
		Hosts: []string{}, Version: def.Version, AppliedAt: def.AppliedAt, AppliedBy: def.AppliedBy,
	}
	if info.Pick == "" {
		info.Pick = string(jobnet.PickLeastLoaded)
	}
	return info
}

func accountInfo(def store.Definition, doc jobyaml.Document) banto.AccountInfo {
	info := banto.AccountInfo{
		Name: def.Path, Title: def.Title, Users: make([]banto.AccountUser, len(doc.Account.Users)),
		Version: def.Version, AppliedAt: def.AppliedAt, AppliedBy: def.AppliedBy,
	}
	for i, u := range doc.Account.Users {
		info.Users[i] = banto.AccountUser{Hosts: u.Hosts, User: u.User}
	}
	return info
}

// one reads a definition in use.
func one[T any](ctx context.Context, d *Designs, k key, info func(store.Definition, jobyaml.Document) T) (T, error) {
	var none T
	what := "cannot show " + k.String()
	def, err := d.opt.Store.Definition(ctx, k.kind, k.path, 0)
	if err != nil {
		return none, failed(what, k.kind, k.path, fmt.Errorf("cannot read definition: %w", err))
	}
	doc, _, problems := parseStored(def)
	if len(problems) > 0 {
		return none, invalid(what, problems)
	}
	return info(def, doc), nil
}

// all reads all definitions of a kind in use, by path.
func all[T any](ctx context.Context, d *Designs, kind store.DefinitionKind, info func(store.Definition, jobyaml.Document) T) ([]T, error) {
	what := fmt.Sprintf("cannot list the %ss", kind)
	out := []T{}
	err := d.stored(ctx, kind, "", func(def store.Definition) error {
		full, err := d.opt.Store.Definition(ctx, kind, def.Path, def.Version)
		if err != nil {
			return fmt.Errorf("cannot read %s %s: %w", kind, def.Path, err)
		}
		doc, _, problems := parseStored(full)
		if len(problems) > 0 {
			return invalid(what, problems)
		}
		out = append(out, info(full, doc))
		return nil
	})
	if err != nil {
		return nil, failed(what, kind, "", err)
	}
	return out, nil
}
