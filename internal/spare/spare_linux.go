package spare

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// makeSpare makes a file without a name.
func makeSpare(dir string, flag int, perm os.FileMode) (fd int, err error) {
	for {
		fd, err = unix.Open(dir, unix.O_TMPFILE|unix.O_CLOEXEC|flag, uint32(perm.Perm()))
		if err != unix.EINTR { //nolint:errorlint // a bare number of the system
			return fd, err
		}
	}
}

// nameSpare gives it one, unless that is taken.
func nameSpare(fd int, path string) bool {
	return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW) == nil
}

func closeSpare(fd int) { unix.Close(fd) } //nolint:errcheck // nothing was written to it
