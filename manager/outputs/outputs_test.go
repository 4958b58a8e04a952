package outputs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
)

const tracker = banto.TrackerID("20261121-7k3mq0x")

func open(t interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Pieces in any order, twice, overlapping or with a gap give the text, or are
// refused with the size that is there.
func TestPiecesGiveTheWhole(t *testing.T) {
	dir, run := t.TempDir(), 0
	s := open(t, dir)
	rapid.Check(t, func(t *rapid.T) {
		run++
		id := banto.NewAttemptID(tracker, run)
		text := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "text")
		have := 0
		for range rapid.IntRange(0, 30).Draw(t, "pieces") {
			from := rapid.IntRange(0, len(text)).Draw(t, "from")
			to := rapid.IntRange(from, len(text)).Draw(t, "to")
			size, err := s.Write(id, int64(from), text[from:to])
			var gap *GapError
			if wantGap := from > have; errors.As(err, &gap) != wantGap || err != nil && !wantGap {
				t.Fatalf("piece %d to %d of %d: %v", from, to, have, err)
			}
			if from <= have {
				have = max(have, to)
			}
			if size != int64(have) {
				t.Fatalf("size %d, should be %d", size, have)
			}
		}
		data, size, err := s.Read(id, 0, 1000)
		if err != nil || size != int64(have) || !bytes.Equal(data, text[:have]) {
			t.Fatalf("%q of %d, %v; should be %q", data, size, err, text[:have])
		}
	})
}

func TestWhatIsThereStays(t *testing.T) {
	s := open(t, t.TempDir())
	id := banto.NewAttemptID(tracker, 1)
	for _, piece := range []string{"first", "FIRST and more"} {
		if _, err := s.Write(id, 0, []byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if data, _, _ := s.Read(id, 0, 100); string(data) != "first and more" {
		t.Errorf("%q", data)
	}
	if data, size, err := s.Read(id, 6, 3); string(data) != "and" || size != 14 || err != nil {
		t.Errorf("%q of %d, %v", data, size, err)
	}
	if data, size, err := s.Read(id, 99, 3); len(data) != 0 || size != 14 || err != nil {
		t.Errorf("behind the end: %q of %d, %v", data, size, err)
	}
}

func TestAttemptsWithoutOutputHaveNone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	id := banto.NewAttemptID(tracker, 1)
	if data, size, err := s.Read(id, 0, 10); len(data) != 0 || size != 0 || err != nil {
		t.Errorf("%q of %d, %v", data, size, err)
	}
	if size, err := s.Size(id); size != 0 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
	if line := s.LastLine(id); line != "" {
		t.Errorf("%q", line)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("reading has made %v", files)
	}
}

func TestNamesThatAreNoAttempts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "outputs"))
	for _, id := range []banto.AttemptID{"", "../x.1", "20261121-7k3mq0x", "20261121-7k3mq0x.01", "20261121-7k3mq0x.0", "20261121-7k3mq0x.1/../../x", "20261121-7k3mq0x.+1"} {
		if _, err := s.Write(id, 0, []byte("x")); err == nil {
			t.Errorf("%q is written", id)
		}
		if _, _, err := s.Read(id, 0, 1); err == nil {
			t.Errorf("%q is read", id)
		}
	}
	for _, id := range []banto.TrackerID{"", ".", "..", "20261121-7k3mq0x/.."} {
		if err := s.Remove(id); err == nil {
			t.Errorf("%q is removed", id)
		}
	}
	if _, err := s.Write(banto.NewAttemptID(tracker, 1), -1, nil); err == nil {
		t.Error("a negative offset is taken")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files beside the store: %v", files)
	}
}

