package keeper

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// page is what a disk loses at a time.
const page = 4096

// history makes a journal as a keeper does, with everything in it: each batch is
// synced, and from up to where that is so is given for every record.
type history struct {
	boot string
	text []byte
	ends []int // of each record, in bytes
	all  []record
}

func someHistory(t testing.TB) history {
	t.Helper()
	c := newClaims("g")
	h := history{boot: bootID()}
	c.enter(h.boot)
	do := func(step func(fx *effects)) {
		fx := &effects{}
		step(fx)
		for _, r := range fx.records {
			if r.Head != nil && len(h.all) == 0 {
				r.Head.Name = "file"
			}
			h.text = append(h.text, lines(t, []record{r})...)
			h.all, h.ends = append(h.all, r), append(h.ends, len(h.text))
		}
	}
	now := time.Unix(1e9, 0).UTC()
	do(func(fx *effects) { c.begin(fx, now) })
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; len(h.text) < 2*page+page/4; n++ {
		g := ground{clock: int64(n) * 1e9, contact: int64(n) * 1e9, boot: h.boot, now: now}
		do(func(fx *effects) {
			c.request(fx, &Request{Contact: time.Duration(n) * time.Second,
				Start: []Start{{Attempt: try(n), Spec: banto.Spec{Part: "p", DeadManMS: int64(n%3) * 1000}}}}, g)
		})
		do(func(fx *effects) { c.launched(fx, startedRecord{Attempt: try(n), PID: n, At: now}) })
		switch random.IntN(4) {
		case 0:
			do(func(fx *effects) { c.killAttempt(fx, Kill{Attempt: try(n)}, now) })
		case 1:
			do(func(fx *effects) { c.end(fx, Ended{Attempt: try(n), At: now}) })
		case 2:
			do(func(fx *effects) { c.end(fx, Ended{Attempt: try(n), At: now}) })
			do(func(fx *effects) { c.ack(fx, []banto.AttemptID{try(n)}, now) })
		}
	}
	return h
}

// judge reads a damaged journal of which synced bytes were durable, and wants
// that nothing before the damage is forgotten, and that what may be is owned up
// to by a new generation: then nobody starts anything again.
func (h history) judge(t *testing.T, what string, text []byte, from, to, synced int, boot string) {
	t.Helper()
	// Lines before the damage are read as ever.
	n, _ := slices.BinarySearch(h.ends, from+1)
	start := 0
	if n > 0 {
		start = h.ends[n-1]
	}
	read := readRecords(text[start:])
	read.records = append(slices.Clip(h.all[:n]), read.records...)
	read.good += start
	c, was, err := replay(read, len(text), machine{}, mark{name: "file", size: int64(synced), boot: boot}, h.boot, func() string { return "new" })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(c.snapshot()) == 0 {
		t.Fatalf("%s: no claims", what)
	}
	lost := false
	begin := 0
	for n, r := range h.all {
		end := h.ends[n]
		whole := end <= from || begin >= to
		known := r.Head != nil || r.Contact != nil || r.Acked != nil
		for _, id := range named(r) {
			cl := c.byID[id]
			known = known || cl != nil && (r.Ended == nil || cl.phase >= phaseEnded) && (r.Kill == nil || cl.kill != nil || cl.phase >= phaseEnded)
		}
		// A line that is joined to a damaged one before it is lost with it.
		if whole && !known && end <= from {
			t.Fatalf("%s: record %d of %s, before the damage, is forgotten", what, n, named(r))
		}
		lost = lost || !known && begin < synced
		begin = end
	}
	if lost && c.generation != "new" {
		t.Fatalf("%s: something is forgotten, and nobody is told: %+v", what, was)
	}
}

func named(r record) (ids []banto.AttemptID) {
	switch {
	case r.Claim != nil:
		return []banto.AttemptID{r.Claim.Attempt}
	case r.Started != nil:
		return []banto.AttemptID{r.Started.Attempt}
	case r.Kill != nil:
		return []banto.AttemptID{r.Kill.Attempt}
	case r.Ended != nil:
		return []banto.AttemptID{r.Ended.Attempt}
	}
	return nil
}

// Any byte of the last two pages that changes, any place at which the file is
// cut, and any stretch of zeros up to its end.
func TestEveryByte(t *testing.T) {
	h := someHistory(t)
	random := rand.New(rand.NewPCG(3, 4))
	size := len(h.text)
	if got := readRecords(h.text); got.good != size || len(got.records) != len(h.all) {
		t.Fatal(got.good, size)
	}
	// All of it was synced, or only what is up to some record: the rest was being
	// written when the keeper died.
	step := 1
	if runtime.GOOS == "windows" {
		step = 11 // the code is the same, and Wine is slow
	}
	for at := size - 2*page; at < size; at += step {
		bad := bytes.Clone(h.text)
		flip := byte(1 + random.IntN(255))
		bad[at] ^= flip
		h.judge(t, fmt.Sprintf("byte %d ^ %#x", at, flip), bad, at, at+1, size, h.boot)
		h.judge(t, fmt.Sprintf("cut at %d", at), h.text[:at:at], at, size, size, h.boot)
		zeros := append(bytes.Clone(h.text[:at]), make([]byte, size-at)...)
		part, boot := size, h.boot
		if at%3 > 0 {
			part = h.ends[random.IntN(len(h.ends))]
		}
		if at%3 > 1 {
			boot = "before"
		}
		h.judge(t, fmt.Sprintf("zeros from %d, synced up to %d in boot %s", at, part, boot), zeros, at, size, part, boot)
	}
}

