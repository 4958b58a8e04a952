package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/store"
)

const (
	// takeLook and writeLook are how long the lease's row is waited for before it
	// is looked who holds it, and between two such looks.
	takeLook  = 150 * time.Millisecond
	writeLook = time.Second
	// blockedFresh is how long what was seen is taken for true.
	blockedFresh = 10 * time.Second
)

// holders finds who keeps those that wait for the lease's row, or its table,
// from it: the first in each chain of sessions that wait for each other.
const holders = "WITH RECURSIVE waiting AS (SELECT DISTINCT pid FROM pg_locks WHERE relation = 'lease'::regclass AND (NOT granted OR locktype = 'tuple')" +
	" AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))," +
	" chain (pid) AS (SELECT unnest(pg_blocking_pids(pid)) FROM waiting UNION SELECT unnest(pg_blocking_pids(pid)) FROM chain)" +
	" SELECT c.pid, COALESCE(a.usename, ''), COALESCE(a.application_name, ''), COALESCE(host(a.client_addr), ''), a.xact_start," +
	" COALESCE(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 200), '') FROM chain AS c LEFT JOIN pg_stat_activity AS a USING (pid)" +
	" WHERE cardinality(pg_blocking_pids(c.pid)) = 0 ORDER BY a.xact_start"

// unseen is what PostgreSQL shows of a statement to those who may not see it.
const unseen = "<insufficient privilege>"

const holderUnseen = "the lease is waited for, and who holds it cannot be seen"

// blocking is who was seen to hold the lease's row.
type blocking struct {
	store.Blocker
	seen time.Duration
}

// Blocker gives the session, none of ours, that keeps this manager from the
// lease; false: none was seen of late.
func (s *Store) Blocker() (store.Blocker, bool) {
	b := s.blocked.Load()
	if b == nil || boottime.Now()-b.seen > blockedFresh {
		return store.Blocker{}, false
	}
	return b.Blocker, true
}

// watched looks who holds the lease's row while a statement waits for it, until
// stop is called. Who is of the application ends is ended: a manager that was
// stopped half way must block nobody. Anybody else is named.
func (s *Store) watched(every time.Duration, own uint32, ends string) (stop func(err error)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	timer := time.AfterFunc(every, func() {
		defer close(done)
		s.watch(ctx, every, own, ends)
	})
	return func(err error) {
		cancel()
		if !timer.Stop() {
			<-done // what is ended then would be somebody else's
		}
		if b := s.blocked.Load(); err == nil && b != nil && s.blocked.CompareAndSwap(b, nil) {
			s.log.Info("the lease is held up no longer", "pid", b.PID)
		}
	}
}

func (s *Store) watch(ctx context.Context, every time.Duration, own uint32, ends string) {
	conn, leave, err := s.beside(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.seldom.Warn(holderUnseen, "error", s.explain(err))
		}
		return
	}
	defer leave()
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		if err := s.lookForBlockers(ctx, conn, own, ends); err != nil {
			if ctx.Err() == nil {
				s.seldom.Warn(holderUnseen, "error", s.explain(err))
			}
			return
		}
		s.seldom.Over(holderUnseen, "who holds the lease can be seen again")
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// beside gives a connection of its own: those of the pool may all be busy. When
// the server has no more, one of the pool must do.
func (s *Store) beside(ctx context.Context) (conn *pgx.Conn, leave func(), err error) {
	if conn, err = s.connect(ctx, anySettings); err == nil {
		return conn, func() {
			closing, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = conn.Close(closing)
		}, nil
	}
	pooled, none := s.pool.Acquire(ctx)
	if none != nil {
		return nil, nil, err
	}
	return pooled.Conn(), pooled.Release, nil
}

func (s *Store) lookForBlockers(ctx context.Context, conn *pgx.Conn, own uint32, ends string) error {
	rows, err := conn.Query(ctx, holders)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Blocker, error) {
		var b store.Blocker
		var since *time.Time
		err := row.Scan(&b.PID, &b.User, &b.Application, &b.Address, &since, &b.Query)
		if since != nil {
			b.Since = *since
		}
		if b.Query != unseen {
			b.Query = store.Shape(b.Query)
		} else {
			b.Query = ""
		}
		return b, err
	})
	if err != nil {
		return err
	}
	for _, b := range found {
		switch {
		case b.PID == int(own):
			// Ours has it by now, and somebody else waits for it.
		case ends != "" && b.Application == ends && s.end(ctx, conn, b):
		default:
			s.blockedBy(b)
			return nil
		}
	}
	return nil
}

// end ends a connection that a manager has left in the middle of a transaction.
// It gives false when that is not allowed.
func (s *Store) end(ctx context.Context, conn *pgx.Conn, b store.Blocker) bool {
	var ended int
	err := conn.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2 AND xact_start = $3",
		b.PID, b.Application, b.Since).Scan(&ended)
	if err != nil {
		if ctx.Err() != nil {
			return true
		}
		s.log.Warn("a transaction that was left open blocks the lease, and cannot be ended", "application", b.Application, "pid", b.PID, "error", s.explain(err))
		return false
	}
	if ended > 0 {
		s.log.Warn("a transaction that was left open blocked the lease, and was ended", "application", b.Application, "pid", b.PID)
	}
	return true
}

// blockedBy notes who holds the lease's row, and says it once.
func (s *Store) blockedBy(b store.Blocker) {
	old := s.blocked.Swap(&blocking{Blocker: b, seen: boottime.Now()})
	if old != nil && old.PID == b.PID && old.Since.Equal(b.Since) {
		return
	}
	s.log.Error("no manager can be the active one: another session of the database holds the lease", seen(b)...)
}

// seen gives what is known of who holds the lease; what is not to be seen is left
// out.
func seen(b store.Blocker) []any {
	out := []any{"pid", b.PID}
	for _, w := range []struct{ what, is string }{{"user", b.User}, {"application", b.Application}, {"address", b.Address}} {
		if w.is != "" {
			out = append(out, w.what, w.is)
		}
	}
	if !b.Since.IsZero() {
		out = append(out, "since", b.Since.UTC())
	}
	if b.Query != "" {
		out = append(out, "statement", b.Query)
	}
	if b.PID != 0 && b.Since.IsZero() {
		out = append(out, "unseen", "the rest shows itself to members of pg_read_all_stats")
	}
	return append(out, "advice", b.Advice())
}
