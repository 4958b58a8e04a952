package pgtest

import (
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestServer(t *testing.T) {
	s := New(t, "max_connections=17")
	if got := s.Do(t, "postgres", "SHOW max_connections"); got != "17" {
		t.Errorf("the setting is %s", got)
	}
	url := s.NewDatabase(t)
	if !strings.HasSuffix(strings.TrimSuffix(url, "?sslmode=disable"), "/t1") {
		t.Errorf("the database is at %s", url)
	}
	s.Do(t, "t1", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (3)")
	addr := s.Addr()
	s.Restart(t)
	if got := s.Do(t, "t1", "SELECT n FROM kept"); got != "3" || s.Addr() != addr {
		t.Errorf("after a restart: %q at %s, was at %s", got, s.Addr(), addr)
	}
	s.Pause()
	s.Continue()
	if got := s.Do(t, "t1", "SELECT n FROM kept"); got != "3" {
		t.Errorf("after a pause: %q", got)
	}
	if !strings.Contains(s.Log(), "ready to accept connections") && !strings.Contains(s.Log(), "not properly shut down") {
		t.Logf("the log:\n%s", s.Log())
	}
}

func TestOneServerForAll(t *testing.T) {
	s := Start(t)
	if again := Start(t); again != s {
		t.Error("a second server was started")
	}
	if first, second := s.NewDatabase(t), s.NewDatabase(t); first == second {
		t.Error("two tests share a database")
	}
}
