package store

import (
	"context"
	"time"
)

// Row is one row of a table as every store can write it: int64, string, []byte
// or nil for each column. Times are microseconds, flags 0 or 1.
type Row struct {
	Table  string
	Values []any
}

// Table is a table by its columns, in the order of a Row's values.
type Table struct {
	Name    string
	Columns []string
}

// Copier copies whole stores: for backups, and from one kind of store to
// another.
type Copier interface {
	// Tables lists what Dump gives and Load takes, in the order in which it is
	// given. What belongs to this very store is not among it: the lease, the
	// managers, the incarnation, the version of its schema.
	Tables() []Table
	// Schema is the number of the last migration.
	Schema(ctx context.Context) (int64, error)
	// Dump gives all rows of one commit, table after table, and holds nobody up.
	Dump(ctx context.Context, each func(Row) error) error
	// Load fills a store in which no manager has ever begun with the rows that
	// next gives until io.EOF, all or nothing. Values that a Row's table has no
	// columns for are an error; the order is that of Dump.
	Load(ctx context.Context, tables []Table, next func() (Row, error)) error
}

// Archive reads and drops what is old.
type Archive interface {
	// Ended gives trackers that ended before that time, in the order of their
	// submission, those after the cursor.
	Ended(ctx context.Context, before time.Time, after int64, limit int) ([]TrackerRow, error)
}