// A torn end that was never synced costs no generation; one that the host's
// restart leaves in doubt does.
func TestTornOrDamaged(t *testing.T) {
	h := someHistory(t)
	size, last := len(h.text), h.ends[len(h.ends)-2]
	for _, c := range []struct {
		cut    int
		synced int
		boot   string
		want   found
	}{
		{size, size, h.boot, found{}},
		{size, size, "before", found{}},
		{size, last, "before", found{}}, // nothing is damaged
		{size - 3, last, h.boot, found{}},
		{size - 3, last, "before", found{doubt: true}},
		{size - 3, size, h.boot, found{damaged: 1}},
		{last, size, h.boot, found{damaged: 1}}, // cut between two records
		{last, size, "before", found{damaged: 1}},
		{0, size, h.boot, found{damaged: 1}},
	} {
		text := h.text[:c.cut]
		got, was, err := replay(readRecords(text), len(text), machine{}, mark{"file", c.boot, int64(c.synced)}, h.boot, func() string { return "new" })
		if err != nil || was != c.want || (got.generation == "new") != (c.want != found{}) && c.cut > 0 {
			t.Errorf("cut at %d of %d, synced %d in boot %s: %+v, %v, want %+v", c.cut, size, c.synced, c.boot, was, err, c.want)
		}
	}
}

// opened opens a journal that a keeper has left, and closes it.
func opened(t *testing.T, dir string) (*claims, found) {
	t.Helper()
	j, c, was, err := openJournal(dir, machine{}, newGeneration)
	if err != nil {
		t.Fatal(err)
	}
	j.close()
	return c, was
}

// The same on a disk, with what stands beside the journal damaged, too.
func TestDamagedFiles(t *testing.T) {
	dir := tempDir(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, _, _, err := openJournal(dir, machine{}, newGeneration)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 40 { // synced one by one
		if err := j.append(someRecords(n + 1)[3*n:], true); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	text, err := os.ReadFile(path(journalName))
	if err != nil {
		t.Fatal(err)
	}
	synced, err := os.ReadFile(path(markName))
	if err != nil {
		t.Fatal(err)
	}
	whole, was := opened(t, dir)
	if !was.sound() || len(whole.byID) != 40 {
		t.Fatalf("%+v, %d claims", was, len(whole.byID))
	}
	random := rand.New(rand.NewPCG(5, 6))
	for round := range 24 {
		bad, beside := bytes.Clone(text), bytes.Clone(synced)
		at := len(bad) - 1 - random.IntN(2*page)
		switch round % 3 {
		case 0:
			bad[at] ^= byte(1 + random.IntN(255))
		case 1:
			bad = bad[:at]
		case 2:
			clear(bad[at:])
		}
		aside := "the mark is whole"
		switch round / 3 % 4 {
		case 1:
			beside[random.IntN(len(beside))] ^= byte(1 + random.IntN(255))
			aside = "a byte of the mark is wrong"
		case 2:
			beside, aside = nil, "the mark is empty"
		case 3:
			clear(beside)
			aside = "the mark is zeros"
		}
		write(journalName, bad)
		write(markName, beside)
		c, was := opened(t, dir)
		if c.generation == whole.generation && len(c.byID) < 40 && (len(beside) > 0 && aside == "the mark is whole" || round%3 != 1) {
			t.Fatalf("round %d, from byte %d of %d, %s: %d claims, and %+v", round, at, len(text), aside, len(c.byID), was)
		}
		if again, was := opened(t, dir); !was.sound() || again.generation != c.generation || len(again.byID) != len(c.byID) {
			t.Fatalf("round %d: what was mended is not whole: %+v", round, was)
		}
	}
}

// What stands in the journal's place, or in those beside it, and is no file.
func TestNoFile(t *testing.T) {
	dir := tempDir(t)
	before, _ := opened(t, dir)
	for _, name := range []string{journalName, markName, reserveName} {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c, was := opened(t, dir)
		if (was.aside || c.generation != before.generation) != (name == journalName) {
			t.Fatalf("%s: %+v", name, was)
		}
		before = c
	}
	if c, was := opened(t, dir); !was.sound() || c.generation != before.generation {
		t.Fatalf("%+v", was)
	}
}
