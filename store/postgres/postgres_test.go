package postgres_test

import (
	"os"
	"testing"

	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
	"github.com/bantoops/banto/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestStore(t *testing.T) {
	server := pgtest.Start(t)
	storetest.Exercise(t, func(t *testing.T) storetest.Place {
		url := server.NewDatabase(t)
		return func(t *testing.T) store.Store { return open(t, url, postgres.Options{}) }
	})
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
