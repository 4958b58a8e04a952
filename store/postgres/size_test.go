package postgres_test

import (
	"testing"

	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store/postgres"
)

func TestSize(t *testing.T) {
	s := open(t, pgtest.Start(t).NewDatabase(t), postgres.Options{})
	if n, err := s.Size(t.Context()); err != nil || n < 1<<20 {
		t.Errorf("%d, %v", n, err)
	}
}
