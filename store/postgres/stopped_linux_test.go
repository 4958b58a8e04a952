package postgres_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

// TestStoppedInTheMiddle stops a manager while the server has half of its
// transaction: another takes over at once, and the first, when it goes on, has
// written nothing of it.
func TestStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	second := open(t, url, postgres.Options{Holder: "second/1"})
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerURL+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The server waits for the rest of what it has begun, within a transaction
	// that holds the lease.
	half := "SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid) WHERE a.application_name = 'banto stopped/1' AND l.granted" +
		" AND l.relation = 'lease'::regclass AND l.mode = 'RowExclusiveLock'"
	waitFor(t, func() bool {
		if server.Do(t, database(url), half) == "0" {
			return false
		}
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { // it works off what has come
			return server.Do(t, database(url), half) == "0" || server.Do(t, database(url), half+" AND a.wait_event = 'ClientRead'") != "0"
		})
		if server.Do(t, database(url), half) != "0" {
			return true
		}
		_ = cmd.Process.Signal(syscall.SIGCONT) // it was too late: the next transaction
		return false
	})
	if _, err := second.Take(t.Context(), store.TakeOver{Holder: "second/1", Name: "second", After: time.Hour}); !errors.Is(err, store.ErrHeld) {
		t.Errorf("before its lease has run out: %v, want ErrHeld", err)
	}
	if _, err := second.Take(t.Context(), store.TakeOver{Holder: "second/1", Name: "second", After: time.Millisecond}); err != nil {
		t.Fatalf("the lease of a stopped manager: %v", err)
	}
	if err := put(second, "second"); err != nil {
		t.Errorf("the second: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	said, last := 0, ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if last = lines.Text(); last != "deposed" {
			said++
		}
	}
	if err := cmd.Wait(); err != nil || last != "deposed" {
		t.Errorf("the first ended with %v, and said %q last", err, last)
	}
	// Whole transactions that were said, and nothing else.
	want := strconv.Itoa(said*entries) + "|" + strconv.Itoa(said)
	if got := server.Do(t, database(url), "SELECT count(*), count(DISTINCT object) FROM audit WHERE object <> 'second'"); got != want {
		t.Errorf("rows and transactions of the first: %s, want %s", got, want)
	}
}

// TestDiskFull: a transaction that finds no room says so and leaves nothing,
// reads go on, and so do writes when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	small := filepath.Join(filepath.Dir(server.Dir()), "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=24m,mode=777"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	space := filepath.Join(small, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(server.Dir()); err == nil {
		owner := info.Sys().(*syscall.Stat_t)
		if err := os.Chown(space, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	server.Do(t, "postgres", "CREATE TABLESPACE small LOCATION '"+space+"'")
	server.Do(t, "postgres", "CREATE DATABASE full_one TABLESPACE small")
	s := begun(t, server.URL("full_one"), postgres.Options{})
	filler := filepath.Join(small, "filler")
	if err := os.WriteFile(filler, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		return s.Write(t.Context(), func(tx store.Tx) error {
			for range 16_000 {
				if err := tx.PutAudit(banto.AuditEntry{Object: "large", Detail: strings.Repeat("x", 1000)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range 2 {
		err := write()
		var info *banto.ErrorInfo
		if !errors.Is(err, store.ErrFull) || !errors.As(err, &info) || info.Kind != banto.KindUnavailable || info.Hint == "" {
			t.Fatalf("got %v, want ErrFull with a hint", err)
		}
		if n := count(t, s, "large"); n != 0 {
			t.Errorf("%d rows of a transaction that failed", n)
		}
		server.Do(t, "full_one", "VACUUM audit") // what it had taken is free again
	}
	id := banto.NewAttemptID("20261121-7k3mq0x", 1)
	size, err := s.Outputs().Write(id, 0, random(32<<20))
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("an output: %d, %v, want ErrFull", size, err)
	}
	if data, there, err := s.Outputs().Read(id, 0, 1<<20); err != nil || there != size || int64(len(data)) != min(size, 1<<20) {
		t.Errorf("what there was room for: %d bytes of %d, said %d, %v", len(data), there, size, err)
	}
	if err := s.Outputs().Remove("20261121-7k3mq0x"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "room"); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// random gives bytes that nothing can make smaller.
func random(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}
