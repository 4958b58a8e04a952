package sqltext

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Rows are what a query gave, as *sql.Rows does it.
type Rows interface {
	Next() bool
	// Scan reads into *int64, *string, *[]byte and sql.Scanner, which is given
	// int64, string or nil.
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Asker asks a database: each query the newest commit, or all one commit.
type Asker interface {
	// Query runs a query with ? for its arguments, which are int64, string, []byte
	// or nil. There are few different texts, so they may be kept prepared.
	Query(ctx context.Context, query string, args []any) (Rows, error)
}

// DB is a database that is read.
type DB interface {
	Asker
	// Snapshot gives fn an Asker for one commit.
	Snapshot(ctx context.Context, fn func(Asker) error) error
	// Explain makes an error one that people can act on, where there is something
	// to do.
	Explain(err error) error
}

// Reader reads records out of a database: all of store.Reader but the lease.
type Reader struct {
	DB
	// Hints says that the database takes SQLite's INDEXED BY.
	Hints bool
}

// view reads: the newest commit with each query, or one commit throughout.
type view struct {
	r *Reader
	a Asker
}

func (r *Reader) now() view { return view{r, r.DB} }

// snapshot gives fn a view of one commit.
func (r *Reader) snapshot(ctx context.Context, fn func(view) error) error {
	return r.Snapshot(ctx, func(a Asker) error { return fn(view{r, a}) })
}

// List gives the rows of a query. No row can match a text that cannot be stored.
func List[T any](ctx context.Context, r *Reader, fields func(*T) []any, query string, args ...any) ([]T, error) {
	return list(ctx, r.now(), fields, query, args...)
}

// One gives the row of a query for a thing of that name, or ErrNotFound.
func One[T any](ctx context.Context, r *Reader, thing string, fields func(*T) []any, query string, args ...any) (T, error) {
	return one(ctx, r.now(), thing, fields, query, args...)
}

func list[T any](ctx context.Context, v view, fields func(*T) []any, query string, args ...any) ([]T, error) {
	if err := Encode(args); err != nil {
		if errors.Is(err, store.ErrPoison) {
			return nil, nil
		}
		return nil, fmt.Errorf("cannot read the store: %w", err)
	}
	rows, err := v.a.Query(ctx, query, args)
	if err != nil {
		return nil, fmt.Errorf("cannot read the store: %w", v.r.Explain(err))
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	var (
		out   []T
		row   T
		empty T
		dest  = Columns(fields(&row))
	)
	for rows.Next() {
		row = empty
		if err := rows.Scan(dest...); err != nil {
			return nil, fmt.Errorf("cannot read the store: %w", err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the store: %w", v.r.Explain(err))
	}
	return out, nil
}

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

// Itself is the fields of a row with one column.
func Itself[T any](v *T) []any { return []any{v} }

// Bounded gives a limit for SQL; one below 1 is no limit.
func Bounded(limit int) int64 {
	if limit < 1 {
		return math.MaxInt64
	}
	return int64(limit)
}

// Outbox implements store.Reader.
func (r *Reader) Outbox(ctx context.Context) ([]store.OutboxEntry, error) {
	return list(ctx, r.now(), outboxFields, "SELECT "+outboxColumns+" FROM outbox ORDER BY seq")
}

// Incarnation implements store.Reader.
func (r *Reader) Incarnation(ctx context.Context) (string, error) {
	return one(ctx, r.now(), "incarnation", Itself[string], "SELECT value FROM info WHERE name = 'incarnation'")
}

// Mark implements store.Reader.
func (r *Reader) Mark(ctx context.Context, name string) (string, error) {
	value, err := one(ctx, r.now(), "mark "+name, Itself[string], "SELECT value FROM marks WHERE name = ?", name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return value, err
}

// Host implements store.Hosts.
func (r *Reader) Host(ctx context.Context, name string) (banto.Host, error) {
	return one(ctx, r.now(), "host "+name, hostFields, "SELECT "+hostColumns+" FROM hosts WHERE name = ?", name)
}

// HostByID implements store.Hosts.
func (r *Reader) HostByID(ctx context.Context, id banto.HostID) (banto.Host, error) {
	return one(ctx, r.now(), "host "+string(id), hostFields, "SELECT "+hostColumns+" FROM hosts WHERE id = ?", &id)
}

// ListHosts implements store.Hosts.
func (r *Reader) ListHosts(ctx context.Context, after string, limit int) ([]banto.Host, error) {
	return list(ctx, r.now(), hostFields,
		"SELECT "+hostColumns+" FROM hosts WHERE name > ? ORDER BY name LIMIT ?", after, Bounded(limit))
}

// Join implements store.Joins.
func (r *Reader) Join(ctx context.Context, hash string) (store.Join, error) {
	return one(ctx, r.now(), "join", joinFields, "SELECT "+joinColumns+" FROM joins WHERE hash = ?", hash)
}

// Revoked implements store.Joins.
func (r *Reader) Revoked(ctx context.Context) ([]store.RevokedKey, error) {
	return list(ctx, r.now(), revokedFields, "SELECT "+revokedColumns+" FROM revoked_keys ORDER BY public_key")
}

// AccountStates implements store.Accounts.
func (r *Reader) AccountStates(ctx context.Context) ([]store.AccountState, error) {
	return list(ctx, r.now(), accountStateFields, "SELECT "+accountStateColumns+" FROM account_states ORDER BY name")
}

// Token implements store.Tokens.
func (r *Reader) Token(ctx context.Context, hash string) (store.Token, error) {
	return one(ctx, r.now(), "token", tokenFields, "SELECT "+tokenColumns+" FROM tokens WHERE hash = ?", hash)
}

// ListAudit implements store.Audits.
func (r *Reader) ListAudit(ctx context.Context, object string, before int64, limit int) ([]banto.AuditEntry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	const cols = "SELECT " + auditColumns + ", seq FROM audit WHERE "
	if object == "" {
		return list(ctx, r.now(), auditRowFields, cols+"seq < ? ORDER BY seq DESC LIMIT ?", before, Bounded(limit))
	}
	return list(ctx, r.now(), auditRowFields,
		cols+"object = ? AND seq < ? ORDER BY seq DESC LIMIT ?", object, before, Bounded(limit))
}
