package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/bantoops/banto/store"
)

// Definition implements store.Definitions.
func (s *Store) Definition(ctx context.Context, kind store.DefinitionKind, path string, version int) (store.Definition, error) {
	const cols = "SELECT " + definitionColumns + ", source FROM definitions WHERE kind = ? AND path = ? AND "
	if version == 0 {
		return one(ctx, s.now(), string(kind)+" "+path, definitionFieldsWithSource, cols+"active = 1", &kind, path)
	}
	thing := fmt.Sprintf("version %d of %s %s", version, kind, path)
	return one(ctx, s.now(), thing, definitionFieldsWithSource, cols+"version = ?", &kind, path, &version)
}

// ListDefinitions implements store.Definitions.
func (s *Store) ListDefinitions(
	ctx context.Context, kind store.DefinitionKind, folder, after string, limit int,
) ([]store.Definition, error) {
	const cols = "SELECT " + definitionColumns + " FROM definitions WHERE kind = ? AND active = 1 AND path > ?"
	folder = strings.TrimSuffix(folder, "/")
	if folder == "" {
		return list(ctx, s.now(), definitionFields, cols+" ORDER BY path LIMIT ?", &kind, after, bounded(limit))
	}
	// All paths that begin with the folder and a slash: "0" is next to "/".
	return list(ctx, s.now(), definitionFields, cols+" AND path < ? ORDER BY path LIMIT ?",
		&kind, max(after, folder+"/"), folder+"0", bounded(limit))
}

// Versions implements store.Definitions.
func (s *Store) Versions(ctx context.Context, kind store.DefinitionKind, path string, limit int) ([]store.Definition, error) {
	return list(ctx, s.now(), definitionFields,
		"SELECT "+definitionColumns+" FROM definitions WHERE kind = ? AND path = ? ORDER BY version DESC LIMIT ?",
		&kind, path, bounded(limit))
}

// Flow implements store.Definitions.
func (s *Store) Flow(ctx context.Context, hash string) ([]byte, error) {
	return one(ctx, s.now(), "flow "+hash, itself[[]byte], "SELECT body FROM flows WHERE hash = ?", hash)
}

// Script implements store.Definitions.
func (s *Store) Script(ctx context.Context, hash string) ([]byte, error) {
	return one(ctx, s.now(), "script "+hash, itself[[]byte], "SELECT body FROM scripts WHERE hash = ?", hash)
}
