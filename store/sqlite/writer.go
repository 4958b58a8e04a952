package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// writer is the one connection that writes, without database/sql around it: its
// statements are many and short, and one goroutine has it at a time.
type writer struct {
	conn  driver.Conn
	stmts map[string]statement // prepared when they are first wanted
	args  []driver.NamedValue  // of the statement at hand
}

// statement is what the driver's statements can do. They are not interrupted by a
// context: half a transaction is of no use, and watching one costs more than most
// statements.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// result is what a statement has done.
type result struct {
	rows int64 // that it changed
	last int64 // the row that was inserted last
}

func newWriter(conn driver.Conn) *writer {
	return &writer{conn: conn, stmts: map[string]statement{}}
}

// bound gives a statement, and its arguments, which are int64, string, []byte or
// nil, until the next call.
func (w *writer) bound(query string, args []any) (statement, []driver.NamedValue, error) {
	w.args = w.args[:0]
	for i, a := range args {
		w.args = append(w.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	if stmt, ok := w.stmts[query]; ok {
		return stmt, w.args, nil
	}
	prepared, err := w.conn.Prepare(query)
	if err != nil {
		return nil, nil, err
	}
	stmt, ok := prepared.(statement)
	if !ok {
		_ = prepared.Close() // why it is of no use says more
		return nil, nil, fmt.Errorf("cannot use a %T of the driver", prepared)
	}
	w.stmts[query] = stmt
	return stmt, w.args, nil
}

// exec runs a statement.
func (w *writer) exec(query string, args ...any) (result, error) {
	stmt, values, err := w.bound(query, args)
	if err != nil {
		return result{}, err
	}
	did, err := stmt.ExecContext(context.Background(), values)
	if err != nil {
		return result{}, err
	}
	var out result
	if out.rows, err = did.RowsAffected(); err != nil {
		return result{}, err
	}
	out.last, err = did.LastInsertId()
	return out, err
}

// numbers runs a statement that gives one row, and reads the numbers in it.
func (w *writer) numbers(query string, args []any, into ...*int64) error {
	stmt, values, err := w.bound(query, args)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(context.Background(), values)
	if err != nil {
		return err
	}
	row := make([]driver.Value, len(into))
	err = rows.Next(row)
	for i := 0; i < len(row) && err == nil; i++ {
		n, ok := row[i].(int64)
		if !ok {
			err = fmt.Errorf("a %T is no number", row[i])
		}
		*into[i] = n
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("no row came")
	}
	// A statement that changes something is over, and durable, with this.
	return errors.Join(err, rows.Close())
}

func (w *writer) close() error {
	var errs []error
	for _, stmt := range w.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}
