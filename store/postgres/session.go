package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// session is a connection that does nothing but hold a lock: as long as it is
// there, so is the process that holds the lease. Its end tells the others at
// once; that is a hint, and proves nothing.
type session struct {
	stop context.CancelFunc
	done chan struct{}
}

const sessionLost = "the session that tells other managers that this one lives was lost; it is made again"

// sessionPause is how long a lost session waits before it is made again.
const sessionPause = 500 * time.Millisecond

// startSession begins one for our epoch, in place of one for an earlier epoch.
func (s *Store) startSession() {
	s.endSession()
	ctx, cancel := context.WithCancel(context.Background())
	s.session = &session{stop: cancel, done: make(chan struct{})}
	go s.keepSession(ctx, s.session.done, s.epoch, s.holder)
}

func (s *Store) endSession() {
	if s.session == nil {
		return
	}
	s.session.stop()
	<-s.session.done
	s.session = nil
}

func (s *Store) keepSession(ctx context.Context, done chan struct{}, epoch int64, holder string) {
	defer close(done)
	for ctx.Err() == nil {
		if err := s.holdSession(ctx, epoch, holder); err != nil && ctx.Err() == nil {
			s.seldom.Warn(sessionLost, "error", s.explain(err))
		}
		pause := time.NewTimer(sessionPause)
		select {
		case <-ctx.Done():
			pause.Stop()
		case <-pause.C:
		}
	}
}

// holdSession returns when the session has ended.
func (s *Store) holdSession(ctx context.Context, epoch int64, holder string) error {
	c := s.config().Copy()
	dress(c, holder)
	dialing, cancel := context.WithTimeout(ctx, 2*dialTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(dialing, c)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	var pid uint32
	if err := conn.QueryRow(dialing, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() {
		return s.noSession(ctx)
	}
	if _, err := conn.Exec(dialing, anySettings); err != nil {
		return err
	}
	// The second half of the key has 32 bits; an epoch grows with each take-over.
	if _, err := conn.Exec(dialing, "SELECT pg_advisory_lock($1::int, $2::int)", lockClass, int32(epoch)); err != nil { //nolint:gosec // see above
		return err
	}
	_, err = conn.Exec(dialing, "INSERT INTO info (name, value) VALUES ('session', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"+
		" WHERE info.value::bigint < excluded.value::bigint", fmt.Sprint(epoch))
	if err != nil {
		return err
	}
	s.seldom.Over(sessionLost, "the session that tells other managers that this one lives is there again")
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// noSession waits: behind a pooler a connection is nobody's own.
func (s *Store) noSession(ctx context.Context) error {
	s.log.Warn("there is a pooler between this manager and PostgreSQL: other managers notice its death only when its lease has run out")
	<-ctx.Done()
	return ctx.Err()
}
