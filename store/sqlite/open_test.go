package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "modernc.org/sqlite"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

// refused makes sure that a directory does not open, with an error that a
// person can act on, and gives its text.
func refused(t *testing.T, dir string, want error) string {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err == nil {
		_ = s.Close()
		t.Fatal("it opened")
	}
	var info *banto.ErrorInfo
	if !errors.As(err, &info) || info.Kind.ExitCode() != 2 || info.Hint == "" || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is not a line that says what to do, with exit code 2", err)
	}
	if !strings.HasPrefix(err.Error(), "cannot open the store in "+dir+": ") {
		t.Errorf("%q does not say what failed", err)
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("%v is not %v", err, want)
	}
	return err.Error()
}

// edit changes the file behind the store's back.
func edit(t *testing.T, dir string, statements ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	conn, err := (&driver.Driver{}).Open(filepath.Join(dir, "banto.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(only{conn})
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestOpenMakesADirectoryOfItsOwn(t *testing.T) {
	// Every character that has a meaning in a URI or to a shell.
	dir := filepath.Join(t.TempDir(), "deep", "data 100% ?x=1&#y 番頭;'")
	if runtime.GOOS == "windows" {
		dir = filepath.Join(t.TempDir(), "deep", "data 100% x=1&#y 番頭;'")
	}
	s := open(t, dir, sqlite.Options{})
	if _, err := s.Begin(t.Context(), "m", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
		if info, err := e.Info(); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if !names["banto.db"] || !names["lock"] || !names["banto.db-wal"] {
		t.Errorf("the directory holds %v", names)
	}
	if info, err := os.Stat(dir); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o700) {
		t.Errorf("the directory: %v, %v", info.Mode(), err)
	}
}

func TestOpenInUse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	got := refused(t, dir, store.ErrInUse)
	want := "cannot open the store in " + dir + ": another manager (pid " + strconv.Itoa(os.Getpid()) + ") uses it" +
		" (stop it, or give another --data)"
	if got != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, sqlite.Options{})
}

func TestOpenLeavesTheLockWhenItFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "banto.db"), []byte("not a database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, store.ErrDamaged)
	refused(t, dir, store.ErrDamaged) // and not ErrInUse
}

func TestOpenNewer(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, "INSERT INTO schema_version (version_id, is_applied) VALUES (9999, 1)")
	if got := refused(t, dir, store.ErrNewer); !strings.Contains(got, "newer version") {
		t.Error(got)
	}
}

func TestOpenWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	edit(t, dir, "CREATE TABLE notes (text TEXT)")
	before, err := os.ReadFile(filepath.Join(dir, "banto.db"))
	if err != nil {
		t.Fatal(err)
	}
	if got := refused(t, dir, store.ErrDamaged); !strings.Contains(got, "another program") {
		t.Error(got)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "banto.db")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the other program's file was changed: %v", err)
	}
}

func TestOpenDamaged(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"junk":          func([]byte) []byte { return bytes.Repeat([]byte("junk\x00\xff"), 5000) },
		"short":         func([]byte) []byte { return []byte("SQLite format 3\x00") },
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"schema zeroed": func(b []byte) []byte { clear(b[100:4096]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := open(t, dir, sqlite.Options{}).Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "banto.db")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, store.ErrDamaged)
		})
	}
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, file, nil)
	refused(t, filepath.Join(file, "below"), nil)
	occupied := t.TempDir()
	if err := os.Mkdir(filepath.Join(occupied, "banto.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, occupied, nil)
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Log("modes of files bind neither root nor Windows: a directory without the right to write is not tried")
		return
	}
	locked := t.TempDir()
	if err := os.Chmod(locked, 0o500); err != nil { //nolint:gosec // a directory needs the x
		t.Fatal(err)
	}
	if got := refused(t, locked, nil); !strings.Contains(got, "permission denied") {
		t.Error(got)
	}
}

// TestDiskFull: a transaction that finds no room says so and leaves nothing,
// reads go on, and so do small writes in the room that is left.
func TestDiskFull(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir(), sqlite.Options{}.MaxPages(120))
	if _, err := s.Begin(ctx, "m", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	write := func(n int) error {
		return s.Write(ctx, func(tx store.Tx) error {
			for range n {
				if err := tx.PutAudit(banto.AuditEntry{Detail: strings.Repeat("x", 1000)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := write(10); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err := write(1000)
		var info *banto.ErrorInfo
		if !errors.Is(err, store.ErrFull) || !errors.As(err, &info) || info.Kind != banto.KindUnavailable || info.Hint == "" {
			t.Fatalf("got %v, want ErrFull with a hint", err)
		}
	}
	if entries, err := s.ListAudit(ctx, "", 0, 0); err != nil || len(entries) != 10 {
		t.Errorf("got %d entries, %v, want 10", len(entries), err)
	}
	if err := write(10); err != nil {
		t.Errorf("in the room that is left: %v", err)
	}
	swallowed := s.Write(ctx, func(tx store.Tx) error {
		for range 1000 {
			_ = tx.PutAudit(banto.AuditEntry{Detail: strings.Repeat("x", 1000)})
		}
		return nil
	})
	if !errors.Is(swallowed, store.ErrFull) {
		t.Errorf("an error that the function does not pass on: got %v", swallowed)
	}
	if entries, err := s.ListAudit(ctx, "", 0, 0); err != nil || len(entries) != 20 {
		t.Errorf("got %d entries, %v, want 20", len(entries), err)
	}
}

func TestOpenOfACancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if s, err := sqlite.Open(ctx, dir, sqlite.Options{}); err == nil {
		_ = s.Close()
	}
	open(t, dir, sqlite.Options{}) // whatever came of it, the directory is free
}
