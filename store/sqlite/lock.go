package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bantoops/banto/store"
)

// lockName is the file whose lock says that the directory is in use. The lock
// is the operating system's and goes with the process, however it dies; the
// file stays, and holds the process ID for those who find it locked.
const lockName = "lock"

// inUseError says who has the directory.
type inUseError struct{ who string }

func (e *inUseError) Error() string { return e.who + " uses the directory" }

// Unwrap makes it store.ErrInUse.
func (e *inUseError) Unwrap() error { return store.ErrInUse }

// errLocked is what tryLock gives when another process has the lock.
var errLocked = errors.New("locked")

// lockDir takes the directory for this process until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		who := holder(f)
		_ = f.Close()
		if errors.Is(err, errLocked) {
			return nil, &inUseError{who}
		}
		return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	if err := sign(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// sign writes our process ID into the lock file.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder names the process that has the lock, as well as the file tells.
func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if pid, bad := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && bad == nil {
		return fmt.Sprintf("another manager (pid %d)", pid)
	}
	return "another manager"
}
