package sqlite_test

import (
	"bufio"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

// only hands out one connection that is already open.
type only struct{ conn driver.Conn }

func (o only) Connect(context.Context) (driver.Conn, error) { return o.conn, nil }
func (o only) Driver() driver.Driver                        { return nil }

// writerDir tells the test binary to be the process that TestKill9 kills.
const writerDir = "BANTO_TEST_WRITER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := writeForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForEver commits pairs of rows and says the number of each pair that was
// committed.
func writeForEver(dir string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		return err
	}
	if _, err := s.Begin(ctx, "writer", time.Unix(1, 0)); err != nil {
		return err
	}
	for i := 1; ; i++ {
		err := s.Write(ctx, func(tx store.Tx) error {
			e := banto.AuditEntry{Object: strconv.Itoa(i), Detail: strings.Repeat("x", 3000)}
			return errors.Join(tx.PutAudit(e), tx.PutAudit(e))
		})
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// TestKill9: what was committed when the process was killed is there, no
// transaction is there by half, and the directory is free at once.
func TestKill9(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		var before int
		if round > 0 {
			before = pairs(t, dir)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), writerDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text())
			if err != nil || n != said+1 {
				t.Fatalf("the writer said %q after %d", lines.Text(), said)
			}
			said = n
			if said == 10+round*23 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if cmd.Wait() == nil {
			t.Fatal("the writer was not killed")
		}
		if got := pairs(t, dir) - before; got < said {
			t.Errorf("round %d: %d pairs are there, but %d were committed", round, got, said)
		}
	}
}

// pairs counts the pairs in a directory and looks that all are whole.
func pairs(t *testing.T, dir string) int {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	entries, err := s.ListAudit(t.Context(), "", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries)%2 != 0 {
		t.Errorf("%d rows: half a transaction", len(entries))
	}
	for i := 0; i+1 < len(entries); i += 2 {
		if entries[i].Object != entries[i+1].Object {
			t.Errorf("rows of %s and %s: half a transaction", entries[i].Object, entries[i+1].Object)
		}
	}
	return len(entries) / 2
}
