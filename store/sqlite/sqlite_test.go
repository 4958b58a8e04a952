package sqlite_test

import (
	"testing"

	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
	"github.com/bantoops/banto/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T) storetest.Place {
		dir := t.TempDir()
		return func(t *testing.T) store.Store { return open(t, dir, sqlite.Options{}.Unlocked()) }
	})
}

func open(t *testing.T, dir string, opt sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, opt)
	if err != nil {
		t.Fatalf("cannot open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("cannot close: %v", err)
		}
	})
	return s
}
