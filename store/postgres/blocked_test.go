package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

// logged is a log that is read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// stranger begins a transaction that is none of a manager's.
func stranger(t *testing.T, url, statement string) *pgx.Conn {
	t.Helper()
	c, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	c.RuntimeParams["application_name"] = "psql of somebody"
	conn, err := pgx.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestBlockedByAStranger: somebody else's session that holds the lease's row, or
// its table, is named and not ended; nor is the manager that waits as others do.
func TestBlockedByAStranger(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for name, statement := range map[string]string{
		"row": "BEGIN; SELECT *, 'secret' FROM lease FOR UPDATE", "shared": "BEGIN; SELECT epoch FROM lease FOR SHARE", "table": "BEGIN; LOCK TABLE lease",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := server.NewDatabase(t)
			var first, second logged
			a := open(t, url, postgres.Options{Holder: "a/1", Log: first.logger()})
			if _, err := a.Begin(t.Context(), "a/1", time.Now()); err != nil {
				t.Fatal(err)
			}
			b := open(t, url, postgres.Options{Holder: "b/1", Log: second.logger()})
			who := stranger(t, url, statement)
			written := make(chan error, 1)
			go func() { written <- put(a, "waits") }()
			waiting := "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'banto a/1' AND wait_event_type = 'Lock' AND backend_type = 'client backend'"
			waitFor(t, func() bool { return server.Do(t, database(url), waiting) == "1" })
			if name != "table" { // it could not even ask whether the lease is free
				_, err := b.Take(t.Context(), store.TakeOver{Holder: "b/1", Name: "b", Force: true})
				for _, part := range []string{"locked by another session", "banto doctor"} {
					if banto.KindOf(err) != banto.KindUnavailable || !strings.Contains(err.Error(), part) {
						t.Errorf("got %v, want %q", err, part)
					}
				}
				if got, ok := b.Blocker(); !ok || got.PID != int(who.PgConn().PID()) || !strings.HasPrefix(got.Query, "BEGIN; SELECT") ||
					!strings.Contains(got.String(), "application psql of somebody") {
					t.Errorf("the second saw %+v, %v", got, ok)
				}
			}
			waitFor(t, func() bool { got, ok := a.Blocker(); return ok && got.PID == int(who.PgConn().PID()) })
			if _, err := who.Exec(t.Context(), "COMMIT"); err != nil {
				t.Errorf("the stranger was ended: %v", err)
			}
			if err := <-written; err != nil {
				t.Errorf("the first, once the row is free: %v", err)
			}
			if got, ok := a.Blocker(); ok {
				t.Errorf("still held up by %v", got)
			}
			if strings.Contains(first.text.String(), "secret") || first.count("since=20") == 0 {
				t.Errorf("said of the statement: %s", first.text.String())
			}
			if n := first.count("another session of the database"); n != 1 || first.count("held up no longer") != 1 {
				t.Errorf("said %d times by the first: %s", n, first.text.String())
			}
			if n := first.count("was ended") + second.count("was ended"); n != 0 {
				t.Errorf("%d were ended", n)
			}
		})
	}
}
