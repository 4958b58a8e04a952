package postgres_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
	"github.com/bantoops/banto/store/sqlite"
	"github.com/bantoops/banto/store/storetest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(writerURL); url != "" {
		if err := writeForEver(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(pgtest.Main(m))
}

func TestStore(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	storetest.Exercise(t, func(t *testing.T) storetest.Place {
		url := server.NewDatabase(t)
		return func(t *testing.T) store.Store { return open(t, url, postgres.Options{}) }
	})
}

// TestCopy: each kind of store takes what the other has, and gives it back.
func TestCopy(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	mine := func(t *testing.T) storetest.Place {
		url := server.NewDatabase(t)
		return func(t *testing.T) store.Store { return open(t, url, postgres.Options{}) }
	}
	files := func(t *testing.T) storetest.Place {
		dir := t.TempDir()
		return func(t *testing.T) store.Store {
			s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
	}
	t.Run("from PostgreSQL", func(t *testing.T) { storetest.ExerciseCopy(t, mine, files) })
	t.Run("from SQLite", func(t *testing.T) { storetest.ExerciseCopy(t, files, mine) })
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	place := func(t *testing.T) storetest.OutputsPlace {
		url := server.NewDatabase(t)
		return func(t *testing.T) store.Outputs { return open(t, url, postgres.Options{}).Outputs() }
	}
	storetest.ExerciseOutputs(t, place)
	storetest.ExerciseSharedOutputs(t, place)
}

func open(t *testing.T, url string, opt postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, opt)
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
