package postgres_test

import (
	"testing"
	"time"

	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
	"github.com/bantoops/banto/store/storetest"
)

func benchPlace(b *testing.B) store.Store {
	b.Helper()
	server := pgtest.New(b, "fsync=on", "full_page_writes=on", "shared_buffers=128MB")
	s, err := postgres.Open(b.Context(), server.NewDatabase(b), postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, err := s.Begin(b.Context(), "bench", time.Now()); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkRows(b *testing.B)       { storetest.BenchmarkRows(b, benchPlace(b)) }
func BenchmarkCommit(b *testing.B)     { storetest.BenchmarkCommit(b, benchPlace(b)) }
func BenchmarkSubmit(b *testing.B)     { storetest.BenchmarkSubmit(b, benchPlace(b)) }
func BenchmarkUnfinished(b *testing.B) { storetest.BenchmarkUnfinished(b, benchPlace(b)) }
