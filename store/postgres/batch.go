package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bantoops/banto/store/sqltext"
)

// batch is what one transaction will say, in its order: rows of a table that
// follow each other are one statement.
type batch struct {
	ops  []*op
	last map[string]*op // the newest op of each table
}

// op is one statement: rows to be put, or a statement of its own.
type op struct {
	put   *sqltext.Upsert
	rows  [][]any
	index map[string]int // of a row, by its key

	query string
	args  []any
	one   bool // its argument is joined with those of its like
}

// put adds a row. A row with the same key that no other statement followed is
// replaced.
func (b *batch) put(u *sqltext.Upsert, row []any) {
	o := b.last[u.Table]
	if o == nil || o.put != u {
		o = &op{put: u, index: map[string]int{}}
		b.add(u.Table, o)
	}
	if len(u.Key) == 0 {
		o.rows = append(o.rows, row)
		return
	}
	key := keyOf(u, row)
	if i, ok := o.index[key]; ok {
		if !u.Once {
			o.rows[i] = row
		}
		return
	}
	o.index[key] = len(o.rows)
	o.rows = append(o.rows, row)
}

func keyOf(u *sqltext.Upsert, row []any) string {
	if len(u.Key) == 1 {
		for i, c := range u.Columns {
			if c == u.Key[0] {
				return fmt.Sprint(row[i])
			}
		}
	}
	var b strings.Builder
	for _, k := range u.Key {
		for i, c := range u.Columns {
			if c == k {
				fmt.Fprintf(&b, "%v\x00", row[i])
				break
			}
		}
	}
	return b.String()
}

func (b *batch) add(table string, o *op) {
	if b.last == nil {
		b.last = map[string]*op{}
	}
	b.ops = append(b.ops, o)
	b.last[table] = o
}

// exec adds a statement that touches tables; rows that come later come behind it.
func (b *batch) exec(query string, args []any, tables ...string) {
	o := &op{query: query, args: args}
	b.ops = append(b.ops, o)
	for _, t := range tables {
		b.last[t] = o
	}
}

// each adds a statement for one value; those that follow each other are one.
func (b *batch) each(table, query string, value any) {
	if o := b.last[table]; o != nil && o.one && o.query == query {
		o.args = append(o.args, value)
		return
	}
	o := &op{query: query, args: []any{value}, one: true}
	b.add(table, o)
}

// statement gives the text of an op, its parameters and their types.
func (o *op) statement(t *texts) (text string, params [][]byte, oids []uint32) {
	switch {
	case o.put != nil:
		for i, k := range o.put.Kinds {
			_, array := arrayOf(k)
			oids = append(oids, array)
			params = append(params, column(o.rows, i, k))
		}
		return upsertText(o.put), params, oids
	case o.one:
		rows := make([][]any, len(o.args))
		for i, a := range o.args {
			rows[i] = []any{a}
		}
		return o.query, [][]byte{column(rows, 0, sqltext.Text)}, []uint32{oidTextArray}
	}
	for _, a := range o.args {
		raw, oid := scalar(a)
		params, oids = append(params, raw), append(oids, oid)
	}
	return t.numbered(o.query), params, oids
}

// upsertText writes the statement that puts any number of rows, each column an
// array. Rows that the database numbers keep their order.
func upsertText(u *sqltext.Upsert) string {
	columns := strings.Join(u.Columns, ", ")
	var arrays []string
	for i := range u.Columns {
		arrays = append(arrays, "$"+strconv.Itoa(i+1))
	}
	return "INSERT INTO " + u.Table + " (" + columns + ") SELECT " + columns + " FROM unnest(" + strings.Join(arrays, ", ") +
		") WITH ORDINALITY AS r (" + columns + ", row_number) ORDER BY row_number" + u.Conflict()
}

// prepare makes sure that the server knows a statement, and gives its name.
func (w *writer) prepare(ctx context.Context, text string, oids []uint32) (string, error) {
	if name, ok := w.prepared[text]; ok {
		return name, nil
	}
	name := "w" + strconv.Itoa(len(w.prepared)+1)
	if _, err := w.conn.PgConn().Prepare(ctx, name, text, oids); err != nil {
		return "", fmt.Errorf("cannot prepare a statement: %w", err)
	}
	w.prepared[text] = name
	return name, nil
}

const proof = "SELECT banto_prove($1, $2)"

// pipeline makes of a batch what is sent in one go: the proof, the statements,
// one Sync. Without an explicit transaction that is one implicit one.
func (b *batch) pipeline(ctx context.Context, w *writer, t *texts, epoch, seq int64) (*pgconn.Batch, error) {
	var p pgconn.Batch
	add := func(text string, params [][]byte, oids []uint32) error {
		name, err := w.prepare(ctx, text, oids)
		if err != nil {
			return err
		}
		formats := make([]int16, len(params))
		for i := range formats {
			formats[i] = 1
		}
		p.ExecPrepared(name, params, formats, nil)
		return nil
	}
	first, _ := scalar(epoch)
	second, _ := scalar(seq)
	if err := add(proof, [][]byte{first, second}, []uint32{oidNumber, oidNumber}); err != nil {
		return nil, err
	}
	for _, o := range b.ops {
		if err := add(o.statement(t)); err != nil {
			return nil, err
		}
	}
	return &p, nil
}
