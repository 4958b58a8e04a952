package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// Defaults of a file.
const (
	DefaultSize = 10 << 20
	DefaultKeep = 5
)

// File is an open log. It is safe from any goroutine.
type File struct {
	path string
	size int64
	keep int

	mu   sync.Mutex
	f    *os.File
	used int64
	next int64 // the file is put aside when it would grow beyond this
}

// Open opens the file to append to it, and makes its directory. A size or
// number of files of 0 is the default.
func Open(path string, size int64, keep int) (*File, error) {
	if size <= 0 {
		size = DefaultSize
	}
	if keep <= 0 {
		keep = DefaultKeep
	}
	l := &File{path: path, size: size, keep: keep, next: size}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	return l, nil
}

func (l *File) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.used = f, info.Size()
	return nil
}

// Write appends, after putting the file aside if p would make it too large.
func (l *File) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, fs.ErrClosed
	}
	if l.used > 0 && l.used+int64(len(p)) > l.next {
		l.rotate()
	}
	n, err := l.f.Write(p)
	l.used += int64(n)
	return n, err
}

// rotate begins a new file. When that cannot be done the old one grows on for
// another size.
func (l *File) rotate() {
	old, used := l.f, l.used
	l.next = used + l.size
	if err := l.putAside(); err != nil {
		return
	}
	if err := l.open(); err != nil {
		l.f, l.used = old, used // by another name, but no line is lost
		return
	}
	old.Close()
	l.next = l.size
}

func (l *File) putAside() error {
	if err := os.Remove(l.name(l.keep)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for n := l.keep - 1; n > 0; n-- {
		if err := os.Rename(l.name(n), l.name(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(l.path, l.name(1))
}

func (l *File) name(n int) string { return l.path + "." + strconv.Itoa(n) }

// Close closes the file; later writes fail.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
