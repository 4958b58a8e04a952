package spare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

func TestOpenGivesNewFilesAndThoseThatAreThere(t *testing.T) {
	dir := t.TempDir()
	f := New(dir, os.O_RDWR|os.O_APPEND, 0o600)
	t.Cleanup(f.Close)
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() { // each twice, so that some names are taken
			for _, text := range []string{"first ", "second"} {
				file, err := f.Open(filepath.Join(dir, strconv.Itoa(n)))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := file.WriteString(text); err != nil {
					t.Error(err)
				}
				if err := file.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 50 {
		t.Fatalf("%d files, error %v", len(entries), err)
	}
	for n := range 50 {
		path := filepath.Join(dir, strconv.Itoa(n))
		text, err := os.ReadFile(path)
		if err != nil || string(text) != "first second" {
			t.Fatalf("file %d holds %q, error %v", n, text, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 && os.PathSeparator == '/' {
			t.Fatalf("file %d: %v, error %v", n, info.Mode(), err)
		}
	}
}

func TestOpenSaysThatTheDirectoryIsNotThere(t *testing.T) {
	dir := t.TempDir()
	f := New(dir, os.O_WRONLY|os.O_APPEND, 0o600)
	t.Cleanup(f.Close)
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, name, "1.log")
		if _, err := f.Open(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("without its directory: %v", err)
		}
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		file, err := f.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesThatCannotBeMadeAheadAreMadeWhenAskedFor(t *testing.T) {
	dir := t.TempDir()
	f := New(filepath.Join(dir, "away"), os.O_WRONLY, 0o600)
	t.Cleanup(f.Close)
	for n := range 3 {
		file, err := f.Open(filepath.Join(dir, strconv.Itoa(n)))
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
