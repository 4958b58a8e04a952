package postgres_test

import (
	"testing"
	"time"

	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

// TestGone: the others see that the holder's session is there, that it is not
// when it was cut, and is again; and that it is gone with the process.
func TestGone(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	other := open(t, url, postgres.Options{Holder: "b/1"})
	gone := func() bool {
		l, err := other.Lease(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return l.Gone
	}
	held := func() bool {
		return server.Do(t, database(url), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid <> 0"+
			" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == "1"
	}
	s := open(t, url, postgres.Options{Holder: "a/1"})
	if _, err := s.Take(t.Context(), store.TakeOver{Holder: "a/1", Name: "a", After: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if gone() {
		t.Error("it is gone before it was there")
	}
	waitFor(t, held)
	waitFor(t, func() bool {
		return server.Do(t, database(url), "SELECT value FROM info WHERE name = 'session'") == "1"
	})
	if gone() {
		t.Error("it is there, and said to be gone")
	}
	server.Do(t, database(url), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1"+
		" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	waitFor(t, func() bool { return held() && !gone() }) // made again
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, gone)
	if _, err := other.Take(t.Context(), store.TakeOver{Holder: "b/1", Name: "b", After: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if gone() {
		t.Error("the session of the one before counts against the one that took over")
	}
}
