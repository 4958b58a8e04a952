//go:build unix

package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// readyPipe gives a function that tells who started us, if they listen, how
// it went.
func readyPipe() func(string) {
	fd, err := strconv.Atoi(os.Getenv(readyEnv))
	if err != nil || fd < 3 {
		return func(string) {}
	}
	os.Unsetenv(readyEnv) //nolint:errcheck // the name is sound
	unix.CloseOnExec(fd)
	pipe := os.NewFile(uintptr(fd), "ready")
	return func(text string) {
		pipe.WriteString(text) //nolint:errcheck // they may have gone
		pipe.Close()
	}
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the keeper's directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot use the keeper's directory: %w", err)
	}
	if perm := info.Mode().Perm(); perm != 0o700 && perm != 0o711 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("cannot close the keeper's directory to others: %w", err)
		}
	}
	return nil
}

// detach makes the process its own: a session, a mask of new files that jobs
// can rely on, no file of whoever started us handed on to jobs, and signals
// that a dying terminal or a closed pipe sends taken and dropped. Ignoring
// them would make every job ignore them too.
func detach() {
	_, _ = unix.Setsid() // fails when it leads its group already
	unix.Umask(0o022)
	closeOnExec()
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
}

// listen opens the socket, which only our own user can connect to.
func listen(dir string) (net.Listener, error) {
	if err := os.Remove(filepath.Join(dir, socketName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	mask := unix.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unix.Umask(mask)
	if err != nil {
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // by its short path it may be gone
	return l, nil
}

var _ child = (*job)(nil)

// tryLock takes the lock of the directory, or says errLocked.
func tryLock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return errLocked
	}
	return err
}
