package habits_test

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goFile is a Go file of this repository. path is relative to its top, with
// slashes; pkg is the folder of it.
type goFile struct {
	path, abs, pkg string
}

func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	root := top(t)
	var files []goFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		pkg := ""
		if i := strings.LastIndex(rel, "/"); i >= 0 {
			pkg = rel[:i]
		}
		files = append(files, goFile{rel, path, pkg})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// allowed says whether allow.txt has a line "rule thing: reason". A line
// without a reason does not count.
func allowed(t *testing.T, rule, thing string) bool {
	t.Helper()
	for _, line := range allowList(t) {
		key, reason, ok := strings.Cut(line, ": ")
		if ok && strings.TrimSpace(reason) != "" && key == rule+" "+thing {
			return true
		}
	}
	return false
}

func allowList(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("allow.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}
