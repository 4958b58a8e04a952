package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// ExerciseCopy copies whole stores from one kind to another, and back.
func ExerciseCopy(t *testing.T, from, to func(t *testing.T) Place) {
	b := &bed{T: t, place: from(t), newPlace: from}
	b.s = b.place(t)
	f := newFull(1)
	f.tracker.Jobnet = "backup/夜間/deep"
	f.put(b)
	b.write(func(tx store.Tx) error {
		errs := []error{
			tx.PutMark("mark", "値"), tx.PutScript("s", []byte("\x00\xff")), tx.PutFlow("none", nil),
			tx.PutSubmitted("p", "k", "h", f.tracker.ID, epoch0),
		}
		for i := range 1000 {
			errs = append(errs, tx.PutPart(banto.Part{Tracker: f.tracker.ID, Key: banto.PartKey(fmt.Sprint("部品-", i)), Message: "改行\n\t\\N"}))
		}
		return errors.Join(errs...)
	})
	if _, err := b.s.Keep(t.Context(), "key", []byte("\x00secret")); err != nil {
		t.Fatal(err)
	}
	tables, rows := dump(b, b.s)
	for name, place := range map[string]func(t *testing.T) Place{"its own kind": from, "the other kind": to} {
		other := &bed{T: t, place: place(t)}
		other.s = other.place(t)
		if err := load(other, tables, rows); err != nil {
			t.Fatalf("into %s: %v", name, err)
		}
		_, again := dump(other, other.s)
		other.same("the rows, in "+name, len(again), len(rows))
		if !slices.EqualFunc(again, rows, func(x, y store.Row) bool { return fmt.Sprintf("%#v", x) == fmt.Sprintf("%#v", y) }) {
			t.Errorf("in %s the rows are others", name)
		}
		if must(other.s.Incarnation(t.Context()))(other) == must(b.s.Incarnation(t.Context()))(b) {
			t.Errorf("the incarnation was copied to %s", name)
		}
		other.same("the lease of "+name, must(other.s.Lease(t.Context()))(other), store.Lease{})
		other.same("the vault", must(other.s.Kept(t.Context(), "key"))(other), []byte("\x00secret"))
		other.begin() // and it goes on where the other was
		other.same("the order", must(other.s.Outbox(t.Context()))(other), []store.OutboxEntry{f.order})
		before := must(other.s.ListAudit(t.Context(), "", 0, 1))(other)[0].Seq
		f := f
		f.tracker.Revision += 7
		other.write(func(tx store.Tx) error {
			return errors.Join(tx.PutTracker(f.tracker), tx.PutAudit(f.audit), tx.PutOutbox(store.OutboxEntry{ID: "new"}))
		})
		if after := must(other.s.ListAudit(t.Context(), "", 0, 1))(other)[0].Seq; after <= before {
			t.Errorf("the audit went on with %d behind %d", after, before)
		}
		orders := must(other.s.Outbox(t.Context()))(other)
		if len(orders) != 2 || orders[1].ID != "new" {
			t.Errorf("the outbox went on as %+v", orders)
		}
		listed := must(other.s.ListTrackers(t.Context(), store.TrackerQuery{Jobnet: "backup/夜間/"}))(other)
		other.same("listed", trackersOf(listed), []banto.Tracker{f.tracker})
		if load(other, tables, rows) == nil {
			t.Errorf("%s took rows a second time", name)
		}
	}
}

// dump gives all rows of a store.
func dump(b *bed, s store.Store) ([]store.Table, []store.Row) {
	b.Helper()
	c := s.(store.Copier)
	var rows []store.Row
	err := c.Dump(b.Context(), func(r store.Row) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		b.Fatalf("cannot dump: %v", err)
	}
	return c.Tables(), rows
}

// load fills a store.
func load(b *bed, tables []store.Table, rows []store.Row) error {
	return b.s.(store.Copier).Load(b.Context(), tables, func() (store.Row, error) {
		if len(rows) == 0 {
			return store.Row{}, io.EOF
		}
		r := rows[0]
		rows = rows[1:]
		return r, nil
	})
}

// testLoadRefuses: what does not fit leaves the store as it was.
func testLoadRefuses(b *bed) {
	c, ok := b.s.(store.Copier)
	if !ok {
		b.Log("this store copies nothing")
		return
	}
	if n := must(c.Schema(b.Context()))(b); n < 3 {
		b.Errorf("the schema is number %d", n)
	}
	flows := []store.Table{{Name: "flows", Columns: []string{"hash", "body"}}, {Name: "parts", Columns: []string{"tracker", "key"}}}
	good := store.Row{Table: "flows", Values: []any{"h", []byte("x")}}
	for name, c := range map[string]struct {
		tables []store.Table
		row    store.Row
	}{
		"an unknown table":          {append(flows, store.Table{Name: "lease"}), good},
		"an unknown column":         {append(flows, store.Table{Name: "marks", Columns: []string{"name", "x; DROP"}}), good},
		"a row of another table":    {flows, store.Row{Table: "marks", Values: []any{"a", "b"}}},
		"a value too many":          {flows, store.Row{Table: "flows", Values: []any{"a", []byte("b"), "c"}}},
		"a value of another kind":   {flows, store.Row{Table: "flows", Values: []any{"a", "b"}}},
		"a value of no kind":        {flows, store.Row{Table: "flows", Values: []any{"a", 3.5}}},
		"a NUL":                     {flows, store.Row{Table: "flows", Values: []any{"a\x00", []byte("b")}}},
		"nothing where it must be":  {flows, store.Row{Table: "flows", Values: []any{nil, []byte("b")}}},
		"the same row again":        {flows, good},
		"a part without a tracker ": {flows, store.Row{Table: "parts", Values: []any{"t", "k"}}},
	} {
		if err := load(b, c.tables, []store.Row{good, c.row}); err == nil {
			b.Errorf("%s was taken", name)
		}
		if _, err := b.s.Flow(b.Context(), "h"); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("%s left something: %v", name, err)
		}
	}
	stop := errors.New("enough")
	err := c.Load(b.Context(), flows, func() (store.Row, error) { return store.Row{}, stop })
	if !errors.Is(err, stop) {
		b.Errorf("got %v, want the source's error", err)
	}
	b.begin()
	if err := load(b, flows, nil); banto.KindOf(err) != banto.KindConflict {
		b.Errorf("a store that has begun: %v", err)
	}
	err = c.Dump(b.Context(), func(store.Row) error { return stop })
	if !errors.Is(err, stop) {
		b.Errorf("got %v, want the callback's error", err)
	}
}
