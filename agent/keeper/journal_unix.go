//go:build unix

package keeper

import (
	"fmt"
	"os"
)

// putInPlace gives the open file next the name of the old one, if there is
// one, and closes that.
func putInPlace(next, old *os.File, from, to string) (*os.File, error) {
	if err := os.Rename(from, to); err != nil {
		next.Close()
		return nil, err
	}
	if old != nil {
		old.Close()
	}
	return next, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	return nil
}
