package keeper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/spare"
)

// files are the keeper's directories:
//
//	work/TRACKER          $BANTO_WORK, made when a job of the tracker first needs it
//	output/TRACKER/SEQ.log
//	vars/ATTEMPT          $BANTO_VARS, made by the job alone
//	vars/ATTEMPT.d/       instead, when the job runs as another user; also holds
//	                      a script that is too long to be an argument
//	trash/                what is being removed
//
// All of it is closed to other users until a job runs as one of them: from
// then on work and vars can be entered, but not listed.
type files struct {
	dir string
	own *account

	mu     sync.Mutex
	opened bool
	made   map[banto.TrackerID]map[int]bool // work directories and who can use them
	left   map[banto.AttemptID]bool         // attempts with something in vars
	life   string                           // makes the names in trash of each keeper its own
	trash  int                              // names given in trash
	remove chan string                      // to the goroutine that empties the trash
	spares *spare.Files                     // of output
}

func openFiles(dir string, own *account, fresh func() string) (*files, error) {
	f := &files{dir: dir, own: own, life: fresh(), made: make(map[banto.TrackerID]map[int]bool),
		left: make(map[banto.AttemptID]bool), remove: make(chan string, 1024)}
	for _, name := range []string{workName, outputName, varsName, trashName} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cannot make the keeper's directory: %w", err)
		}
	}
	f.spares = spare.New(filepath.Join(dir, outputName), os.O_WRONLY|os.O_APPEND, 0o600)
	go func() {
		for path := range f.remove {
			removeTree(path)
		}
	}()
	return f, nil
}

// sweep empties the trash of an earlier keeper and removes from vars what no
// open attempt has left there.
func (f *files) sweep(open func(banto.AttemptID) bool) {
	old, _ := os.ReadDir(filepath.Join(f.dir, trashName))
	for _, name := range old {
		f.burn(filepath.Join(f.dir, trashName, name.Name()))
	}
	names, err := os.ReadDir(filepath.Join(f.dir, varsName))
	if err != nil {
		return
	}
	for _, name := range names {
		id := banto.AttemptID(name.Name())
		if filepath.Ext(name.Name()) == ".d" {
			id = id[:len(id)-2]
		}
		f.mu.Lock()
		f.left[id] = true
		f.mu.Unlock()
		if !open(id) {
			f.forget(id)
		}
	}
}

func (f *files) varsPath(id banto.AttemptID) string {
	return filepath.Join(f.dir, varsName, string(id))
}

// forget removes what an attempt left in vars.
func (f *files) forget(id banto.AttemptID) {
	f.mu.Lock()
	left := f.left[id]
	delete(f.left, id)
	f.mu.Unlock()
	if left {
		f.discard(f.varsPath(id))
		f.discard(f.varsPath(id) + ".d")
	}
}

// clean takes away what was kept of a tracker. It says false when something of
// it cannot be moved now: on Windows, because somebody has it open.
func (f *files) clean(cl cleanRecord) bool {
	gone := f.discard(filepath.Join(f.dir, outputName, string(cl.Tracker)))
	if cl.Keep {
		return gone
	}
	f.mu.Lock()
	delete(f.made, cl.Tracker)
	f.mu.Unlock()
	return f.discard(filepath.Join(f.dir, workName, string(cl.Tracker))) && gone
}

// discard moves something away at once and removes it later: a large tree
// holds nobody up, and one made anew under its name is not touched. It says
// false when it is still there.
func (f *files) discard(path string) bool {
	f.mu.Lock()
	f.trash++
	to := filepath.Join(f.dir, trashName, f.life+"-"+strconv.Itoa(f.trash))
	f.mu.Unlock()
	switch err := os.Rename(path, to); {
	case err == nil:
		f.burn(to)
	case !errors.Is(err, fs.ErrNotExist):
		return false
	}
	return true
}

func (f *files) burn(path string) {
	select {
	case f.remove <- path:
	default:
		go removeTree(path)
	}
}
