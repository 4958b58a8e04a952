package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// board is a sink that keeps what it is sent.
type board struct {
	mu    sync.Mutex
	lines []string
}

func (b *board) Send(m notice.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, m.Line(m.Notice.English))
}

func (b *board) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.lines
	b.lines = nil
	return out
}

// watcher is a watching without a manager, and what it tells.
func watcher(t *testing.T) (*watching, *board) {
	t.Helper()
	b := &board{}
	s := &Server{opts: Options{Name: "m1", Data: t.TempDir(), Log: slog.New(slog.DiscardHandler)}, reach: &reach{}}
	w, err := newWatching(s)
	if err != nil {
		t.Fatal(err)
	}
	w.notices = notice.New(notice.Options{Sinks: []notice.Sink{b}})
	return w, b
}

func TestEventsBecomeNotices(t *testing.T) {
	w, b := watcher(t)
	for kind, want := range map[runner.EventKind]notice.ID{
		runner.HostLost: notice.HostLost, runner.HostBack: notice.HostBack, runner.HostClock: notice.HostClock, runner.HostProblem: notice.HostProblem,
		runner.HostWell: notice.HostWell, runner.AttemptLost: notice.AttemptLost, runner.AttemptFound: notice.AttemptFound,
		runner.TrackerFailed: notice.TrackerFailed, runner.TrackerBlocked: notice.TrackerBlocked, runner.AccountBlocked: notice.AccountBlocked,
	} {
		w.Committed(&runner.Commit{Events: []runner.Event{{Kind: kind, Tracker: "20260101-aaaaaaa", Attempt: "20260101-aaaaaaa.1", Host: "db01", Object: "a/b", Text: "why so"}}})
		if got := b.take(); len(got) != 1 || !strings.HasPrefix(got[0], string(want)) || !strings.Contains(got[0], "db01") || !strings.Contains(got[0], "why so") {
			t.Errorf("%d: %q, want %s", kind, got, want)
		}
	}
	w.leaving.Store(true)
	w.Committed(&runner.Commit{Events: []runner.Event{{Kind: runner.HostLost, Host: "db01"}, {Kind: runner.AttemptLost}, {Kind: runner.TrackerFailed}}})
	if got := b.take(); len(got) != 1 || !strings.HasPrefix(got[0], string(notice.TrackerFailed)) {
		t.Errorf("of a manager that ends: %q", got)
	}
	w.Refused(runner.RefusedRate, runner.Refused{})
	w.agentRefused("h-1", "another machine has its identity")
	if got := b.take(); len(got) != 2 || !strings.Contains(got[0], "limit=rate") || !strings.Contains(got[1], `host=h-1 why="another`) {
		t.Errorf("%q", got)
	}
}

func TestTheStoreIsToldOfOnce(t *testing.T) {
	w, b := watcher(t)
	full := fmt.Errorf("cannot write: %w", store.ErrFull)
	away := errors.New("it does not answer")
	for _, err := range []error{nil, away, away, full, full, away, nil, nil} {
		w.Ailing(err)
	}
	var ids []string
	for _, line := range b.take() {
		ids = append(ids, strings.Fields(line)[0])
	}
	want := []string{string(notice.StoreAway), string(notice.StoreFull), string(notice.StoreAway), string(notice.StoreBack)}
	if !slices.Equal(ids, want) {
		t.Errorf("%q, want %q", ids, want)
	}
}

