package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
)

func someRecords(n int) []record {
	var out []record
	for i := range n {
		id := banto.NewAttemptID("20261121-0000000", i+1)
		out = append(out, record{Claim: &claimRecord{Attempt: id, BootID: "b", TimeoutMS: 5}},
			record{Started: &startedRecord{Attempt: id, PID: 10 + i, At: time.Unix(1e9, 0).UTC()}},
			record{Ended: &Ended{Attempt: id, At: time.Unix(1e9, 0).UTC(), Vars: "a=1\nb=\"\u2028\"\n"}})
	}
	return out
}

func lines(t testing.TB, records []record) []byte {
	var b []byte
	var err error
	for _, r := range records {
		if b, err = appendRecord(b, r); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// A journal that is cut anywhere gives all records before the cut, and is
// not called damaged.
func TestTornTail(t *testing.T) {
	records := someRecords(2)
	whole := lines(t, records)
	for cut := range len(whole) {
		got := readRecords(whole[:cut])
		n := bytes.Count(whole[:cut], []byte("\n"))
		if got.damaged != 0 || len(got.records) != n || n > 0 && !cmp.Equal(got.records, records[:n]) {
			t.Fatalf("cut at %d: %d records, %d damaged", cut, len(got.records), got.damaged)
		}
		if got.good != bytes.LastIndexByte(whole[:cut], '\n')+1 {
			t.Fatalf("cut at %d: %d are good", cut, got.good)
		}
	}
}

// A byte that changed anywhere costs one record, and two where it made one
// line of them; the rest is kept and the damage is seen.
func TestDamage(t *testing.T) {
	records := someRecords(4)
	whole := lines(t, records)
	last := len(lines(t, records[len(records)-1:]))
	for at := range len(whole) - last {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x15
		got := readRecords(bad)
		if len(got.records) < len(records)-1 || len(got.records) < len(records) && got.damaged != 1 {
			t.Fatalf("byte %d: %d of %d records, %d damaged", at, len(got.records), len(records), got.damaged)
		}
	}
}

func TestOpenJournal(t *testing.T) {
	dir := tempDir(t)
	count := 0
	fresh := func() string { count++; return string(rune('a' + count - 1)) }
	var last *journal
	t.Cleanup(func() { last.close() })
	open := func() (*journal, *claims, int) {
		t.Helper()
		if last != nil {
			last.close() // as its process has ended
		}
		j, c, was, err := openJournal(dir, machine{}, fresh)
		if err != nil {
			t.Fatal(err)
		}
		last = j
		return j, c, was.damaged
	}
	j, c, _ := open()
	if c.generation != "a" {
		t.Fatal(c.generation)
	}
	records := someRecords(3)
	if err := j.append(records, true); err != nil {
		t.Fatal(err)
	}
	if err := j.append(nil, true); err != nil {
		t.Fatal(err)
	}
	_, c, damaged := open()
	if c.generation != "a" || damaged != 0 || len(c.byID) != 3 {
		t.Fatal(c.generation, damaged, len(c.byID))
	}
	// Damage in the middle: what is around it is kept, a copy is put aside,
	// and a new generation says that claims may be lost.
	path := filepath.Join(dir, journalName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.IndexByte(text, '\n') + 40 // in the second line
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, c, damaged = open()
	if c.generation != "b" || damaged != 1 || len(c.byID) != 2 {
		t.Fatal(c.generation, damaged, len(c.byID))
	}
	if aside, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(aside, text) {
		t.Fatal(err)
	}
	j, c, damaged = open()
	if c.generation != "b" || damaged != 0 || len(c.byID) != 2 {
		t.Fatal(c.generation, damaged, len(c.byID))
	}
	// Growing makes it worth compacting, once in a while.
	big := record{Ended: &Ended{Attempt: "20261121-0000000.1", Vars: string(make([]byte, 60<<10))}}
	for !j.large() {
		if err := j.append([]record{big}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.compact(c); err != nil || j.large() || j.size > compactAbove/100 {
		t.Fatal(err, j.size)
	}
	if err := j.append(records, true); err != nil { // the new file is the one that is open
		t.Fatal(err)
	}
	if _, c, _ = open(); len(c.byID) != 3 {
		t.Fatal(len(c.byID))
	}
}

func FuzzReadRecords(f *testing.F) {
	f.Add(lines(f, someRecords(2)), 3, byte('x'))
	f.Add([]byte("00000000 00000000 \n"), 0, byte(0))
	f.Add([]byte("ffffffff ffffffff {}\n\n\n"), 9, byte('\n'))
	f.Fuzz(func(t *testing.T, b []byte, at int, to byte) {
		if len(b) > 0 {
			b[uint(at)%uint(len(b))] = to
		}
		got := readRecords(b)
		if got.good > len(b) {
			t.Fatal("more good bytes than there are")
		}
		c := newClaims("g")
		for _, r := range got.records {
			c.apply(r) // whatever it is, no panic
		}
		c.hello()
		// What was read is read again from what is written of it.
		again := readRecords(lines(t, c.snapshot()))
		d := newClaims("")
		for _, r := range again.records {
			d.apply(r)
		}
		if again.damaged != 0 || len(d.byID) != len(c.byID) || d.live != c.live {
			t.Fatalf("%d claims became %d", len(c.byID), len(d.byID))
		}
	})
}
