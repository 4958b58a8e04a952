//go:build unix

package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

// clearEnd makes zeros of what a power cut may have taken from a file.
func clearEnd(t *testing.T, path string, n int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(text[max(0, len(text)-n):])
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A keeper whose last records are gone comes up, and says that claims may be
// lost; what it knows still goes on as it was.
func TestLastPageLost(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: gateScript})
	b.wrote(1, "waiting")
	wantExit(t, b.run(2, okay()), 0)
	generation := b.last.Generation
	b.killKeeper()
	clearEnd(t, filepath.Join(b.dir, journalName), 20) // of the end of 2
	b.connect()
	if b.last.Generation == generation || !slices.Contains(b.last.Running, try(1)) {
		t.Fatalf("%+v, was %s", b.last, generation)
	}
	b.log("the journal was damaged")
	// Its claim is known, its end is not: it is not started again.
	if e := b.ended(2); e.Reason != banto.ReasonKeeperDied {
		t.Fatalf("%+v", e)
	}
	b.start(2, banto.Spec{Script: "echo again"})
	b.open("it")
	if e := b.ended(1); e.Reason != banto.ReasonKeeperDied || b.output(2) != "" {
		t.Fatalf("%+v, %q", e, b.output(2))
	}
	b.killKeeper()
	generation = b.last.Generation
	b.connect()
	if b.last.Generation != generation || len(b.last.Running) != 0 {
		t.Fatalf("%+v", b.last)
	}
}

// Damaged variables cost the attempt that set them its end, and damaged output
// nothing but itself.
func TestDamagedResults(t *testing.T) {
	b := setUp(t)
	script := `echo name=value > "$BANTO_VARS"; i=0; while [ $i -lt 900 ]; do echo 行 $i; i=$((i+1)); done; ` + gateScript
	b.start(1, banto.Spec{Script: script, WantOutput: true})
	b.wrote(1, "waiting")
	wantExit(t, b.run(2, okay()), 0)
	b.killKeeper()
	clearEnd(t, filepath.Join(b.dir, varsName, string(try(1))), 5)
	output, err := outputPath(b.dir, try(1))
	if err != nil {
		t.Fatal(err)
	}
	clearEnd(t, output, page)
	if err := os.WriteFile(filepath.Join(b.dir, varsName, "20261121-0000000.99"), bytes.Repeat([]byte{0xff}, page), 0o600); err != nil {
		t.Fatal(err)
	}
	b.connect()
	wantExit(t, b.ended(2), 0)
	b.open("it")
	e := b.ended(1)
	if e.Reason != banto.ReasonKeeperDied || !strings.Contains(e.Message, "$BANTO_VARS") || e.Vars != "" ||
		!utf8.ValidString(e.OutputHead) || !strings.HasPrefix(e.OutputHead, "行 0\n") || !strings.HasSuffix(b.output(1), "\x00survived it\n") {
		t.Fatalf("%+v, and …%q", e, b.output(1)[max(0, len(b.output(1))-20):])
	}
	if _, err := os.Stat(filepath.Join(b.dir, varsName, "20261121-0000000.99")); err == nil {
		t.Error("what belongs to nobody was kept")
	}
	wantExit(t, b.run(3, okay()), 0)
}
