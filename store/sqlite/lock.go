package sqlite

import (
	"errors"
	"os"

	"github.com/bantoops/banto/internal/dirlock"
	"github.com/bantoops/banto/store"
)

// inUseError says who has the directory.
type inUseError struct{ who string }

func (e *inUseError) Error() string { return e.who + " uses the directory" }

// Unwrap makes it store.ErrInUse.
func (e *inUseError) Unwrap() error { return store.ErrInUse }

// lockDir takes the directory for this process until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := dirlock.Take(dir)
	var held *dirlock.HeldError
	if errors.As(err, &held) {
		return nil, &inUseError{held.Who("another manager")}
	}
	return f, err
}
