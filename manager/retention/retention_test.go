package retention_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/manager/retention"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

const day = 24 * time.Hour

// house is a store with trackers of some days.
type house struct {
	*testing.T
	store   *sqlite.Store
	outputs *outputs.Store
	now     time.Time
	dir     string
	n       int
	busy    banto.TrackerID // that was taken up again
	claimed []banto.TrackerID
}

func (h *house) claim(id banto.TrackerID) error {
	if id == h.busy {
		return banto.Fail(banto.KindConflict, "cannot drop it", "it has not ended", "")
	}
	h.claimed = append(h.claimed, id)
	return nil
}

func newHouse(t *testing.T) *house {
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{T: t, store: s, now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC), dir: t.TempDir()}
	if _, err := s.Begin(t.Context(), "test", h.now); err != nil {
		t.Fatal(err)
	}
	if h.outputs, err = outputs.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.outputs.Close() })
	h.write(func(tx store.Tx) error { return tx.PutFlow("f", []byte("{}")) })
	return h
}

func (h *house) write(fn func(store.Tx) error) {
	h.Helper()
	if err := h.store.Write(h.Context(), fn); err != nil {
		h.Fatal(err)
	}
}

// tracker makes one of so many days ago with so many parts, and output.
func (h *house) tracker(jobnetPath string, ago time.Duration, state banto.TrackerState, parts int) banto.TrackerID {
	h.Helper()
	h.n++
	at := h.now.Add(-ago)
	id := banto.TrackerID(at.Format("20060102") + "-" + strings.Repeat("0", 7-len(strconv.Itoa(h.n))) + strconv.Itoa(h.n))
	t := banto.Tracker{ID: id, Jobnet: jobnetPath, Flow: "f", State: state, SubmittedAt: at.Add(-time.Hour), Date: banto.DateOf(at)}
	if state.Ended() {
		t.EndedAt = &at
	}
	h.write(func(tx store.Tx) error {
		errs := []error{tx.PutTracker(t), tx.PutSubmitted("me", string(id), "hash", id, at)}
		for i := range parts {
			key := banto.PartKey("p" + strconv.Itoa(i))
			errs = append(errs, tx.PutPart(banto.Part{Tracker: id, Key: key, State: banto.PartOK}),
				tx.PutAttempt(banto.Attempt{ID: banto.NewAttemptID(id, i+1), Tracker: id, Seq: i + 1, Part: key, State: banto.AttemptOK, CreatedAt: at}))
		}
		return errors.Join(errs...)
	})
	if _, err := h.outputs.Write(banto.NewAttemptID(id, 1), 0, []byte("printed")); err != nil {
		h.Fatal(err)
	}
	return id
}

func (h *house) retention(archive string, keeps map[string]jobnet.Keep) *retention.Retention {
	return retention.New(retention.Options{
		Store: h.store, Outputs: h.outputs, Archive: archive, Pause: time.Nanosecond, Now: func() time.Time { return h.now },
		Claim: func(_ context.Context, id banto.TrackerID) error { return h.claim(id) },
		Keep:  func(_ context.Context, path string) (jobnet.Keep, error) { return keeps[path], nil },
	})
}

func (h *house) has(id banto.TrackerID) (row, output bool) {
	h.Helper()
	_, err := h.store.Tracker(h.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		h.Fatal(err)
	}
	size, outErr := h.outputs.Size(banto.NewAttemptID(id, 1))
	if outErr != nil {
		h.Fatal(outErr)
	}
	return err == nil, size > 0
}

