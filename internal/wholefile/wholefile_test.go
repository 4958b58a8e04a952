package wholefile

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(body) != "new" || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%q %v %v %v", body, info.Mode(), err, statErr)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if Write(filepath.Join(dir, "sub"), nil, 0o600) == nil || Write(filepath.Join(dir, "none", "a"), nil, 0o600) == nil {
		t.Error("no file can be there")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left beside it: %v %v", left, err)
	}
}

// A link stays a link.
func TestWriteThroughALink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Logf("without links: %v", err)
		return
	}
	if err := Write(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if body, err := os.ReadFile(path); err != nil || string(body) != "new" {
		t.Errorf("%q %v", body, err)
	}
}

// Also one to what is not there, over another link and another directory.
func TestWriteThroughALinkToNothing(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	link, round := filepath.Join(dir, "link"), filepath.Join(dir, "round")
	for _, l := range [][2]string{{filepath.Join("sub", "next"), link}, {filepath.Join("..", "a"), filepath.Join(sub, "next")}, {"round", round}} {
		if err := os.Symlink(l[0], l[1]); err != nil {
			t.Logf("without links: %v", err)
			return
		}
	}
	for _, text := range []string{"first", "second"} {
		if err := Write(link, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if body, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(body) != text {
			t.Errorf("%q %v", body, err)
		}
	}
	for _, l := range []string{link, filepath.Join(sub, "next")} {
		if info, err := os.Lstat(l); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is a link no more: %v", l, err)
		}
	}
	if Write(round, nil, 0o600) == nil {
		t.Error("a link to itself holds no file")
	}
}
