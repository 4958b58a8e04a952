package outputs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/spare"
	"github.com/bantoops/banto/store"
)

// maxOpen is how many files are kept open.
const maxOpen = 128

// GapError says that a piece begins behind the end of what is there.
type GapError = store.GapError

var _ store.Outputs = (*Store)(nil)

// Store is the directory of outputs. Its methods are safe from any goroutine.
type Store struct {
	dir    string
	spares *spare.Files

	mu     sync.Mutex
	open   map[banto.AttemptID]*file
	oldest *file // ends of the list of files that nobody uses at the moment
	newest *file
	idle   int
	closed bool
}

// file is one open output. Its place in the store is guarded by the store's
// lock, its contents by its own.
type file struct {
	id           banto.AttemptID
	tracker      banto.TrackerID
	users        int
	gone         bool // removed from the store while in use
	older, newer *file

	mu   sync.Mutex
	f    *os.File
	size int64
}

// Open opens the store in a directory, which is made if it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot open outputs: %w", err)
	}
	return &Store{dir: dir, spares: spare.New(dir, os.O_RDWR, 0o600), open: map[banto.AttemptID]*file{}}, nil
}

// Write adds a piece of an attempt's output and gives the size that is there
// afterwards, also with an error. What is there already is not written again.
// A piece behind the end is refused with a *GapError.
func (s *Store) Write(id banto.AttemptID, offset int64, data []byte) (int64, error) {
	if offset < 0 {
		return 0, fmt.Errorf("cannot write output of %s: offset %d", id, offset)
	}
	f, err := s.get(id, true)
	if err != nil {
		return 0, err
	}
	defer s.put(f)
	f.mu.Lock()
	defer f.mu.Unlock()
	if offset > f.size {
		return f.size, &GapError{Attempt: id, Offset: offset, Size: f.size}
	}
	if end := offset + int64(len(data)); end <= f.size {
		return f.size, nil
	}
	if _, err := f.f.WriteAt(data[f.size-offset:], f.size); err != nil {
		_ = f.f.Truncate(f.size) // what was half written is written again at the next try
		return f.size, fmt.Errorf("cannot write output of %s: %w", id, err)
	}
	f.size = offset + int64(len(data))
	return f.size, nil
}

// Read gives at most max bytes from offset on, and the size that is there. An
// attempt without output has none, and no error.
func (s *Store) Read(id banto.AttemptID, offset int64, max int) ([]byte, int64, error) {
	if offset < 0 || max < 0 {
		return nil, 0, fmt.Errorf("cannot read output of %s: %d bytes at %d", id, max, offset)
	}
	f, err := s.get(id, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer s.put(f)
	f.mu.Lock()
	size := f.size
	f.mu.Unlock()
	if offset >= size {
		return nil, size, nil
	}
	data := make([]byte, min(int64(max), size-offset))
	n, err := f.f.ReadAt(data, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, size, fmt.Errorf("cannot read output of %s: %w", id, err)
	}
	return data[:n], size, nil
}

// Size gives how many bytes of an attempt's output are there.
func (s *Store) Size(id banto.AttemptID) (int64, error) {
	f, err := s.get(id, false)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer s.put(f)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, nil
}

// Remove removes all outputs of a tracker.
func (s *Store) Remove(tracker banto.TrackerID) error {
	if !tracker.Valid() {
		return fmt.Errorf("cannot remove outputs: %q is not a tracker ID", tracker)
	}
	s.mu.Lock()
	for _, f := range s.open {
		if f.tracker == tracker {
			s.drop(f)
		}
	}
	s.mu.Unlock()
	if err := os.RemoveAll(filepath.Join(s.dir, string(tracker))); err != nil {
		return fmt.Errorf("cannot remove outputs: %w", err)
	}
	return nil
}

// Close closes all files. What is called afterwards fails.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.spares.Close()
	for _, f := range s.open {
		s.drop(f)
	}
	return nil
}

// get gives a file for use, opened if it is not.
func (s *Store) get(id banto.AttemptID, create bool) (*file, error) {
	tracker, seq, err := id.Split()
	if err != nil {
		return nil, fmt.Errorf("cannot open output: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("cannot open output of %s: %w", id, fs.ErrClosed)
	}
	if f := s.open[id]; f != nil {
		if f.users == 0 {
			s.unlink(f)
		}
		f.users++
		return f, nil
	}
	f := &file{id: id, tracker: tracker, users: 1}
	if f.f, err = s.openFile(filepath.Join(s.dir, string(tracker)), strconv.Itoa(seq)+".log", create); err != nil {
		return nil, fmt.Errorf("cannot open output of %s: %w", id, err)
	}
	info, err := f.f.Stat()
	if err != nil {
		_ = f.f.Close()
		return nil, fmt.Errorf("cannot open output of %s: %w", id, err)
	}
	f.size = info.Size()
	s.open[id] = f
	return f, nil
}

func (s *Store) openFile(dir, name string, create bool) (*os.File, error) {
	path := filepath.Join(dir, name)
	if !create {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
	f, err := s.spares.Open(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return s.spares.Open(path)
}

// put gives a file back, and closes the one that was idle for longest if too
// many are open.
func (s *Store) put(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.users--
	if f.users > 0 {
		return
	}
	if f.gone {
		_ = f.f.Close()
		return
	}
	f.older, f.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = f
	} else {
		s.oldest = f
	}
	s.newest = f
	s.idle++
	for s.idle > 0 && len(s.open) > maxOpen {
		s.drop(s.oldest)
	}
}

// unlink takes a file out of the list of idle ones.
func (s *Store) unlink(f *file) {
	if f.older != nil {
		f.older.newer = f.newer
	} else {
		s.oldest = f.newer
	}
	if f.newer != nil {
		f.newer.older = f.older
	} else {
		s.newest = f.older
	}
	f.older, f.newer = nil, nil
	s.idle--
}

// drop forgets a file, and closes it now or when its last user is done.
func (s *Store) drop(f *file) {
	delete(s.open, f.id)
	f.gone = true
	if f.users == 0 {
		s.unlink(f)
		_ = f.f.Close()
	}
}
