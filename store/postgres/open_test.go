package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

const secret = "s3cret-pass"

// refused makes sure that an address does not open, with an error that a
// person can act on, and gives its text.
func refused(t *testing.T, address string, kind banto.Kind, is error) string {
	t.Helper()
	s, err := postgres.Open(t.Context(), address, postgres.Options{})
	if err == nil {
		_ = s.Close()
		t.Fatal("it opened")
	}
	var info *banto.ErrorInfo
	if !errors.As(err, &info) || info.Kind != kind || info.Hint == "" || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is not a line that says what to do, of the kind %s", err, kind)
	}
	if !strings.HasPrefix(err.Error(), "cannot open the store") {
		t.Errorf("%q does not say what failed", err)
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("%q tells the password", e)
		}
	}
	return err.Error()
}

func TestOpenSaysWhy(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	good := server.NewDatabase(t)
	with := func(change func(u *url.URL)) string {
		u, err := url.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("banto", secret)
		change(u)
		return u.String()
	}
	for name, c := range map[string]struct {
		address, says string
		kind          banto.Kind
	}{
		"nobody listens":  {with(func(u *url.URL) { u.Host = "127.0.0.1:1" }), "127.0.0.1:1/" + database(good) + " cannot be reached", banto.KindUnavailable},
		"no such name":    {with(func(u *url.URL) { u.Host = "no-such-host.invalid:5432" }), "cannot be reached", banto.KindUnavailable},
		"no database":     {with(func(u *url.URL) { u.Path = "/nothing" }), "there is no database nothing", banto.KindInvalid},
		"no user":         {with(func(u *url.URL) { u.User = url.UserPassword("stranger", secret) }), "refuses the user stranger", banto.KindInvalid},
		"no address":      {"postgres://banto:" + secret + "@[::1", "cannot be read", banto.KindInvalid},
		"a wrong port":    {"postgres://banto:" + secret + "@h:notaport/db", "cannot be read", banto.KindInvalid},
		"a wrong setting": {with(func(u *url.URL) { u.RawQuery = "sslmode=perhaps" }), "cannot be read", banto.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := refused(t, c.address, c.kind, nil); !strings.Contains(got, c.says) {
				t.Errorf("%q does not say %q", got, c.says)
			}
		})
	}
}

func TestOpenWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.NewDatabase(t)
	server.Do(t, database(address), "CREATE TABLE notes (text TEXT)")
	if got := refused(t, address, banto.KindInvalid, store.ErrDamaged); !strings.Contains(got, "another program") {
		t.Error(got)
	}
	if got := server.Do(t, database(address), "SELECT count(*) FROM pg_class WHERE relname IN ('lease', 'schema_version')"); got != "0" {
		t.Errorf("%s tables were made beside those of another program", got)
	}
	// In a schema of its own it gets on with others.
	server.Do(t, database(address), "CREATE SCHEMA banto")
	s := begun(t, address+"&search_path=banto", postgres.Options{})
	if n := count(t, s, "first"); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestOpenNewer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.NewDatabase(t)
	if err := open(t, address, postgres.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	server.Do(t, database(address), "INSERT INTO schema_version (version_id, is_applied) VALUES (9999, true)")
	if got := refused(t, address, banto.KindInvalid, store.ErrNewer); !strings.Contains(got, "newer version") {
		t.Error(got)
	}
}

// TestOpenAtOnce: managers that start together make the tables once.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.NewDatabase(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { open(t, address, postgres.Options{}) })
	}
	wg.Wait()
}

// TestPassword: a wrong one is refused in words that do not tell it, nor does
// the log.
func TestPassword(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	server.Do(t, "postgres", "CREATE ROLE app LOGIN PASSWORD '"+secret+"'")
	server.Do(t, "postgres", "CREATE DATABASE theirs OWNER app")
	server.Do(t, "postgres", "CREATE DATABASE ours")
	hba := "host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
	if err := os.WriteFile(filepath.Join(server.Dir(), "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		t.Fatal(err)
	}
	server.Do(t, "postgres", "SELECT pg_reload_conf()")
	as := func(password, database string) string {
		u, err := url.Parse(server.URL(database))
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("app", password)
		return u.String()
	}
	waitFor(t, func() bool {
		_, err := postgres.Open(t.Context(), as("wrong", "theirs"), postgres.Options{})
		return err != nil
	})
	if got := refused(t, as("wrong-"+secret, "theirs"), banto.KindInvalid, nil); !strings.Contains(got, "refuses the user app") {
		t.Error(got)
	}
	server.Do(t, "ours", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	if got := refused(t, as(secret, "ours"), banto.KindInvalid, nil); !strings.Contains(got, "lacks a right") {
		t.Error(got)
	}
	var log strings.Builder
	s := begun(t, as(secret, "theirs"), postgres.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	server.Do(t, "postgres", "ALTER ROLE app PASSWORD 'another'")
	server.Do(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
	err := put(s, "x")
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("with a password that is not right any more: %v", err)
	}
	_ = s.Close()
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "lost") {
		t.Errorf("the log:\n%s", log.String())
	}
}

// TestReadOnlyServer: a server that takes no writes is said to be one.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.NewDatabase(t)
	s := begun(t, address, postgres.Options{})
	server.Do(t, "postgres", "ALTER DATABASE "+database(address)+" SET default_transaction_read_only = on")
	server.Do(t, database(address), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'banto m1/1'")
	err := put(s, "x")
	if banto.KindOf(err) != banto.KindUnavailable || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("got %v", err)
	}
	server.Do(t, "postgres", "ALTER DATABASE "+database(address)+" RESET default_transaction_read_only")
	server.Do(t, database(address), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'banto m1/1'")
	waitFor(t, func() bool { return put(s, "y") == nil })
}

// TestServerThatHangs: a server that answers no more blocks nobody for ever,
// and what was asked then is settled when it goes on.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	address := server.NewDatabase(t)
	s := begun(t, address, postgres.Options{Patience: 3 * time.Second})
	server.Pause()
	err := put(s, "x")
	if !errors.Is(err, store.ErrUncertain) || banto.KindOf(err) != banto.KindUnavailable {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Incarnation(ctx); err == nil {
		t.Error("a stopped server answered")
	}
	server.Continue()
	waitFor(t, func() bool { return put(s, "y") == nil })
	if n := count(t, s, "x"); n > 1 {
		t.Errorf("it was written %d times", n)
	}
	if n := count(t, s, "y"); n != 1 {
		t.Errorf("the last was written %d times", n)
	}
}
