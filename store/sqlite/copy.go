package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

// Schema implements store.Copier.
func (s *Store) Schema(ctx context.Context) (int64, error) {
	return sqltext.One(ctx, s.Reader, "schema", sqltext.Itself[int64], "SELECT max(version_id) FROM schema_version")
}

// Load implements store.Copier.
func (s *Store) Load(ctx context.Context, tables []store.Table, next func() (store.Row, error)) error {
	loader, err := sqltext.NewLoader(tables)
	if err != nil {
		return err
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	if _, err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	done := false
	defer func() {
		if !done {
			_, _ = s.writer.exec("ROLLBACK") // SQLite may have rolled back already
		}
	}()
	var begun int64
	if err := s.writer.numbers(sqltext.Begun, nil, &begun); err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	if begun != 0 {
		return sqltext.HasBegun("the store in " + s.dir)
	}
	inserts := map[string]string{}
	for {
		row, columns, err := loader.Next(next)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if inserts[row.Table] == "" {
			inserts[row.Table] = "INSERT INTO " + row.Table + " (" + strings.Join(columns, ", ") + ") VALUES (?" +
				strings.Repeat(", ?", len(columns)-1) + ")"
		}
		if _, err := s.writer.exec(inserts[row.Table], row.Values...); err != nil {
			return banto.Fail(banto.KindInvalid, "cannot load", "a row of "+row.Table+" does not fit: "+err.Error(), "").Because(s.explain(err))
		}
	}
	if _, err := s.writer.exec("COMMIT"); err != nil {
		return fmt.Errorf("cannot load: %w", s.explain(err))
	}
	done = true
	s.tokens.forget()
	return nil
}
