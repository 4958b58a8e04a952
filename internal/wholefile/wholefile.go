package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write makes body the text of a file, with that mode whatever it had. A link
// stays a link: what it points to is replaced, or made. The directory must be
// there. After an error behind the rename the new text is there, and may not
// outlive the machine's fall.
func Write(path string, body []byte, mode fs.FileMode) (err error) {
	if path, err = target(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // for its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := f.Chmod(mode); err != nil && runtime.GOOS != "windows" {
		return err
	}
	if _, err := f.Write(body); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// mostLinks is how many links are followed, one behind the other, as the system
// does.
const mostLinks = 40

// target follows links, also to what is not there yet.
func target(path string) (string, error) {
	for range mostLinks {
		at, err := filepath.EvalSymlinks(path)
		if err == nil {
			return at, nil
		}
		to, no := os.Readlink(path)
		if no != nil {
			return path, nil //nolint:nilerr // a free name, or whoever makes the file says what is wrong
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "follow", Path: path, Err: errors.New("too many links")}
}

// syncDir puts the names of a directory on disk, where a system can be asked for
// it and we may.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // who may write in it, and not read it, cannot ask
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
