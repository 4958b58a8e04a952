package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// Begin implements store.Store. The time is the server's own.
func (s *Store) Begin(ctx context.Context, holder string, _ time.Time) (int64, error) {
	return s.Take(ctx, store.TakeOver{Holder: holder, Force: true})
}

// takeTime bounds a Take.
const takeTime = 10 * time.Second

// Take implements store.Leases.
func (s *Store) Take(ctx context.Context, t store.TakeOver) (int64, error) {
	if err := errors.Join(store.CheckText(t.Holder), store.CheckText(t.URL), store.CheckText(t.Name)); err != nil {
		return 0, err
	}
	if err := s.takeTurn(ctx); err != nil {
		return 0, err
	}
	defer s.giveTurn()
	if t.Holder != s.holder {
		s.drop() // a connection carries the name of its holder
		s.holder = t.Holder
	}
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	if err := s.take(ctx, t); err != nil {
		if errors.Is(err, store.ErrHeld) {
			return 0, err
		}
		s.drop()
		return 0, fmt.Errorf("cannot become the active manager: %w", s.explain(err))
	}
	s.deposed, s.unsure, s.behind, s.known, s.newest = false, false, false, nil, 0
	s.absent.forget()
	s.startSession()
	return s.epoch, nil
}

// free says in SQL whether a manager may take the lease: it is its own, was
// given up (to it, or to anybody), or has not been renewed for a while.
const free = "($1 OR holder = $2 OR holder = '' AND (next = '' OR next = $3) OR banto_micros() - renewed_at >= $4)"

func (s *Store) take(ctx context.Context, t store.TakeOver) error {
	w, err := s.writer(ctx)
	if err != nil {
		return err
	}
	args := []any{t.Force, t.Holder, t.Name, t.After.Microseconds()}
	var may bool
	var holder string
	// Asked first without a lock, so that one who may not take it disturbs nobody.
	if err := w.conn.QueryRow(ctx, "SELECT "+free+", holder FROM lease WHERE id = 1", args...).Scan(&may, &holder); err != nil {
		return err
	}
	if !may {
		return fmt.Errorf("%w: %s", store.ErrHeld, holder)
	}
	began := boottime.Now()
	var epoch, seq int64
	err = s.overLease(ctx, w, appName(holder), func() error {
		return w.conn.QueryRow(ctx, "UPDATE lease SET epoch = epoch + 1, seq = seq + 1, holder = $2, url = $5, next = '',"+
			" renewed_at = banto_micros() WHERE id = 1 AND "+free+" RETURNING epoch, seq", append(args, t.URL)...).Scan(&epoch, &seq)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrHeld // somebody was faster
	}
	if err != nil {
		return err
	}
	s.epoch, s.seq = epoch, seq
	s.proved.Store(int64(began))
	return nil
}

// takeWait is how long the lease's row is waited for at a take-over.
const takeWait = "3s"

// overLease runs a statement that locks the lease's row. A transaction that a
// process of that name has left open is ended with its connection (watched).
func (s *Store) overLease(ctx context.Context, w *writer, app string, fn func() error) error {
	if _, err := w.conn.Exec(ctx, "SET lock_timeout = '"+takeWait+"'"); err != nil {
		return err
	}
	stop := s.watched(takeLook, w.conn.PgConn().PID(), app)
	err := fn()
	stop(err)
	if _, set := w.conn.Exec(ctx, "SET lock_timeout = '10s'"); set != nil && err == nil {
		s.drop() // what was done is done; the next one connects again
	}
	return err
}

// Release implements store.Leases.
func (s *Store) Release(ctx context.Context, next string) error {
	if err := store.CheckText(next); err != nil {
		return err
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	epoch := s.epoch
	if epoch == 0 || s.deposed {
		return nil
	}
	s.epoch, s.known = 0, nil // whatever comes of it, we do not write any more
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	w, err := s.writer(ctx)
	if err == nil {
		_, err = w.conn.Exec(ctx, "UPDATE lease SET holder = '', url = '', next = $1 WHERE id = 1 AND epoch = $2", next, epoch)
	}
	s.endSession()
	if err != nil {
		s.drop()
		return fmt.Errorf("cannot give the lease up: %w", s.explain(err))
	}
	return nil
}

// ProvedAt implements store.Leases.
func (s *Store) ProvedAt() time.Duration { return time.Duration(s.proved.Load()) }

// Shared implements store.Leases.
func (s *Store) Shared() bool { return true }

// gone says in SQL that the holder of the lease had a session, and has none.
const gone = "CASE WHEN EXISTS (SELECT 1 FROM info WHERE name = 'session' AND value = l.epoch::text) AND NOT EXISTS (" +
	"SELECT 1 FROM pg_locks AS p WHERE p.locktype = 'advisory' AND p.granted AND p.objsubid = 2 AND p.classid = ? AND p.objid = l.epoch" +
	" AND p.database = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN 1::bigint ELSE 0::bigint END"

// Lease implements store.Reader.
func (s *Store) Lease(ctx context.Context) (store.Lease, error) {
	type row struct {
		store.Lease
		age int64
	}
	fields := func(l *row) []any {
		return []any{&l.Epoch, &l.Seq, &l.Holder, &l.URL, &l.Next, &l.RenewedAt, &l.age, &l.Gone}
	}
	l, err := sqltext.One(ctx, s.Reader, "lease", fields, "SELECT epoch, seq, holder, url, next, renewed_at, banto_micros() - renewed_at, "+gone+
		" FROM lease AS l WHERE id = 1", int64(lockClass))
	if err != nil || l.Epoch == 0 {
		return store.Lease{}, err
	}
	l.Age = max(0, time.Duration(l.age)*time.Microsecond)
	return l.Lease, nil
}
