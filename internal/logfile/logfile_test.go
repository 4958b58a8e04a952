package logfile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bantoops/banto/internal/logfile"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "agent.log")
	l, err := logfile.Open(path, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		fmt.Fprintf(l, "line %d\n", i) // 7 bytes: one to a file
	}
	fmt.Fprint(l, "a line that is longer than the size\n")
	for name, want := range map[string]string{"": "a line that is longer than the size\n", ".1": "line 4\n", ".2": "line 3\n", ".3": "-"} {
		if got := read(t, path+name); got != want {
			t.Errorf("agent.log%s holds %q, want %q", name, got, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write([]byte("late")); err == nil {
		t.Error("a closed log took a line")
	}
	l, err = logfile.Open(path, 1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fmt.Fprint(l, "on\n")
	if got := read(t, path); !strings.HasSuffix(got, "size\non\n") {
		t.Errorf("opened again it holds %q", got)
	}
}

// A rotation that cannot be done loses nothing.
func TestRotationThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	if err := os.MkdirAll(filepath.Join(path+".1", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := logfile.Open(path, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 5 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	if got := strings.Count(read(t, path), "\n"); got != 5 {
		t.Errorf("%d lines are left of 5", got)
	}
}

func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	l, err := logfile.Open(path, 1000, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				fmt.Fprint(l, "0123456789\n")
			}
		})
	}
	wg.Wait()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, n := range names {
		for line := range strings.Lines(read(t, n)) {
			if line != "0123456789\n" {
				t.Errorf("%s holds %q", n, line)
			}
			lines++
		}
	}
	if lines != 800 {
		t.Errorf("%d lines of 800", lines)
	}
}
