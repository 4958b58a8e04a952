package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// Begin implements store.Store.
func (s *Store) Begin(ctx context.Context, holder string, now time.Time) (int64, error) {
	return s.take(ctx, store.TakeOver{Holder: holder, Force: true}, now)
}

// Take implements store.Leases. Nobody else can have the directory, so the
// lease is free whatever it says.
func (s *Store) Take(ctx context.Context, t store.TakeOver) (int64, error) {
	return s.take(ctx, t, time.Now())
}

func (s *Store) take(ctx context.Context, t store.TakeOver, now time.Time) (int64, error) {
	if err := errors.Join(store.CheckText(t.Holder), store.CheckText(t.URL), store.CheckText(t.Name)); err != nil {
		return 0, err
	}
	if err := s.takeTurn(ctx); err != nil {
		return 0, err
	}
	defer s.giveTurn()
	began := boottime.Now()
	var epoch, seq int64
	// One statement is one transaction.
	err := s.writer.numbers("UPDATE lease SET epoch = epoch + 1, seq = seq + 1, holder = ?, url = ?, next = '', renewed_at = ?"+
		" WHERE id = 1 RETURNING epoch, seq", []any{t.Holder, t.URL, sqltext.Micros(now)}, &epoch, &seq)
	if err != nil {
		return 0, fmt.Errorf("cannot become the active manager: %w", s.explain(err))
	}
	s.epoch, s.seq = epoch, seq
	s.proved.Store(int64(began))
	return epoch, nil
}

// Release implements store.Leases.
func (s *Store) Release(ctx context.Context, next string) error {
	if err := store.CheckText(next); err != nil {
		return err
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	if s.epoch == 0 {
		return nil
	}
	_, err := s.writer.exec("UPDATE lease SET holder = '', url = '', next = ? WHERE id = 1 AND epoch = ?", next, s.epoch)
	if err != nil {
		return fmt.Errorf("cannot give the lease up: %w", s.explain(err))
	}
	s.epoch = 0
	return nil
}

// ProvedAt implements store.Leases.
func (s *Store) ProvedAt() time.Duration { return time.Duration(s.proved.Load()) }

// Shared implements store.Leases: the directory is one process's own.
func (s *Store) Shared() bool { return false }

// Lease implements store.Reader.
func (s *Store) Lease(ctx context.Context) (store.Lease, error) {
	fields := func(l *store.Lease) []any { return []any{&l.Epoch, &l.Seq, &l.Holder, &l.URL, &l.Next, &l.RenewedAt} }
	l, err := sqltext.One(ctx, s.Reader, "lease", fields, "SELECT epoch, seq, holder, url, next, renewed_at FROM lease WHERE id = 1")
	if err != nil || l.Epoch == 0 {
		return store.Lease{}, err
	}
	l.Age = max(0, time.Since(l.RenewedAt))
	return l, nil
}

// Announce implements store.Managers.
func (s *Store) Announce(ctx context.Context, m store.Manager) error {
	m.SeenAt = time.Now()
	return s.alone(ctx, "announce the manager "+m.Name, sqltext.Managers.One, sqltext.ManagerFields(&m)...)
}

// Withdraw implements store.Managers.
func (s *Store) Withdraw(ctx context.Context, name string) error {
	return s.alone(ctx, "withdraw the manager "+name, "DELETE FROM managers WHERE name = ?", name)
}

// ListManagers implements store.Managers.
func (s *Store) ListManagers(ctx context.Context) ([]store.Manager, error) {
	all, err := sqltext.List(ctx, s.Reader, sqltext.ManagerFields, "SELECT "+sqltext.ManagerColumns+" FROM managers ORDER BY name")
	for i := range all {
		all[i].Age = max(0, time.Since(all[i].SeenAt))
	}
	return all, err
}

// Kept implements store.Vault.
func (s *Store) Kept(ctx context.Context, name string) ([]byte, error) {
	return sqltext.One(ctx, s.Reader, "in the vault "+name, sqltext.Itself[[]byte], "SELECT body FROM vault WHERE name = ?", name)
}

// Keep implements store.Vault.
func (s *Store) Keep(ctx context.Context, name string, body []byte) ([]byte, error) {
	err := s.alone(ctx, "keep "+name, sqltext.Vault.One, name, &body)
	if err != nil {
		return nil, err
	}
	return s.Kept(ctx, name)
}

// alone runs one statement as a transaction of its own, without the lease.
func (s *Store) alone(ctx context.Context, doing, query string, fields ...any) error {
	if err := sqltext.Encode(fields); err != nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	if _, err := s.writer.exec(query, fields...); err != nil {
		return fmt.Errorf("cannot %s: %w", doing, s.explain(err))
	}
	return nil
}
