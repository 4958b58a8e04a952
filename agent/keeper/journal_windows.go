package keeper

import (
	"os"
)

// putInPlace gives the open file next the name of the old one, if there is
// one, and closes that. Windows renames no file that is open.
func putInPlace(next, old *os.File, from, to string) (*os.File, error) {
	next.Close()
	if old != nil {
		old.Close()
	}
	if err := again(func() error { return os.Rename(from, to) }); err != nil {
		return nil, err
	}
	return os.OpenFile(to, os.O_WRONLY|os.O_APPEND, 0o600)
}

// syncDir does nothing: NTFS keeps its own journal of names, and has no way to
// wait for it.
func syncDir(string) error { return nil }
