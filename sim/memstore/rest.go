package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Outbox implements store.Reader.
func (s *Store) Outbox(ctx context.Context) (out []store.OutboxEntry, err error) {
	err = s.look(ctx, func(r *rows) error {
		all := make([]order, 0, len(r.outbox))
		for _, o := range r.outbox {
			all = append(all, o)
		}
		slices.SortFunc(all, func(a, b order) int { return cmp.Compare(a.seq, b.seq) })
		for _, o := range all {
			out = append(out, given(o.OutboxEntry))
		}
		return nil
	})
	return out, err
}

// Incarnation implements store.Reader.
func (s *Store) Incarnation(ctx context.Context) (name string, err error) {
	err = s.look(ctx, func(r *rows) error { name = r.incarnation; return nil })
	return name, err
}

// Lease implements store.Reader.
func (s *Store) Lease(ctx context.Context) (l store.Lease, err error) {
	err = s.look(ctx, func(r *rows) error {
		if l = r.lease; l.Epoch > 0 {
			l.Age = max(0, s.opt.Now().Sub(l.RenewedAt))
			l.Gone = l.Holder != "" && s.opt.Gone != nil && s.opt.Gone(l.Holder)
		}
		return nil
	})
	return l, err
}

// Mark implements store.Reader.
func (s *Store) Mark(ctx context.Context, name string) (value string, err error) {
	err = s.look(ctx, func(r *rows) error { value = r.marks[name]; return nil })
	return value, err
}

func hosts(r *rows) map[banto.HostID]banto.Host { return r.hosts }

// Host implements store.Hosts.
func (s *Store) Host(ctx context.Context, name string) (banto.Host, error) {
	all, err := list(ctx, s, hosts, func(h banto.Host) bool { return h.Name == name }, byName, 1)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("host %s: %w", name, store.ErrNotFound)
	}
	if err != nil {
		return banto.Host{}, err
	}
	return all[0], nil
}

func byName(a, b banto.Host) int { return cmp.Compare(a.Name, b.Name) }

// HostByID implements store.Hosts.
func (s *Store) HostByID(ctx context.Context, id banto.HostID) (banto.Host, error) {
	return one(ctx, s, "host "+string(id), hosts, id)
}

// ListHosts implements store.Hosts.
func (s *Store) ListHosts(ctx context.Context, after string, limit int) ([]banto.Host, error) {
	return list(ctx, s, hosts, func(h banto.Host) bool { return h.Name > after }, byName, limit)
}

// Join implements store.Joins.
func (s *Store) Join(ctx context.Context, hash string) (store.Join, error) {
	return one(ctx, s, "join", func(r *rows) map[string]store.Join { return r.joins }, hash)
}

// Revoked implements store.Joins.
func (s *Store) Revoked(ctx context.Context) ([]store.RevokedKey, error) {
	return list(ctx, s, func(r *rows) map[string]store.RevokedKey { return r.revoked }, nil,
		func(a, b store.RevokedKey) int { return cmp.Compare(a.PublicKey, b.PublicKey) }, 0)
}

// AccountStates implements store.Accounts.
func (s *Store) AccountStates(ctx context.Context) ([]store.AccountState, error) {
	return list(ctx, s, func(r *rows) map[string]store.AccountState { return r.accounts }, nil,
		func(a, b store.AccountState) int { return cmp.Compare(a.Name, b.Name) }, 0)
}

// Token implements store.Tokens.
func (s *Store) Token(ctx context.Context, hash string) (store.Token, error) {
	return one(ctx, s, "token", func(r *rows) map[string]store.Token { return r.tokens }, hash)
}

// ListAudit implements store.Audits.
func (s *Store) ListAudit(ctx context.Context, object string, before int64, limit int) ([]banto.AuditEntry, error) {
	return list(ctx, s, func(r *rows) map[int64]banto.AuditEntry { return r.audit },
		func(e banto.AuditEntry) bool {
			return (object == "" || e.Object == object) && (before == 0 || e.Seq < before)
		},
		func(a, b banto.AuditEntry) int { return cmp.Compare(b.Seq, a.Seq) }, limit)
}

// change runs a change of what needs no lease.
func (s *Store) change(ctx context.Context, do func(r *rows) error) error {
	return s.look(ctx, do)
}

// Announce implements store.Managers.
func (s *Store) Announce(ctx context.Context, m store.Manager) error {
	m.SeenAt, m.Age = s.opt.Now(), 0
	own, err := kept(m)
	if err != nil {
		return err
	}
	return s.change(ctx, func(r *rows) error { r.managers[m.Name] = own; return nil })
}

// Withdraw implements store.Managers.
func (s *Store) Withdraw(ctx context.Context, name string) error {
	if err := store.CheckText(name); err != nil {
		return err
	}
	return s.change(ctx, func(r *rows) error { delete(r.managers, name); return nil })
}

// ListManagers implements store.Managers.
func (s *Store) ListManagers(ctx context.Context) ([]store.Manager, error) {
	all, err := list(ctx, s, func(r *rows) map[string]store.Manager { return r.managers }, nil,
		func(a, b store.Manager) int { return cmp.Compare(a.Name, b.Name) }, 0)
	for i := range all {
		all[i].Age = max(0, s.opt.Now().Sub(all[i].SeenAt))
	}
	return all, err
}

// Kept implements store.Vault.
func (s *Store) Kept(ctx context.Context, name string) ([]byte, error) {
	return one(ctx, s, name, func(r *rows) map[string][]byte { return r.vault }, name)
}

// Keep implements store.Vault.
func (s *Store) Keep(ctx context.Context, name string, body []byte) (there []byte, err error) {
	if err := store.CheckText(name); err != nil {
		return nil, err
	}
	err = s.change(ctx, func(r *rows) error {
		if _, known := r.vault[name]; !known {
			r.vault[name] = append([]byte{}, body...)
		}
		there = append([]byte{}, r.vault[name]...)
		return nil
	})
	return there, err
}
