package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// Announce implements store.Managers.
func (s *Store) Announce(ctx context.Context, m store.Manager) error {
	m.SeenAt = time.UnixMicro(0) // it is the server that says when
	query := strings.Replace(sqltext.Managers.One, ", ?) ", ", GREATEST(?, banto_micros())) ", 1)
	return s.alone(ctx, "announce the manager "+m.Name, query, sqltext.ManagerFields(&m)...)
}

// Withdraw implements store.Managers.
func (s *Store) Withdraw(ctx context.Context, name string) error {
	return s.alone(ctx, "withdraw the manager "+name, "DELETE FROM managers WHERE name = ?", name)
}

// ListManagers implements store.Managers.
func (s *Store) ListManagers(ctx context.Context) ([]store.Manager, error) {
	type row struct {
		store.Manager
		age int64
	}
	fields := func(r *row) []any { return append(sqltext.ManagerFields(&r.Manager), &r.age) }
	rows, err := sqltext.List(ctx, s.Reader, fields, "SELECT "+sqltext.ManagerColumns+", banto_micros() - seen_at FROM managers ORDER BY name")
	var all []store.Manager
	for _, r := range rows {
		r.Age = max(0, time.Duration(r.age)*time.Microsecond)
		all = append(all, r.Manager)
	}
	return all, err
}

// Kept implements store.Vault.
func (s *Store) Kept(ctx context.Context, name string) ([]byte, error) {
	return sqltext.One(ctx, s.Reader, "in the vault "+name, sqltext.Itself[[]byte], "SELECT body FROM vault WHERE name = ?", name)
}

// Keep implements store.Vault.
func (s *Store) Keep(ctx context.Context, name string, body []byte) ([]byte, error) {
	if err := s.alone(ctx, "keep "+name, sqltext.Vault.One, name, &body); err != nil {
		return nil, err
	}
	return s.Kept(ctx, name)
}

// alone runs one statement as a transaction of its own, without the lease.
func (s *Store) alone(ctx context.Context, doing, query string, fields ...any) error {
	if err := sqltext.Encode(fields); err != nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.Patience)
	defer cancel()
	if _, err := s.pool.Exec(ctx, s.texts.numbered(query), fields...); err != nil {
		return fmt.Errorf("cannot %s: %w", doing, s.explain(err))
	}
	return nil
}

// Outputs gives what attempts printed. It is closed with the store.
func (s *Store) Outputs() store.Outputs { return s.out }