// Writing to /dev/full fails as a full disk does.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	dir := t.TempDir()
	s := open(t, dir)
	id := banto.NewAttemptID(tracker, 1)
	file := filepath.Join(dir, string(tracker), "1.log")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", file); err != nil {
		t.Fatal(err)
	}
	if size, err := s.Write(id, 0, []byte("text")); size != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("size %d, %v", size, err)
	}
	if err := s.Remove(tracker); err != nil {
		t.Fatal(err)
	}
	if size, err := s.Write(id, 0, []byte("text")); size != 4 || err != nil {
		t.Errorf("with room again: size %d, %v", size, err)
	}
}

func TestFewFilesAreOpenAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var wg sync.WaitGroup
	const attempts, writers = 3 * maxOpen, 4
	for w := range writers {
		wg.Go(func() {
			for i := range attempts {
				id := banto.NewAttemptID(tracker, 1+(i*7+w*13)%attempts)
				text := []byte(fmt.Sprintf("output of %s\n", id))
				if _, err := s.Write(id, 0, text); err != nil {
					t.Error(err)
				}
				if data, _, err := s.Read(id, 0, 100); err != nil || !bytes.Equal(data, text) {
					t.Errorf("%q, %v", data, err)
				}
			}
		})
	}
	wg.Wait()
	if len(s.open) > maxOpen || s.idle != len(s.open) {
		t.Errorf("%d files are open, %d of them idle", len(s.open), s.idle)
	}
	other := banto.NewAttemptID("20261121-7k3mq0y", 1)
	if _, err := s.Write(other, 0, []byte("other\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(tracker); err != nil {
		t.Fatal(err)
	}
	if len(s.open) != 1 || s.LastLine(other) != "other" {
		t.Errorf("%d files are open after the removal; the other's last line is %q", len(s.open), s.LastLine(other))
	}
	if _, err := os.Stat(filepath.Join(dir, string(tracker))); err == nil {
		t.Error("the removed tracker is there")
	}
	_ = s.Close()
	if _, err := s.Write(other, 0, []byte("x")); err == nil {
		t.Error("written after the close")
	}
}

func TestOutputOutlivesTheStore(t *testing.T) {
	dir := t.TempDir()
	id := banto.NewAttemptID(tracker, 1)
	first := open(t, dir)
	if _, err := first.Write(id, 0, []byte("one ")); err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	second := open(t, dir)
	if size, err := second.Write(id, 4, []byte("two")); size != 7 || err != nil {
		t.Fatalf("size %d, %v", size, err)
	}
	if data, _, _ := second.Read(id, 0, 100); string(data) != "one two" {
		t.Errorf("%q", data)
	}
}

func TestLastLine(t *testing.T) {
	s := open(t, t.TempDir())
	for i, c := range []struct{ text, want string }{
		{"", ""}, {"\n\n \t\n", ""}, {"one", "one"}, {"one\ntwo\n\n", "two"}, {"10%\r20%\r", "20%"}, {"a\r\nb\r\n", "b"},
		{"  tab\there ", "tab here"}, {"red \x1b[31mred\x00\x07", "red \ufffd[31mred\ufffd\ufffd"}, {"\xff\xfeok", "\ufffd\ufffdok"},
		{"夜間バックアップ\n", "夜間バックアップ"}, {"safe\u202eevil", "safe\ufffdevil"},
		{strings.Repeat("長", 300), strings.Repeat("長", 200)},
		{"x\n" + strings.Repeat("y", 10_000), strings.Repeat("y", 200)},
		{strings.Repeat("é", 5000), strings.Repeat("é", 200)},
		{"gone\n" + strings.Repeat("\n", 10_000), ""},
	} {
		id := banto.NewAttemptID(tracker, i+1)
		if _, err := s.Write(id, 0, []byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if got := s.LastLine(id); got != c.want {
			t.Errorf("%.40q: %q, should be %q", c.text, got, c.want)
		}
	}
}

func FuzzLastLine(f *testing.F) {
	f.Add([]byte("one\ntwo\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		line := lastLine(b)
		if !utf8.ValidString(line) || utf8.RuneCountInString(line) > lastLineRunes || strings.ContainsAny(line, "\n\r\x00\x1b") {
			t.Fatalf("%q", line)
		}
	})
}
