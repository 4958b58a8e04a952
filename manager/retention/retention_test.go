package retention_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/manager/retention"
	"github.com/bantoops/banto/manager/runner"
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
	rows    *rows
	boot    time.Duration   // that has gone since the start
	busy    banto.TrackerID // that was taken up again
	claimed []banto.TrackerID
	said    bytes.Buffer
}

// rows is the store, whose clock is a test's, and whose transactions fail when
// the test says so.
type rows struct {
	*sqlite.Store
	now   func() time.Time
	write func() error
	parts func() error
}

func (r *rows) Parts(ctx context.Context, id banto.TrackerID, since int64, after banto.PartKey, limit int) ([]banto.Part, error) {
	if r.parts != nil {
		if err := r.parts(); err != nil {
			return nil, err
		}
	}
	return r.Store.Parts(ctx, id, since, after, limit)
}

func (r *rows) Lease(context.Context) (store.Lease, error) {
	return store.Lease{RenewedAt: r.now()}, nil
}

func (r *rows) Write(ctx context.Context, fn func(store.Tx) error) error {
	if r.write != nil {
		if err := r.write(); err != nil {
			return err
		}
	}
	return r.Store.Write(ctx, fn)
}

// claim is what the runner does for a tracker that is dropped.
func (h *house) claim(id banto.TrackerID, revision int64) error {
	if err := h.quiet(id, revision); err != nil {
		return err
	}
	h.claimed = append(h.claimed, id)
	return h.store.Write(h.Context(), func(tx store.Tx) error { return tx.PutMark(runner.DropMark, string(id)) })
}

func (h *house) quiet(id banto.TrackerID, revision int64) error {
	if t, err := h.store.Tracker(h.Context(), id); err != nil || t.Revision != revision {
		h.Errorf("%s: claimed with the revision %d: %v", id, revision, err)
	}
	if id == h.busy {
		return banto.Fail(banto.KindConflict, "cannot drop it", "it has changed", "")
	}
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
	h.rows = &rows{Store: s, now: func() time.Time { return h.now }}
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
	t := banto.Tracker{ID: id, Jobnet: jobnetPath, Flow: "f", State: state, Revision: int64(h.n), SubmittedAt: at.Add(-time.Hour), Date: banto.DateOf(at)}
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
	return retention.New(h.options(archive, keeps))
}

func (h *house) options(archive string, keeps map[string]jobnet.Keep) retention.Options {
	return retention.Options{
		Store: h.rows, Outputs: h.outputs, Archive: archive, Pause: time.Nanosecond, Now: func() time.Time { return h.now },
		Boot: func() time.Duration { return h.boot }, Log: slog.New(slog.NewTextHandler(&h.said, nil)),
		Claim: func(_ context.Context, id banto.TrackerID, revision int64) error { return h.claim(id, revision) },
		WhileEnded: func(_ context.Context, id banto.TrackerID, revision int64, do func() error) error {
			if err := h.quiet(id, revision); err != nil {
				return err
			}
			return do()
		},
		Keep: func(_ context.Context, path string) (jobnet.Keep, error) { return keeps[path], nil },
	}
}

