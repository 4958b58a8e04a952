//go:build unix

package keeper

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// enterable lets other users pass through to work and vars.
func (f *files) enterable() error {
	if f.opened {
		return nil
	}
	for _, name := range []string{"", workName, varsName} {
		if err := os.Chmod(filepath.Join(f.dir, name), 0o711); err != nil {
			return err
		}
	}
	f.opened = true
	return nil
}

// workDir gives the work directory of a tracker, usable by an account: it
// belongs to the account that first needed it, and is opened to all once
// another one comes.
func (f *files) workDir(tracker banto.TrackerID, acc *account) (string, error) {
	path := filepath.Join(f.dir, workName, string(tracker))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made[tracker][acc.uid] {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		delete(f.made, tracker) // a job, or a person, has removed it
	}
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) { // the directory above it was removed
		if f.opened, err = false, os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if acc.credential != nil {
		if err := f.enterable(); err != nil {
			return "", err
		}
	}
	if err == nil && acc.credential != nil {
		if err := os.Chown(path, acc.uid, acc.gid); err != nil {
			return "", err
		}
	} else if err != nil && acc.credential != nil {
		if info, err := os.Lstat(path); err != nil {
			return "", err
		} else if uidOf(info) != acc.uid {
			if err := os.Chmod(path, 0o777|os.ModeSticky); err != nil {
				return "", err
			}
		}
	}
	if f.made[tracker] == nil {
		f.made[tracker] = make(map[int]bool)
	}
	f.made[tracker][acc.uid] = true
	return path, nil
}

func uidOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// scratch makes the directory of an attempt that belongs to its account.
func (f *files) scratch(id banto.AttemptID, acc *account) (string, error) {
	path := f.varsPath(id) + ".d"
	f.mu.Lock()
	f.left[id] = true
	f.mu.Unlock()
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if acc.credential != nil {
		return path, os.Chown(path, acc.uid, acc.gid)
	}
	return path, nil
}

// script writes a script that is too long to be an argument.
func (f *files) script(id banto.AttemptID, acc *account, name, text string) (string, error) {
	dir, err := f.scratch(id, acc)
	if err != nil {
		return "", err
	}
	// The directory may be the account's already: whatever other jobs of it put
	// there is neither written through nor handed over.
	path := filepath.Join(dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(text)
	if err == nil && acc.credential != nil {
		err = file.Chown(acc.uid, acc.gid)
	}
	return path, errors.Join(err, file.Close())
}

// vars reads what an attempt has set. The directory can be the job's own: no
// link is followed and no other user's file is read for it.
func (f *files) vars(claim claimRecord, uid int) (string, error) {
	id := claim.Attempt
	path := f.varsPath(id)
	if uid != f.own.uid {
		path = filepath.Join(path+".d", "vars")
	}
	fd, err := openQuietly(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	f.mu.Lock()
	f.left[id] = true
	f.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("cannot read the file $BANTO_VARS: %w", err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot read the file $BANTO_VARS: %w", err)
	}
	if !info.Mode().IsRegular() || uid != f.own.uid && uidOf(info) != uid {
		return "", errors.New("$BANTO_VARS is not a plain file of the job's own")
	}
	text, err := io.ReadAll(io.LimitReader(file, banto.MaxVarsFile+1))
	if err != nil {
		return "", fmt.Errorf("cannot read the file $BANTO_VARS: %w", err)
	}
	return decodeVars(text, claim.Encoding)
}

// openQuietly opens a file that mostly is not there, and never blocks on a
// pipe of that name.
func openQuietly(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

func removeTree(path string) { os.RemoveAll(path) }
