package sqlite_test

import (
	"testing"
	"time"

	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
	"github.com/bantoops/banto/store/storetest"
)

func benchPlace(b *testing.B) store.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := s.Begin(b.Context(), "bench", time.Now()); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkRows(b *testing.B)       { storetest.BenchmarkRows(b, benchPlace(b)) }
func BenchmarkCommit(b *testing.B)     { storetest.BenchmarkCommit(b, benchPlace(b)) }
func BenchmarkSubmit(b *testing.B)     { storetest.BenchmarkSubmit(b, benchPlace(b)) }
func BenchmarkUnfinished(b *testing.B) { storetest.BenchmarkUnfinished(b, benchPlace(b)) }
