package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/bantoops/banto/store/sqltext"
)

// asking is the database as sqltext asks it: the newest commit with each
// query, or one commit throughout when it has a transaction.
type asking struct {
	s  *Store
	tx *sql.Tx
}

var _ sqltext.DB = asking{}

// Query runs a statement that is kept prepared: there must be few different ones.
func (a asking) Query(ctx context.Context, query string, args []any) (sqltext.Rows, error) {
	stmt, err := a.s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if a.tx != nil {
		stmt = a.tx.StmtContext(ctx, stmt) //nolint:sqlclosecheck // the end of tx closes it
	}
	return stmt.QueryContext(ctx, args...) //nolint:rowserrcheck // whoever asked reads them to their end
}

// Snapshot gives fn one commit.
func (a asking) Snapshot(ctx context.Context, fn func(sqltext.Asker) error) error {
	tx, err := a.s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("cannot read the store: %w", a.s.explain(err))
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	return fn(asking{a.s, tx})
}

// Explain implements sqltext.DB.
func (a asking) Explain(err error) error { return a.s.explain(err) }

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
