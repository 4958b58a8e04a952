package spare

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// makeSpare makes a file without a name.
func makeSpare(dir string, flag int, perm os.FileMode) (fd int, err error) {
	for {
		fd, err = unix.Open(dir, unix.O_TMPFILE|unix.O_CLOEXEC|flag, uint32(perm.Perm()))
		if err != unix.EINTR { //nolint:errorlint // a bare number of the system
			return fd, unsupported(err)
		}
	}
}

// unsupported tells apart that there are no such files. A system that does not
// know the flag takes the rest of it for the opening of a directory, to write in.
func unsupported(err error) error {
	if errors.Is(err, unix.EISDIR) {
		return errors.ErrUnsupported
	}
	return err
}

// nameSpare gives it one, unless that is taken.
func nameSpare(fd int, path string) bool {
	return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW) == nil
}

func closeSpare(fd int) { unix.Close(fd) } //nolint:errcheck // nothing was written to it
