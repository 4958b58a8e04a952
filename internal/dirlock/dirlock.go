// Package dirlock lets one process at a time have a directory.
//
// It owns the lock file and the process ID in it. The lock is the operating
// system's and goes with the process, however it dies; the file stays, and
// tells those who find it locked by whom. It refuses to wait.
package dirlock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Name is the file in the directory whose lock says that it is in use.
const Name = "lock"

// HeldError says that another process has the directory.
type HeldError struct{ PID int } // 0 if it is not known

func (e *HeldError) Error() string { return e.Who("another process") + " uses the directory" }

// Who names the holder: what it is, and its process ID if that is known.
func (e *HeldError) Who(what string) string {
	if e.PID == 0 {
		return what
	}
	return fmt.Sprintf("%s (pid %d)", what, e.PID)
}

// errLocked is what tryLock gives when another process has the lock.
var errLocked = errors.New("locked")

// Take takes the directory for this process until the file is closed. The
// error is a *HeldError when another has it.
func Take(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, Name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		pid := holder(f)
		_ = f.Close()
		if errors.Is(err, errLocked) {
			return nil, &HeldError{pid}
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

// holder gives the process ID in the file, or 0.
func holder(f *os.File) int {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	pid, bad := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || bad != nil || pid < 1 {
		return 0
	}
	return pid
}
