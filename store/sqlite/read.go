package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// view reads: the newest commit with each query, or one commit throughout when
// it has a transaction.
type view struct {
	s  *Store
	tx *sql.Tx
}

func (s *Store) now() view { return view{s: s} }

// snapshot gives fn a view of one commit.
func (s *Store) snapshot(ctx context.Context, fn func(view) error) error {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("cannot read the store: %w", s.explain(err))
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	return fn(view{s, tx})
}

// query runs a statement that is kept prepared: there must be few different ones.
func (v view) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	stmt, err := v.s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if v.tx != nil {
		stmt = v.tx.StmtContext(ctx, stmt) //nolint:sqlclosecheck // the end of tx closes it
	}
	return stmt.QueryContext(ctx, args...)
}

// prepared gives the statement of a query, which is kept until Close.
func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if kept, ok := s.reading.Load(query); ok {
		return kept.(*sql.Stmt), nil
	}
	stmt, err := s.reader.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	kept, loser := s.reading.LoadOrStore(query, stmt)
	if loser {
		_ = stmt.Close() //nolint:sqlclosecheck // only the one that is not kept; it has not been used
	}
	return kept.(*sql.Stmt), nil
}

// list gives the rows of a query. No row can match a text that cannot be stored.
func list[T any](ctx context.Context, v view, fields func(*T) []any, query string, args ...any) ([]T, error) {
	if err := encode(args); err != nil {
		if errors.Is(err, store.ErrPoison) {
			return nil, nil
		}
		return nil, fmt.Errorf("cannot read the store: %w", err)
	}
	rows, err := v.query(ctx, query, args)
	if err != nil {
		return nil, fmt.Errorf("cannot read the store: %w", v.s.explain(err))
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	var (
		out   []T
		row   T
		empty T
		dest  = columns(fields(&row))
	)
	for rows.Next() {
		row = empty
		if err := rows.Scan(dest...); err != nil {
			return nil, fmt.Errorf("cannot read the store: %w", err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the store: %w", v.s.explain(err))
	}
	return out, nil
}

// one gives the row of a query for a thing of that name, or ErrNotFound.
func one[T any](ctx context.Context, v view, thing string, fields func(*T) []any, query string, args ...any) (T, error) {
	rows, err := list(ctx, v, fields, query, args...)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%w: %s", store.ErrNotFound, thing)
	}
	if err != nil {
		var none T
		return none, err
	}
	return rows[0], nil
}

// itself is the fields of a row with one column.
func itself[T any](v *T) []any { return []any{v} }

// bounded gives a limit for SQL; one below 1 is no limit.
func bounded(limit int) int64 {
	if limit < 1 {
		return math.MaxInt64
	}
	return int64(limit)
}

// Outbox implements store.Reader.
func (s *Store) Outbox(ctx context.Context) ([]store.OutboxEntry, error) {
	return list(ctx, s.now(), outboxFields, "SELECT "+outboxColumns+" FROM outbox ORDER BY seq")
}

// Incarnation implements store.Reader.
func (s *Store) Incarnation(ctx context.Context) (string, error) {
	return one(ctx, s.now(), "incarnation", itself[string], "SELECT value FROM info WHERE name = 'incarnation'")
}

// Mark implements store.Reader.
func (s *Store) Mark(ctx context.Context, name string) (string, error) {
	value, err := one(ctx, s.now(), "mark "+name, itself[string], "SELECT value FROM marks WHERE name = ?", name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return value, err
}

// Host implements store.Hosts.
func (s *Store) Host(ctx context.Context, name string) (banto.Host, error) {
	return one(ctx, s.now(), "host "+name, hostFields, "SELECT "+hostColumns+" FROM hosts WHERE name = ?", name)
}

// HostByID implements store.Hosts.
func (s *Store) HostByID(ctx context.Context, id banto.HostID) (banto.Host, error) {
	return one(ctx, s.now(), "host "+string(id), hostFields, "SELECT "+hostColumns+" FROM hosts WHERE id = ?", &id)
}

// ListHosts implements store.Hosts.
func (s *Store) ListHosts(ctx context.Context, after string, limit int) ([]banto.Host, error) {
	return list(ctx, s.now(), hostFields,
		"SELECT "+hostColumns+" FROM hosts WHERE name > ? ORDER BY name LIMIT ?", after, bounded(limit))
}

// Join implements store.Joins.
func (s *Store) Join(ctx context.Context, hash string) (store.Join, error) {
	return one(ctx, s.now(), "join", joinFields, "SELECT "+joinColumns+" FROM joins WHERE hash = ?", hash)
}

// Revoked implements store.Joins.
func (s *Store) Revoked(ctx context.Context) ([]store.RevokedKey, error) {
	return list(ctx, s.now(), revokedFields, "SELECT "+revokedColumns+" FROM revoked_keys ORDER BY public_key")
}

// AccountStates implements store.Accounts.
func (s *Store) AccountStates(ctx context.Context) ([]store.AccountState, error) {
	return list(ctx, s.now(), accountStateFields, "SELECT "+accountStateColumns+" FROM account_states ORDER BY name")
}

// Token implements store.Tokens.
func (s *Store) Token(ctx context.Context, hash string) (store.Token, error) {
	return one(ctx, s.now(), "token", tokenFields, "SELECT "+tokenColumns+" FROM tokens WHERE hash = ?", hash)
}

// ListAudit implements store.Audits.
func (s *Store) ListAudit(ctx context.Context, object string, before int64, limit int) ([]banto.AuditEntry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	const cols = "SELECT " + auditColumns + ", seq FROM audit WHERE "
	if object == "" {
		return list(ctx, s.now(), auditRowFields, cols+"seq < ? ORDER BY seq DESC LIMIT ?", before, bounded(limit))
	}
	return list(ctx, s.now(), auditRowFields,
		cols+"object = ? AND seq < ? ORDER BY seq DESC LIMIT ?", object, before, bounded(limit))
}
