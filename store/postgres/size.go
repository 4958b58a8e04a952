package postgres

import (
	"context"

	"github.com/bantoops/banto/store/sqltext"
)

// Size is what the database takes on the server's disk, in bytes.
func (s *Store) Size(ctx context.Context) (int64, error) {
	return sqltext.One(ctx, s.Reader, "of the database", sqltext.Itself[int64], "SELECT pg_database_size(current_database())")
}
