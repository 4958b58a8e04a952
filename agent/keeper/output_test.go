//go:build unix

package keeper

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/bantoops/banto/internal/spare"
)

// However the output comes in, and wherever the limit is: the file has the
// head, the note and the tail, and no byte is unaccounted for.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	spares := spare.New(dir, os.O_WRONLY|os.O_APPEND, 0o600)
	t.Cleanup(spares.Close)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		all := bytes.Repeat([]byte("0123456789abcdef"), rapid.IntRange(0, 3*tailKept/16).Draw(t, "size"))
		limit := rapid.Int64Range(0, 2*tailKept).Draw(t, "limit")
		o := &kept{path: filepath.Join(dir, "out", string(rune('a'+n%26)), "1.log"), limit: limit, grown: func() {}, spares: spares}
		os.Remove(o.path)
		for rest := all; len(rest) > 0; {
			piece := min(len(rest), rapid.IntRange(1, bufferSize).Draw(t, "piece"))
			o.write(rest[:piece])
			rest = rest[piece:]
		}
		o.finish()
		got, err := os.ReadFile(o.path)
		if err != nil && (len(all) > 0 || !errors.Is(err, os.ErrNotExist)) {
			t.Fatal(err)
		}
		if int64(len(got)) != o.size.Load() {
			t.Fatalf("%d bytes in the file, %d told", len(got), o.size.Load())
		}
		over := int64(len(all)) - limit
		if over <= tailKept {
			if !bytes.Equal(got, all) || o.lost != 0 {
				t.Fatalf("%d of %d bytes, %d lost", len(got), len(all), o.lost)
			}
			return
		}
		if o.lost != over-tailKept || !bytes.HasPrefix(got, all[:limit]) || !bytes.HasSuffix(got, all[len(all)-tailKept:]) {
			t.Fatalf("limit %d: %d of %d bytes, %d lost", limit, len(got), len(all), o.lost)
		}
	})
}

// A full disk costs output, counted, and nothing else.
func TestKeptOnFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full on this system")
	}
	spares := spare.New(t.TempDir(), os.O_WRONLY|os.O_APPEND, 0o600)
	t.Cleanup(spares.Close)
	o := &kept{path: "/dev/full", limit: 1 << 20, want: 10, grown: func() {}, spares: spares}
	o.write(bytes.Repeat([]byte("x"), 100_000))
	o.finish()
	if !errors.Is(o.fail, syscall.ENOSPC) || o.lost != 100_000 || o.size.Load() != 0 || o.headText() != "xxxxxxxxxx" {
		t.Fatalf("%v, %d lost, size %d", o.fail, o.lost, o.size.Load())
	}
}
