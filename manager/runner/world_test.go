package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

const (
	hostA banto.HostID = "h-aaaaaaaaaa"
	hostB banto.HostID = "h-bbbbbbbbbb"
)

var operator = banto.Principal{Name: "hanako", Admin: true}

// world is a loop on a real store, with hosts that the test plays.
type world struct {
	t     testing.TB
	store *testStore
	field *field
	link  *link
	r     *Runner
	ids   *countedIDs

	dir  string
	made time.Time // for the clock that nobody sets

	stop context.CancelFunc
	done chan error
}

// newWorld opens a store with two hosts; hostA is the one beside the manager.
func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, s)
	w.dir = dir
	return w
}

// newWorldOn does the same on a store that is there.
func newWorldOn(t testing.TB, s store.Store) *world {
	t.Helper()
	w := &world{t: t, store: &testStore{Store: s}, ids: &countedIDs{}, made: time.Now()}
	w.field = newField(w.store)
	w.begin()
	err := s.Write(t.Context(), func(tx store.Tx) error {
		for id, name := range map[banto.HostID]string{hostA: "local", hostB: "db01"} {
			if err := tx.PutHost(banto.Host{ID: id, Name: name, State: banto.HostNever, Slots: 4, EnrolledAt: time.Now()}); err != nil {
				return err
			}
			w.field.add(id, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// inWorld plays a test in a world whose loop runs, in a bubble of time.
func inWorld(t *testing.T, play func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		defer w.close()
		play(t, w)
	})
}

// running submits a flow of jobs (as flowOf) that run until the test ends them,
// with both hosts connected.
func (w *world) running(parts ...string) banto.TrackerID {
	w.t.Helper()
	w.field.result = runsOn
	for _, id := range []banto.HostID{hostA, hostB} {
		if !w.field.isUp(id) {
			w.field.up(w.link, id)
		}
	}
	id := w.submit(flowOf(w.t, "a/b", parts...))
	settled()
	return id
}

func (w *world) begin() {
	w.t.Helper()
	if _, err := w.store.Begin(context.Background(), "test", time.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// clock is a clock that nobody sets.
func (w *world) clock() time.Duration { return time.Hour + time.Since(w.made) }

// run starts a loop, and waits until it is ready.
func (w *world) run(change ...func(*Options)) {
	w.t.Helper()
	w.prepare(change...)
	w.start()
}

// prepare makes a loop that is not yet running.
func (w *world) prepare(change ...func(*Options)) {
	w.link = w.field.newLink()
	opt := Options{Store: w.store, Hosts: w.link, IDs: w.ids, LocalHost: hostA, Clock: w.clock}
	for _, c := range change {
		c(&opt)
	}
	w.r = New(opt)
	w.link.inbox = w.r
}

func (w *world) start() {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.done = stop, make(chan error, 1)
	go func() { w.done <- w.r.Run(ctx) }()
	select {
	case <-w.r.Ready():
	case err := <-w.done:
		w.t.Fatalf("the loop ended at once: %v", err)
	}
}

// end stops the loop gracefully.
func (w *world) end() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		w.t.Fatalf("the loop ended with %v", err)
	}
}

// close ends all.
func (w *world) close() {
	w.end()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// flowOf makes a flow of jobs: "b < a c" is a part b behind a and c, "b@db01"
// one on that host or group, "b@role=db" one on a host with that label; each
// runs its own name.
func flowOf(t testing.TB, path string, parts ...string) *jobnet.Flow {
	t.Helper()
	j := &jobnet.Jobnet{Path: path}
	for _, p := range parts {
		name, before, _ := strings.Cut(p, " < ")
		name, host, _ := strings.Cut(name, "@")
		part := jobnet.Part{Name: name, Kind: jobnet.KindJob, Script: name, Host: host}
		if label, value, ok := strings.Cut(host, "="); ok {
			part.Host, part.HostLabels = "", []jobnet.Label{{Name: label, Value: value}}
		}
		for _, b := range strings.Fields(before) {
			part.After = append(part.After, jobnet.After{Part: b, Outlet: jobnet.OutletDone})
		}
		j.Parts = append(j.Parts, part)
	}
	return compiled(t, j)
}

func compiled(t testing.TB, j *jobnet.Jobnet) *jobnet.Flow {
	t.Helper()
	f, problems := jobnet.Compile(j, nil)
	if len(problems) > 0 {
		t.Fatalf("cannot compile: %+v", problems)
	}
	return f
}

func submission(f *jobnet.Flow, key string) Submit {
	body := f.Encode()
	return Submit{
		By: operator, Key: key, RequestHash: "hash of " + f.Jobnet, FlowBody: body,
		Submission: engine.Submission{Flow: f, FlowHash: jobnet.Hash(body), Version: 1, Date: banto.Date{Year: 2026, Month: 11, Day: 21}},
	}
}

func (w *world) submit(f *jobnet.Flow) banto.TrackerID {
	w.t.Helper()
	row, _, err := w.r.Submit(context.Background(), submission(f, ""))
	if err != nil {
		w.t.Fatalf("cannot submit: %v", err)
	}
	return row.ID
}

func (w *world) tracker(id banto.TrackerID) banto.Tracker {
	w.t.Helper()
	row, err := w.store.Tracker(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return row
}

// states gives the parts of a tracker as "a=ok b=error(exit)".
func (w *world) states(id banto.TrackerID) string {
	w.t.Helper()
	parts, err := w.store.Parts(context.Background(), id, 0, "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, p := range parts {
		s := fmt.Sprintf("%s=%s", p.Key, p.State)
		if p.Reason != "" {
			s += "(" + string(p.Reason) + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func (w *world) wantStates(id banto.TrackerID, tracker banto.TrackerState, parts string) {
	w.t.Helper()
	if got := w.tracker(id); got.State != tracker || w.states(id) != parts {
		w.t.Fatalf("tracker is %s (%s) with %s, want %s with %s", got.State, got.Message, w.states(id), tracker, parts)
	}
}

// settled waits until nothing moves any more (inside a synctest bubble).
func settled() { synctest.Wait() }

// pass lets time pass in the bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// same checks that memory equals what a rebuild makes of the store.
func (w *world) same() {
	w.t.Helper()
	pass(confirmedPause)
	got := ask(context.Background(), w.r, digest)
	ctx := context.Background()
	fresh := New(Options{Store: w.store, Hosts: w.field.newLink(), IDs: w.ids, LocalHost: hostA})
	for id, s := range ask(ctx, w.r, func(*memory) map[banto.HostID]HostSession { return w.r.sessions }) {
		fresh.sessions[id] = s
	}
	fresh.opt.Clock = w.r.opt.Clock
	fresh.doubts = ask(ctx, w.r, func(*memory) map[banto.HostID]*doubt { return maps.Clone(w.r.doubts) })
	fresh.started = w.r.started
	if err := fresh.rebuild(ctx); err != nil {
		w.t.Fatal(err)
	}
	if want := digest(fresh.mem); got != want {
		w.t.Fatalf("memory is not what the store holds:\n--- memory\n%s--- store\n%s", got, want)
	}
}

// digest writes down all that a rebuild has to bring back.
func digest(m *memory) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for id, t := range m.trackers {
		row, err := json.Marshal(t.Row())
		add("tracker %s %s %v", id, row, err)
		add("tracker %s resumes %v waits for %q", id, t.Resume(), m.waitsFor(id, hostA))
	}
	for id, l := range m.live {
		add("attempt %s %+v", id, l)
	}
	for id, on := range m.onHost {
		add("on %s: %d", id, len(on))
	}
	for id, host := range m.outbox {
		add("order %s for %s", id, host)
	}
	for id, h := range m.hosts {
		running, waiting := m.board.Load(id)
		row, err := json.Marshal(h)
		add("host %s %s %v, %d running, %d waiting, shells %v", id, row, err, running, waiting, m.shells[id])
		add("host %s is %v", h.Name, m.board.Members(h.Name))
	}
	for name, id := range m.names {
		add("name %s of %s", name, id)
	}
	for name, g := range m.groups {
		add("group %s %+v: %v", name, *g, m.board.Members(name))
	}
	for name, a := range m.accounts {
		add("account %s %+v", name, *a)
	}
	for name, s := range m.logons {
		row, err := json.Marshal(s)
		add("logons %s %s %v", name, row, err)
	}
	for k, t := range m.timers.by {
		add("timer %v at %s", k, t.at.UTC().Format(time.RFC3339Nano))
	}
	for k := range m.wanted {
		add("a place is wanted: %v", k)
	}
	for id := range m.blocked {
		add("blocked %s", id)
	}
	add("lost: %d; hosts: %d, %d, %d", m.lost, m.inState[banto.HostConnected], m.inState[banto.HostLost], m.inState[banto.HostNever])
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// countedIDs gives tracker IDs in order.
type countedIDs struct {
	mu sync.Mutex
	n  int
}

func (c *countedIDs) Tracker() banto.TrackerID {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return trackerID(c.n)
}

func trackerID(n int) banto.TrackerID {
	tail := make([]byte, 7)
	for i := len(tail) - 1; i >= 0; i-- {
		tail[i] = banto.IDAlphabet[n%32]
		n /= 32
	}
	return banto.TrackerID("20261121-" + string(tail))
}

// testStore is the real store with faults that a test puts in.
type testStore struct {
	store.Store
	mu     sync.Mutex
	writes int
	plain  int               // of writes, those that are not of one who remembers
	before func(n int) error // of the n-th write
	after  func(n int) error // after its commit
	look   func(row any) error
}

var errDisk = errors.New("disk quota exceeded")

// set changes the faults; nil for none.
func (s *testStore) set(before, after func(n int) error, look func(row any) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after, s.look = before, after, look
}

func (s *testStore) Write(ctx context.Context, fn func(store.Tx) error) error {
	s.mu.Lock()
	s.writes++
	if !store.Remembers(ctx) {
		s.plain++
	}
	n, before, after, look := s.writes, s.before, s.after, s.look
	s.mu.Unlock()
	if before != nil {
		if err := before(n); err != nil {
			return err
		}
	}
	err := s.Store.Write(ctx, func(tx store.Tx) error {
		if look != nil {
			tx = lookingTx{tx, look}
		}
		return fn(tx)
	})
	if err == nil && after != nil {
		err = after(n)
	}
	return err
}

func (s *testStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// lookingTx shows rows to a test, which may refuse them.
type lookingTx struct {
	store.Tx
	look func(row any) error
}

func (t lookingTx) PutAttempt(a banto.Attempt) error {
	if err := t.look(a); err != nil {
		return err
	}
	return t.Tx.PutAttempt(a)
}

func (t lookingTx) PutScript(hash string, body []byte) error {
	if err := t.look(body); err != nil {
		return err
	}
	return t.Tx.PutScript(hash, body)
}

func (t lookingTx) PutOutbox(e store.OutboxEntry) error {
	if err := t.look(e); err != nil {
		return err
	}
	return t.Tx.PutOutbox(e)
}
