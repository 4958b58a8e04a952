package spare

import (
	"errors"
	"os"
	"sync"
)

// keep is how many files are held ready.
const keep = 4

// Files makes files of one kind below one directory.
type Files struct {
	dir  string
	flag int
	perm os.FileMode

	mu      sync.Mutex
	ready   []int // without names
	filling bool
	off     bool // none are made any more
}

// New keeps files for a directory, opened with these flags. The first is made
// ahead when one was asked for.
func New(dir string, flag int, perm os.FileMode) *Files {
	return &Files{dir: dir, flag: flag, perm: perm}
}

// Open opens the file of a name and makes it if it is not there. The directory
// that it is in must be.
func (f *Files) Open(path string) (*os.File, error) {
	if file := f.named(path); file != nil {
		return file, nil
	}
	file, err := os.OpenFile(path, f.flag|os.O_CREATE, f.perm)
	if err == nil {
		f.fill()
	}
	return file, err
}

// Close gives up what is held ready.
func (f *Files) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = true
	for _, fd := range f.ready {
		closeSpare(fd)
	}
	f.ready = nil
}

// named gives a file that was held ready its name; nil if there is none, or it
// cannot have it.
func (f *Files) named(path string) *os.File {
	fd, ok := f.take()
	if !ok {
		return nil
	}
	if !nameSpare(fd, path) {
		f.give(fd)
		return nil
	}
	f.fill()
	return os.NewFile(uintptr(fd), path)
}

func (f *Files) take() (fd int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.ready) - 1
	if last < 0 {
		return 0, false
	}
	fd = f.ready[last]
	f.ready = f.ready[:last]
	return fd, true
}

// give holds a file ready, and says whether another one is wanted.
func (f *Files) give(fd int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off || len(f.ready) >= keep {
		closeSpare(fd)
		return false
	}
	f.ready = append(f.ready, fd)
	return len(f.ready) < keep
}

// fill makes what is missing, beside whoever asked.
func (f *Files) fill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off || f.filling || len(f.ready) >= keep {
		return
	}
	f.filling = true
	go func() {
		for more := true; more; {
			fd, err := makeSpare(f.dir, f.flag, f.perm)
			more = err == nil && f.give(fd)
			f.mu.Lock()
			f.off = f.off || errors.Is(err, errors.ErrUnsupported)
			f.filling = more
			f.mu.Unlock()
		}
	}()
}
