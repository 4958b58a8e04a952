package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// overtaken reads, and lets something happen before it answers.
type overtaken struct {
	sqltext.DB
	then func()
}

func (o overtaken) Query(ctx context.Context, query string, args []any) (sqltext.Rows, error) {
	rows, err := o.DB.Query(ctx, query, args)
	o.then()
	return rows, err
}

// What was not there when it was looked for is not taken for absent when a
// transaction has made it before the answer came, or the lease was taken since.
func TestAbsentIsNotOfBefore(t *testing.T) {
	ctx := t.Context()
	server := pgtest.Start(t)
	s, err := Open(ctx, server.NewDatabase(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	begin := func() {
		if _, err := s.Begin(ctx, "m1/1", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	const id = banto.TrackerID("20260101-aaaaaaa")
	put := func() error {
		return s.Write(ctx, func(tx store.Tx) error {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			return errors.Join(tx.PutFlow("f", []byte("x")), tx.PutTracker(banto.Tracker{ID: id, Jobnet: "a", Flow: "f", State: banto.TrackerRunning, SubmittedAt: at}),
				tx.PutSubmitted("p", "k", "h", id, at))
		})
	}
	look := func() {
		t.Helper()
		_, err1 := s.TrackersThere(ctx, []banto.TrackerID{id, "other"})
		_, err2 := s.SubmittedKeys(ctx, "p", []string{"k", "other"})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
	}
	stale := func() bool { return s.absent.tracker(id) || s.absent.key([2]string{"p", "k"}) }

	look()
	if !s.absent.tracker(id) || !s.absent.key([2]string{"p", "k"}) {
		t.Error("what is not there is not remembered so")
	}
	begin()
	if stale() {
		t.Error("it is remembered when the lease was taken")
	}

	db, wrote := s.DB, false
	s.DB = overtaken{db, func() {
		if !wrote {
			wrote = true
			if err := put(); err != nil {
				t.Error(err)
			}
		}
	}}
	if _, err := s.TrackersThere(ctx, []banto.TrackerID{id}); err != nil {
		t.Fatal(err)
	}
	if !wrote || stale() {
		t.Errorf("a tracker that was made meanwhile (%v) is taken for absent", wrote)
	}
	s.DB = overtaken{db, s.absent.forget}
	look()
	if stale() || s.absent.key([2]string{"p", "other"}) {
		t.Error("a transaction has ended meanwhile, and it is remembered")
	}
	s.DB = db
	if err := put(); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("the key once more: %v", err)
	}
}
