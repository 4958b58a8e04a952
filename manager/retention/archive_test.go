package retention_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/retention"
)

// An archive that is damaged before its end is put aside as it is.
func TestADamagedArchiveIsPutAside(t *testing.T) {
	h := newHouse(t)
	keeps := map[string]jobnet.Keep{"a": {Trackers: day}}
	path := retention.ArchiveFile(h.dir, &banto.Tracker{SubmittedAt: h.now.Add(-3 * day)})
	var ends []int
	for range 3 {
		h.tracker("a", 3*day, banto.TrackerOK, 20)
		h.round(h.retention(h.dir, keeps))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, len(whole))
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, at := range map[string]int{
		"in the first": ends[0] / 2, "in the second": (ends[0] + ends[1]) / 2, "the head of the second": ends[0],
		"the sum of the first": ends[0] - 6, "the sum of the last": len(whole) - 6,
	} {
		n++
		damaged := bytes.Clone(whole)
		damaged[at] ^= 4
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		id := h.tracker("a", 3*day, banto.TrackerOK, 1)
		h.round(h.retention(h.dir, keeps))
		aside, err := os.ReadFile(path + ".damaged-" + string(rune('0'+n)))
		if err != nil || !bytes.Equal(aside, damaged) {
			t.Errorf("%s: what was put aside has %d bytes of %d: %v", name, len(aside), len(damaged), err)
		}
		if lines := h.archived(id); len(lines) != 3 || lines[0].Tracker.ID != id {
			t.Errorf("%s: the new file has %d lines", name, len(lines))
		}
	}
}

// A file that could not be cut after a write that failed is read through again.
func TestAnArchiveAfterAWriteThatFailed(t *testing.T) {
	h := newHouse(t)
	keeps := map[string]jobnet.Keep{"a": {Trackers: day}}
	path := retention.ArchiveFile(h.dir, &banto.Tracker{SubmittedAt: h.now.Add(-3 * day)})
	r := h.retention(h.dir, keeps)
	first := h.tracker("a", 3*day, banto.TrackerOK, 2)
	h.round(r)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second := h.tracker("a", 3*day, banto.TrackerOK, 2)
	h.rows.parts = func() error {
		h.rows.parts = nil
		// What the disk has kept of it although it was to be cut away.
		if err := os.Rename(path, path+".tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(bytes.Clone(whole), whole[:20]...), 0o600); err != nil {
			t.Fatal(err)
		}
		return os.ErrInvalid
	}
	if _, err := r.Round(t.Context()); err == nil {
		t.Fatal("it says that all is well")
	}
	h.round(r)
	lines := h.archived(first)
	if len(lines) != 10 || lines[5].Tracker.ID != second {
		t.Errorf("the archive has %d lines", len(lines))
	}
}
