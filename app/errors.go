package app

import (
	"errors"
	"io/fs"
	"syscall"
)

// reasonOf gives the system's own words for an error, without the path that
// the sentence around it already names.
func reasonOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
