package sqltext

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// numbered are the columns of tables whose rows the database numbers; a copy
// keeps the numbers.
var numbered = map[string]bool{"outbox": true, "audit": true}

// copied lists the upserts of the tables that are copied, in an order in which
// they can be loaded.
func copied() []*Upsert {
	return []*Upsert{
		Definitions, Flows, Scripts, Trackers, Folders, Parts, Attempts, Submissions, Outbox,
		Hosts, Joins, RevokedKeys, AccountStates, Tokens, Audit, Marks, Vault,
	}
}

// A CopyTable is a table as it is copied: each column, with its kind.
type CopyTable struct {
	store.Table
	Kinds []Kind
	order string
}

// CopyTables lists the tables that are copied, in an order in which they can
// be loaded.
func CopyTables() []CopyTable {
	var out []CopyTable
	for _, u := range copied() {
		t := CopyTable{Table: store.Table{Name: u.Table, Columns: u.Columns}, Kinds: u.Kinds, order: strings.Join(u.Key, ", ")}
		if numbered[u.Table] {
			t.Columns = append([]string{"seq"}, u.Columns...)
			t.Kinds = append([]Kind{Number}, u.Kinds...)
			t.order = "seq"
		}
		if u == Trackers {
			t.order = "seq"
		}
		out = append(out, t)
	}
	return out
}

// Tables implements store.Copier.
func (r *Reader) Tables() []store.Table {
	var out []store.Table
	for _, t := range CopyTables() {
		out = append(out, store.Table{Name: t.Name, Columns: slices.Clone(t.Columns)})
	}
	return out
}

// Dump implements store.Copier.
func (r *Reader) Dump(ctx context.Context, each func(store.Row) error) error {
	return r.snapshot(ctx, func(v view) error {
		for _, t := range CopyTables() {
			if err := v.dump(ctx, t, each); err != nil {
				return fmt.Errorf("cannot copy the table %s: %w", t.Name, err)
			}
		}
		return nil
	})
}

func (v view) dump(ctx context.Context, t CopyTable, each func(store.Row) error) error {
	rows, err := v.a.Query(ctx, "SELECT "+strings.Join(t.Columns, ", ")+" FROM "+t.Name+" ORDER BY "+t.order, nil)
	if err != nil {
		return v.r.Explain(err)
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	for rows.Next() {
		cells := make([]cell, len(t.Columns))
		dest := make([]any, len(cells))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		row := store.Row{Table: t.Name, Values: make([]any, len(cells))}
		for i := range cells {
			row.Values[i] = cells[i].value
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return v.r.Explain(rows.Err())
}

// cell takes a value as it is.
type cell struct{ value any }

// Scan implements sql.Scanner.
func (c *cell) Scan(src any) error {
	if b, ok := src.([]byte); ok {
		src = append([]byte{}, b...) // the driver's own
	}
	c.value = src
	return nil
}

// Loader checks rows that come from elsewhere before they are written.
type Loader struct {
	tables map[string]loadTable
}

type loadTable struct {
	columns []string
	kinds   []Kind
}

// NewLoader knows the tables of the rows that come; a column that we have and
// they do not takes its default.
func NewLoader(tables []store.Table) (*Loader, error) {
	ours := map[string]CopyTable{}
	for _, t := range CopyTables() {
		ours[t.Name] = t
	}
	l := &Loader{tables: map[string]loadTable{}}
	for _, t := range tables {
		mine, ok := ours[t.Name]
		if !ok {
			return nil, fmt.Errorf("cannot load: there is no table %q", t.Name)
		}
		lt := loadTable{columns: t.Columns}
		for _, c := range t.Columns {
			i := slices.Index(mine.Columns, c)
			if i < 0 {
				return nil, fmt.Errorf("cannot load: the table %s has no column %q", t.Name, c)
			}
			lt.kinds = append(lt.kinds, mine.Kinds[i])
		}
		l.tables[t.Name] = lt
	}
	return l, nil
}

// Next gives the next row, checked, with the statement that writes it, until
// io.EOF.
func (l *Loader) Next(next func() (store.Row, error)) (row store.Row, columns []string, err error) {
	row, err = next()
	if errors.Is(err, io.EOF) {
		return row, nil, io.EOF
	}
	if err != nil {
		return row, nil, fmt.Errorf("cannot load: %w", err)
	}
	t, ok := l.tables[row.Table]
	if !ok {
		return row, nil, fmt.Errorf("cannot load a row of %q: no such table was announced", row.Table)
	}
	if len(row.Values) != len(t.kinds) {
		return row, nil, fmt.Errorf("cannot load a row of %s: %d values for %d columns", row.Table, len(row.Values), len(t.kinds))
	}
	for i, v := range row.Values {
		if err := fits(v, t.kinds[i]); err != nil {
			return row, nil, fmt.Errorf("cannot load a row of %s: %s: %w", row.Table, t.columns[i], err)
		}
	}
	return row, t.columns, nil
}

func fits(value any, kind Kind) error {
	switch v := value.(type) {
	case nil: // the database knows whether it may be
		return nil
	case int64:
		if kind == Number {
			return nil
		}
	case string:
		if kind == Text {
			return store.CheckText(v)
		}
	case []byte:
		if kind == Bytes {
			return nil
		}
	}
	return fmt.Errorf("a %T is of the wrong kind", value)
}

// Begun asks whether a manager has ever begun in a store, or anything was
// written to it.
const Begun = "SELECT (SELECT epoch FROM lease WHERE id = 1) + (SELECT count(*) FROM (SELECT seq FROM trackers LIMIT 1) AS t)" +
	" + (SELECT count(*) FROM (SELECT name FROM vault LIMIT 1) AS v)"

// HasBegun says that rows cannot be loaded into a store, since it is in use.
func HasBegun(what string) error {
	return banto.Fail(banto.KindConflict, "cannot load into "+what, "a manager has used it already",
		"load into a new one: nothing that is there is ever mixed with what is loaded")
}