func (h *house) round(r *retention.Retention) retention.Done {
	h.Helper()
	done, err := r.Round(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	return done
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

// Outputs of one that is taken up again just then stay, and go the next time.
func TestOutputsOfWhatIsTakenUpAgainStay(t *testing.T) {
	h := newHouse(t)
	h.busy = h.tracker("a", 3*day, banto.TrackerOK, 2)
	other := h.tracker("a", 3*day, banto.TrackerOK, 2)
	r := h.retention(h.dir, map[string]jobnet.Keep{"a": {Output: day}})
	if done := h.round(r); done != (retention.Done{Outputs: 1}) {
		t.Errorf("dropped %+v", done)
	}
	if _, output := h.has(h.busy); !output {
		t.Error("what the one that was taken up printed is gone")
	}
	if _, output := h.has(other); output {
		t.Error("what the other one printed is there")
	}
	stayed := h.busy
	h.busy = ""
	h.round(r)
	if _, output := h.has(stayed); output {
		t.Error("it was forgotten")
	}
	if len(h.claimed) > 0 {
		t.Errorf("claimed for dropping: %v", h.claimed)
	}
}

// A tracker that was dropped half way goes at the next round, also when its
// folder keeps it for ever since.
func TestWhatWasDroppedHalfWayGoesOn(t *testing.T) {
	h := newHouse(t)
	id := h.tracker("a", 3*day, banto.TrackerOK, 1200)
	writes := 0
	h.rows.write = func() error {
		if writes++; writes == 4 { // the first one proves the lease
			return errors.New("the disk is full")
		}
		return nil
	}
	if _, err := h.retention(h.dir, map[string]jobnet.Keep{"a": {Trackers: day}}).Round(t.Context()); err == nil {
		t.Fatal("it says that all is well")
	}
	if row, _ := h.has(id); !row {
		t.Fatal("the row went first")
	}
	if done := h.round(h.retention(h.dir, nil)); done.Trackers != 1 {
		t.Errorf("dropped %+v", done)
	}
	if row, _ := h.has(id); row {
		t.Error("half of it is still there")
	}
	if done := h.round(h.retention(h.dir, nil)); done.Trackers != 0 {
		t.Errorf("dropped %+v", done)
	}
}

// A folder that cannot be read lets the others be.
func TestAFolderThatCannotBeRead(t *testing.T) {
	h := newHouse(t)
	torn, fine := h.tracker("torn", 3*day, banto.TrackerOK, 1), h.tracker("a", 3*day, banto.TrackerOK, 1)
	h.tracker("torn", 3*day, banto.TrackerOK, 1)
	o := h.options(h.dir, nil)
	asked := 0
	o.Keep = func(_ context.Context, path string) (jobnet.Keep, error) {
		if path == "torn" {
			asked++
			return jobnet.Keep{}, errors.New("cannot read its folder")
		}
		return jobnet.Keep{Trackers: day}, nil
	}
	done, err := retention.New(o).Round(t.Context())
	if err == nil || !strings.Contains(err.Error(), "how long torn is kept") || done.Trackers != 1 || asked != 1 {
		t.Errorf("%+v, asked %d times: %v", done, asked, err)
	}
	if row, _ := h.has(torn); !row {
		t.Error("it is gone although nobody knows")
	}
	if row, _ := h.has(fine); row {
		t.Error("the other is there")
	}
}

// While the clock cannot be believed nothing is dropped, and that is said once.
func TestAClockThatJumps(t *testing.T) {
	for name, jump := range map[string]func(h *house){
		"set since the start": func(h *house) { h.now = h.now.Add(400 * day) },
		"not the store's": func(h *house) {
			right := h.now
			h.rows.now = func() time.Time { return right.Add(h.boot) }
			h.now = h.now.Add(400 * day)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.tracker("a", 3*day, banto.TrackerOK, 1)
			keeps := map[string]jobnet.Keep{"a": {Trackers: 30 * day}}
			r := h.retention("", keeps)
			was := h.now
			jump(h)
			if name == "not the store's" {
				r = h.retention("", keeps) // it was wrong from the start
			}
			for range 3 {
				h.round(r)
			}
			if row, _ := h.has(id); !row {
				t.Error("it is gone")
			}
			if n := strings.Count(h.said.String(), "clock was set"); n != 1 {
				t.Errorf("said %d times:\n%s", n, h.said.String())
			}
			h.now, h.boot = was.Add(30*day), 30*day
			if name == "not the store's" {
				r = h.retention("", keeps)
			}
			if done := h.round(r); done.Trackers != 1 {
				t.Errorf("when the clock is right: %+v", done)
			}
		})
	}
}
