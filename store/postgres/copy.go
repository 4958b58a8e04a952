package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// Schema implements store.Copier.
func (s *Store) Schema(ctx context.Context) (int64, error) {
	return sqltext.One(ctx, s.Reader, "schema", sqltext.Itself[int64], "SELECT max(version_id) FROM schema_version")
}

// Load implements store.Copier.
func (s *Store) Load(ctx context.Context, tables []store.Table, next func() (store.Row, error)) error {
	loader, err := sqltext.NewLoader(tables)
	if err != nil {
		return err
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	conn, err := s.connect(ctx, anySettings)
	if err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	if err := s.load(ctx, tx, &loading{loader: loader, next: next}); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return banto.Fail(banto.KindInvalid, "cannot load", "the rows do not fit together: "+serverSays(err), "").Because(s.explain(err))
	}
	return nil
}

func (s *Store) load(ctx context.Context, tx pgx.Tx, rows *loading) error {
	// No manager can begin until the end of it.
	if _, err := tx.Exec(ctx, "SELECT epoch FROM lease WHERE id = 1 FOR UPDATE"); err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	var begun int64
	if err := tx.QueryRow(ctx, sqltext.Begun).Scan(&begun); err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	if begun != 0 {
		return sqltext.HasBegun("the store in " + s.where)
	}
	for rows.advance() {
		table := rows.row.Table
		_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, rows.columns, rows.of(table))
		if rows.err != nil {
			break
		}
		if err != nil {
			return banto.Fail(banto.KindInvalid, "cannot load", "a row of "+table+" does not fit: "+serverSays(err), "").Because(s.explain(err))
		}
	}
	if rows.err != nil {
		return rows.err
	}
	for _, table := range []string{"outbox", "audit"} { // numbers go on behind those that came
		_, err := tx.Exec(ctx, "SELECT setval(pg_get_serial_sequence('"+table+"', 'seq'), (SELECT max(seq) FROM "+table+"))")
		if err != nil {
			return fmt.Errorf("cannot load: %w", s.explain(err))
		}
	}
	return nil
}

// loading gives the rows that come, table after table.
type loading struct {
	loader  *sqltext.Loader
	next    func() (store.Row, error)
	row     store.Row
	columns []string
	pending bool // row is still to be given
	over    bool
	err     error
}

// advance makes sure that there is a row to be given.
func (l *loading) advance() bool {
	if l.pending {
		return true
	}
	if l.over || l.err != nil {
		return false
	}
	var err error
	l.row, l.columns, err = l.loader.Next(l.next)
	switch {
	case errors.Is(err, io.EOF):
		l.over = true
		return false
	case err != nil:
		l.err = err
		return false
	}
	l.pending = true
	return true
}

// of gives the rows of one table, as pgx.CopyFrom takes them.
func (l *loading) of(table string) pgx.CopyFromSource {
	return pgx.CopyFromFunc(func() ([]any, error) {
		if !l.advance() {
			return nil, l.err
		}
		if l.row.Table != table {
			return nil, nil
		}
		l.pending = false
		return l.row.Values, nil
	})
}
