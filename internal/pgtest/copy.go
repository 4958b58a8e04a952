package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Copy makes a server of what this one has now, while it runs. A standby goes
// on following this one until it is promoted; else it is a server of its own. It
// ends with the test.
func (s *Server) Copy(tb testing.TB, standby bool) *Server {
	tb.Helper()
	root, err := os.MkdirTemp("", fmt.Sprintf("pgtest-%d-", os.Getpid()))
	if err != nil {
		tb.Fatal(err)
	}
	c := &Server{bin: s.bin, root: root, settings: s.settings}
	tb.Cleanup(c.close)
	if err := give(root); err != nil {
		tb.Fatal(err)
	}
	args := []string{"-D", c.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", "banto", "-X", "stream", "-c", "fast", "--no-sync"}
	if standby {
		args = append(args, "-R")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "pg_basebackup"), args...)
	cmd.Dir = root
	asOther(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	if err := c.run(); err != nil {
		tb.Fatalf("cannot start the copy: %v", err)
	}
	return c
}

// Promote makes a standby a server of its own, and returns when it is one.
func (s *Server) Promote(tb testing.TB) {
	tb.Helper()
	if got := s.Do(tb, "postgres", "SELECT pg_promote(true, 60)"); got != "t" {
		tb.Fatalf("the standby is not promoted: %s", got)
	}
}
