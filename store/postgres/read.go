package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bantoops/banto/store/sqltext"
)

// texts keeps statements with $n in place of ?.
type texts struct{ known sync.Map }

// numbered rewrites the placeholders of a statement. No statement of ours has
// a ? that is none.
func (t *texts) numbered(query string) string {
	if known, ok := t.known.Load(query); ok {
		return known.(string)
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	t.known.Store(query, b.String())
	return b.String()
}

// querier is a connection, a pool or a transaction.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
}

// asking is the database as sqltext asks it: the newest commit with each
// query, or one commit throughout when on is a transaction.
type asking struct {
	s  *Store
	on querier
}

var _ sqltext.DB = asking{}

// Query implements sqltext.Asker.
func (a asking) Query(ctx context.Context, query string, args []any) (sqltext.Rows, error) {
	rows, err := a.on.Query(ctx, a.s.texts.numbered(query), args...)
	if err != nil {
		return nil, err
	}
	return &readRows{rows: rows}, nil
}

// beginSnapshot lets a backup take its time: it locks nothing that anybody waits
// for.
const beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" +
	" SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"

// Snapshot implements sqltext.DB.
func (a asking) Snapshot(ctx context.Context, fn func(sqltext.Asker) error) error {
	tx, err := a.s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginSnapshot})
	if err != nil {
		return fmt.Errorf("cannot read the store: %w", a.s.explain(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it wrote nothing
	return fn(asking{a.s, tx})
}

// Explain implements sqltext.DB.
func (a asking) Explain(err error) error { return a.s.explain(err) }

// readRows gives rows as database/sql would, without its conversions.
type readRows struct{ rows pgx.Rows }

// Next implements sqltext.Rows.
func (r *readRows) Next() bool { return r.rows.Next() }

// Err implements sqltext.Rows.
func (r *readRows) Err() error { return r.rows.Err() }

// Close implements sqltext.Rows.
func (r *readRows) Close() error {
	r.rows.Close()
	return nil
}

// Scan implements sqltext.Rows.
func (r *readRows) Scan(dest ...any) error {
	raw, fields := r.rows.RawValues(), r.rows.FieldDescriptions()
	if len(raw) != len(dest) {
		return fmt.Errorf("%d columns for %d fields", len(raw), len(dest))
	}
	for i, d := range dest {
		value, err := decode(raw[i], fields[i].DataTypeOID, fields[i].Format)
		if err != nil {
			return fmt.Errorf("%s: %w", fields[i].Name, err)
		}
		if err := assign(d, value); err != nil {
			return fmt.Errorf("%s: %w", fields[i].Name, err)
		}
	}
	return nil
}

func assign(dest, value any) error {
	switch d := dest.(type) {
	case sql.Scanner:
		return d.Scan(value)
	case *int64:
		if n, ok := value.(int64); ok {
			*d = n
			return nil
		}
	case *string:
		if s, ok := value.(string); ok {
			*d = s
			return nil
		}
	case *[]byte:
		if b, ok := value.([]byte); ok {
			*d = b
			return nil
		}
	}
	return fmt.Errorf("a %T cannot be read into a %T", value, dest)
}
