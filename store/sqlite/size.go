package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Size is what the store takes on its disk, in bytes: its file, and what is
// written ahead of it.
func (s *Store) Size(context.Context) (int64, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, fileName+"*"))
	if err != nil {
		return 0, fmt.Errorf("cannot tell the size of the store: %w", err)
	}
	var all int64
	for _, f := range files {
		if info, err := os.Stat(f); err == nil { // what is gone meanwhile takes nothing
			all += info.Size()
		}
	}
	return all, nil
}