// A loop whose store went away is followed by another one, which knows nothing of
// that: what was told must end all the same.
func TestTheStoreIsBackWhenAManagerLeadsAgain(t *testing.T) {
	s, err := NewServer(t.Context(), Options{Data: t.TempDir(), HTTP: "127.0.0.1:0", Fabric: "127.0.0.1:0", Name: "m1", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	b := &board{}
	s.watch.notices = notice.New(notice.Options{Sinks: []notice.Sink{b}})
	s.watch.Ailing(errors.New("it does not answer"))
	s.watch.look(t.Context(), time.Now()) // it stands by, and the store answers
	if s.watch.lead().Ailing {
		t.Error("while it stands by")
	}
	s.watch.Ailing(errors.New("it does not answer"))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(errors.Join(err, s.Stop()))
	}
	if s.watch.lead().Ailing {
		t.Error("as the active one")
	}
	back := 0
	for _, line := range b.take() {
		if strings.HasPrefix(line, string(notice.StoreBack)) {
			back++
		}
	}
	if back != 2 {
		t.Errorf("it was said %d times that the store is back", back)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestALoopStands(t *testing.T) {
	w, _ := watcher(t)
	begin := time.Now()
	waits := func(turned time.Time) runner.Figures { return runner.Figures{Calls: 1, Turned: turned} }
	for i, c := range []struct {
		f    runner.Figures
		at   time.Duration
		want bool
	}{
		{waits(begin), 20 * time.Second, false},
		{waits(begin), 31 * time.Second, false}, // it may have been idle until now
		{waits(begin.Add(time.Second)), 46 * time.Second, false},
		{waits(begin.Add(time.Second)), 61 * time.Second, true},
		{runner.Figures{Turned: begin}, 76 * time.Second, false},
		{waits(begin.Add(time.Second)), 91 * time.Second, false},
	} {
		if got := w.stands(c.f, begin.Add(c.at)); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
	w.Ailing(errors.New("it does not answer"))
	for range 3 {
		if w.stands(waits(begin), begin.Add(time.Hour)) {
			t.Error("it is blamed for its store")
		}
	}
}

func TestWhatChangesIsToldOnce(t *testing.T) {
	w, b := watcher(t)
	for _, is := range []bool{false, true, true, false, false, true} {
		w.changed(is, notice.DiskShort, notice.DiskRoom, "free_bytes", "1")
	}
	if got := b.take(); len(got) != 3 || !strings.HasPrefix(got[1], string(notice.DiskRoom)) {
		t.Errorf("%q", got)
	}
	w.changed(true, notice.LoopStands, "")
	w.changed(false, notice.LoopStands, "")
	if got := b.take(); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestAManagerThatStandsByShowsThat(t *testing.T) {
	w, _ := watcher(t)
	if w.lead() != (metrics.Lead{Proved: -1}) || w.connections() != 0 || w.dropped() != 0 || !w.certificateEnds().IsZero() {
		t.Errorf("%+v", w.lead())
	}
	if _, ok := w.loop(); ok {
		t.Error("it has a loop")
	}
	if err := w.well(t.Context()); err == nil || err.Error() != "this manager stands by" {
		t.Error(err)
	}
}

// TestAManagerIsWatched runs a whole manager.
func TestAManagerIsWatched(t *testing.T) {
	dir := t.TempDir()
	alive := filepath.Join(dir, "alive")
	s, err := NewServer(t.Context(), Options{
		Data: filepath.Join(dir, "data"), HTTP: "127.0.0.1:0", Fabric: "127.0.0.1:0", Name: "m1", Version: "1.0.0", AliveFile: alive,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(errors.Join(err, s.Stop()))
	}
	if err := s.watch.well(t.Context()); err != nil {
		t.Errorf("it is not well: %v", err)
	}
	l := s.watch.lead()
	if !l.Active || l.Epoch != 1 || l.Held || l.Ailing || l.Proved >= 0 {
		t.Errorf("%+v", l)
	}
	deadline := time.Now().Add(20 * time.Second)
	for s.watch.roomNow().Store == 0 || !there(alive) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v, sign of life: %v", s.watch.roomNow(), there(alive))
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.Failed():
			t.Fatal("the manager has failed")
		}
	}
	if r := s.watch.roomNow(); r.Disk == 0 || r.Free == 0 || r.Free > r.Disk {
		t.Errorf("%+v", r)
	}
	token, err := os.ReadFile(filepath.Join(dir, "data", scrapeFile))
	if err != nil {
		t.Fatal(err)
	}
	s.scrapeToken(t.Context())
	if again, err := os.ReadFile(filepath.Join(dir, "data", scrapeFile)); err != nil || string(again) != string(token) {
		t.Errorf("a token that is known was made again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", scrapeFile), []byte("of another store\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.scrapeToken(t.Context())
	if anew, err := os.ReadFile(filepath.Join(dir, "data", scrapeFile)); err != nil || string(anew) == "of another store\n" {
		t.Errorf("a token that is not known stays: %v", err)
	}
	scrapesAnew(t, s)
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	counts := s.watch.counts()
	if counts[string(notice.ManagerActive)] != 1 || counts[string(notice.ManagerStops)] != 1 {
		t.Errorf("%v", counts)
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestWhatCannotBeWatched(t *testing.T) {
	for _, o := range []Options{
		{Syslog: "loghost"}, {AliveFile: "/nothing/here/alive"}, {AliveURL: "ftp://h"},
	} {
		o.Data, o.HTTP, o.Fabric = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0"
		s, err := NewServer(t.Context(), o)
		if banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("%+v: %v", o, err)
		}
		if s != nil {
			t.Error("there is a manager")
		}
	}
}
