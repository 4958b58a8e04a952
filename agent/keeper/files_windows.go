package keeper

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bantoops/banto"
)

// workDir gives the work directory of a tracker. Who may enter it is inherited
// from the keeper's directory.
func (f *files) workDir(tracker banto.TrackerID, _ *account) (string, error) {
	path := filepath.Join(f.dir, workName, string(tracker))
	return path, os.MkdirAll(path, 0o700)
}

// scratch makes the directory of an attempt's script.
func (f *files) scratch(id banto.AttemptID) (string, error) {
	path := f.varsPath(id) + ".d"
	f.mu.Lock()
	f.left[id] = true
	f.mu.Unlock()
	return path, os.MkdirAll(path, 0o700)
}

// script writes the file that a shell is given.
func (f *files) script(id banto.AttemptID, name string, text []byte) (string, error) {
	dir, err := f.scratch(id)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	return path, errors.Join(err, file.Close())
}

// vars reads what an attempt has set.
func (f *files) vars(claim claimRecord, _ int) (string, error) {
	id := claim.Attempt
	path := f.varsPath(id)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	f.mu.Lock()
	f.left[id] = true
	f.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("cannot read the file $BANTO_VARS: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("$BANTO_VARS is not a plain file")
	}
	var file *os.File
	// A process that was left behind may just be writing it.
	if err := again(func() error { file, err = os.Open(path); return err }); err != nil {
		return "", fmt.Errorf("cannot read the file $BANTO_VARS: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, banto.MaxVarsFile+1))
	if err != nil {
		return "", fmt.Errorf("cannot read the file $BANTO_VARS: %w", err)
	}
	return decodeVars(text, claim.Encoding)
}

// removeTree waits a little for those who have a file of it open; what is left
// then goes when the next keeper starts.
func removeTree(path string) {
	again(func() error { //nolint:errcheck // as said
		if os.RemoveAll(path) == nil {
			return nil
		}
		return removeOneByOne(path)
	})
}

// removeOneByOne does without the call that os.RemoveAll makes, which older
// systems, some file systems and Wine lack.
func removeOneByOne(path string) error {
	names, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range names {
		below := filepath.Join(path, name.Name())
		if name.IsDir() {
			err = removeOneByOne(below)
		} else {
			err = os.Remove(below)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
