package sqlite_test

import (
	"testing"

	"github.com/bantoops/banto/store/sqlite"
)

func TestSize(t *testing.T) {
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, err := s.Size(t.Context()); err != nil || n < 4096 {
		t.Errorf("%d, %v", n, err)
	}
}
