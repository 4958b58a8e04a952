package spare

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A system that knows no files without names is asked for them once.
func TestUnsupported(t *testing.T) {
	for _, no := range []error{unix.EISDIR, unix.EOPNOTSUPP} {
		if !errors.Is(unsupported(no), errors.ErrUnsupported) {
			t.Errorf("%v is not taken for unsupported", no)
		}
	}
	if err := unsupported(nil); err != nil {
		t.Error(err)
	}
	// What such a system sees of the flag: a directory that is to be written in.
	_, err := unix.Open(t.TempDir(), unix.O_DIRECTORY|os.O_WRONLY, 0)
	if !errors.Is(unsupported(err), errors.ErrUnsupported) {
		t.Errorf("a directory: %v", err)
	}
	_, err = makeSpare(filepath.Join(t.TempDir(), "none"), os.O_WRONLY, 0o600)
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a directory that is not there may come: %v", err)
	}
}
