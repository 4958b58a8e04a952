package sqltext

import (
	"context"
	"fmt"
	"strings"

	"github.com/bantoops/banto/store"
)

// Definition implements store.Definitions.
func (r *Reader) Definition(ctx context.Context, kind store.DefinitionKind, path string, version int) (store.Definition, error) {
	const cols = "SELECT " + definitionColumns + ", source FROM definitions WHERE kind = ? AND path = ? AND "
	if version == 0 {
		return one(ctx, r.now(), string(kind)+" "+path, definitionFieldsWithSource, cols+"active = 1", &kind, path)
	}
	thing := fmt.Sprintf("version %d of %s %s", version, kind, path)
	return one(ctx, r.now(), thing, definitionFieldsWithSource, cols+"version = ?", &kind, path, &version)
}

// ListDefinitions implements store.Definitions.
func (r *Reader) ListDefinitions(
	ctx context.Context, kind store.DefinitionKind, folder, after string, limit int,
) ([]store.Definition, error) {
	const cols = "SELECT " + definitionColumns + " FROM definitions WHERE kind = ? AND active = 1 AND path > ?"
	folder = strings.TrimSuffix(folder, "/")
	if folder == "" {
		return list(ctx, r.now(), definitionFields, cols+" ORDER BY path LIMIT ?", &kind, after, Bounded(limit))
	}
	// All paths that begin with the folder and a slash: "0" is next to "/".
	return list(ctx, r.now(), definitionFields, cols+" AND path < ? ORDER BY path LIMIT ?",
		&kind, max(after, folder+"/"), folder+"0", Bounded(limit))
}

// Versions implements store.Definitions.
func (r *Reader) Versions(ctx context.Context, kind store.DefinitionKind, path string, limit int) ([]store.Definition, error) {
	return list(ctx, r.now(), definitionFields,
		"SELECT "+definitionColumns+" FROM definitions WHERE kind = ? AND path = ? ORDER BY version DESC LIMIT ?",
		&kind, path, Bounded(limit))
}

// Flow implements store.Definitions.
func (r *Reader) Flow(ctx context.Context, hash string) ([]byte, error) {
	return one(ctx, r.now(), "flow "+hash, Itself[[]byte], "SELECT body FROM flows WHERE hash = ?", hash)
}

// Script implements store.Definitions.
func (r *Reader) Script(ctx context.Context, hash string) ([]byte, error) {
	return one(ctx, r.now(), "script "+hash, Itself[[]byte], "SELECT body FROM scripts WHERE hash = ?", hash)
}
