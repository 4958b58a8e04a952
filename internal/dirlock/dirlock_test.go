package dirlock_test

import (
	"errors"
	"os"
	"testing"

	"github.com/bantoops/banto/internal/dirlock"
)

func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	f, err := dirlock.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	var held *dirlock.HeldError
	if _, err := dirlock.Take(dir); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Fatalf("the second one got %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, err = dirlock.Take(dir)
	if err != nil {
		t.Fatalf("after the first has let go: %v", err)
	}
	f.Close()
}