func TestWhatIsOldGoesAndNothingElse(t *testing.T) {
	h := newHouse(t)
	keeps := map[string]jobnet.Keep{"a/b": {Trackers: 30 * day, Output: 7 * day}, "a/c": {Output: day}}
	cases := map[string]struct {
		id          banto.TrackerID
		row, output bool
	}{
		"old":                  {h.tracker("a/b", 31*day, banto.TrackerOK, 1200), false, false},
		"older than outputs":   {h.tracker("a/b", 8*day, banto.TrackerError, 3), true, false},
		"young":                {h.tracker("a/b", 6*day, banto.TrackerOK, 3), true, true},
		"old, has not ended":   {h.tracker("a/b", 90*day, banto.TrackerBlocked, 3), true, true},
		"kept, but no output":  {h.tracker("a/c", 900*day, banto.TrackerCancelled, 3), true, false},
		"nobody says how long": {h.tracker("b", 9000*day, banto.TrackerOK, 3), true, true},
	}
	r := h.retention(h.dir, keeps)
	done, err := r.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if done.Trackers != 1 || done.Outputs != 2 {
		t.Errorf("dropped %+v", done)
	}
	for name, c := range cases {
		if row, output := h.has(c.id); row != c.row || output != c.output {
			t.Errorf("%s: row %v, output %v", name, row, output)
		}
	}
	if parts, err := h.store.Parts(t.Context(), cases["old"].id, 0, "", 0); err != nil || len(parts) > 0 {
		t.Errorf("%d parts are left: %v", len(parts), err)
	}
	if done, err := r.Round(t.Context()); err != nil || done != (retention.Done{}) {
		t.Errorf("a second round dropped %+v: %v", done, err)
	}
	lines := h.archived(cases["old"].id)
	if len(lines) != 1+1200+1200 || lines[0].Tracker == nil || lines[0].Tracker.Jobnet != "a/b" {
		t.Errorf("the archive has %d lines of it", len(lines))
	}
}

// archived reads the lines of the month in which a tracker was submitted.
func (h *house) archived(id banto.TrackerID) []retention.Line {
	h.Helper()
	month := string(id[:4]) + "-" + string(id[4:6])
	f, err := os.Open(h.dir + "/trackers-" + month + ".jsonl.gz")
	if err != nil {
		h.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		h.Fatal(err)
	}
	var all []retention.Line
	for in := json.NewDecoder(zip); ; {
		var l retention.Line
		if err := in.Decode(&l); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			h.Fatal(err)
		}
		all = append(all, l)
	}
}

// What a crash has left half written at the end of an archive goes; what was
// whole before it stays, and what comes after it can be read.
func TestATornEndOfAnArchiveIsCutAway(t *testing.T) {
	h := newHouse(t)
	keeps := map[string]jobnet.Keep{"a": {Trackers: day}}
	first := h.tracker("a", 3*day, banto.TrackerOK, 2)
	if _, err := h.retention(h.dir, keeps).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := retention.ArchiveFile(h.dir, &banto.Tracker{SubmittedAt: h.now.Add(-3 * day)})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range [][]byte{whole[:len(whole)-3], whole[:5], make([]byte, 4096)} {
		if err := os.WriteFile(path, append(append([]byte{}, whole...), torn...), 0o600); err != nil {
			t.Fatal(err)
		}
		second := h.tracker("a", 2*day, banto.TrackerOK, 2)
		if _, err := h.retention(h.dir, keeps).Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines := h.archived(first)
		if len(lines) != 10 || lines[0].Tracker.ID != first || lines[5].Tracker.ID != second {
			t.Fatalf("%d bytes torn: %d lines", len(torn), len(lines))
		}
	}
}

// One that is taken up again just then stays.
func TestWhatIsTakenUpAgainStays(t *testing.T) {
	h := newHouse(t)
	h.busy = h.tracker("a", 3*day, banto.TrackerOK, 2)
	other := h.tracker("a", 3*day, banto.TrackerOK, 2)
	if _, err := h.retention(h.dir, map[string]jobnet.Keep{"a": {Trackers: day}}).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if row, output := h.has(h.busy); !row || !output {
		t.Error("it was dropped")
	}
	if row, _ := h.has(other); row || len(h.claimed) != 1 {
		t.Error("the other one was not")
	}
}

// Without room for the archive nothing is dropped.
func TestWhatCannotBeArchivedStays(t *testing.T) {
	h := newHouse(t)
	id := h.tracker("a", 3*day, banto.TrackerOK, 2)
	file := h.dir + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.retention(file, map[string]jobnet.Keep{"a": {Trackers: day}}).Round(t.Context()); err == nil {
		t.Error("it says that all is well")
	}
	if row, output := h.has(id); !row || !output {
		t.Error("it was dropped all the same")
	}
}
