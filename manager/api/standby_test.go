package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

// standby starts a second manager on the world's store, which stands by.
func (w *world) standby(leader func() string, change ...func(*Options)) string {
	w.t.Helper()
	o := Options{
		Store: w.store, Designs: w.designs, Outputs: w.outputs, Auth: auth.Authenticator{Tokens: w.store},
		Version: banto.VersionInfo{Version: "1.4.0", API: "v1"}, Name: "second",
		Leader: func(context.Context) string { return leader() },
	}
	for _, c := range change {
		c(&o)
	}
	srv := httptest.NewServer(New(o))
	w.t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

func (w *world) at(urls ...string) *client.Client {
	return client.New(strings.Join(urls, ","), w.admin, client.WithBackoff(time.Millisecond), client.WithPatience(2*time.Second))
}

// played starts a server that plays the active manager.
func played(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}

// A person works at a standby as at the active manager.
func TestAStandbyIsAsGood(t *testing.T) {
	w := newWorld(t)
	second := w.standby(func() string { return w.url })
	c := w.at(second)
	w.apply("jobnet: a\nparts:\n  one: {job: print hello}\n  two: {job: wait, after: one}\n")
	tr, created, err := c.Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "k")
	if err != nil || !created {
		t.Fatalf("%v %v", created, err)
	}
	if again, created, err := w.client.Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "k"); err != nil || created || again.ID != tr.ID {
		t.Errorf("the same key at the other: %v %v %v", again.ID, created, err)
	}
	id := w.host.started(t, "two")
	w.host.print(id, "so far\n")
	o, err := c.OutputText(t.Context(), id, 0, 10*time.Second)
	if err != nil || string(o.Data) != "so far\n" || o.Ended {
		t.Errorf("output of what runs: %+v, %v", o, err)
	}
	var last banto.Tracker
	err = c.Watch(t.Context(), tr.ID, func(e banto.TrackerEvent) error {
		if last = e.Tracker; last.State == banto.TrackerRunning {
			w.host.end(id, 0, "")
		}
		return nil
	})
	if err != nil || last.State != banto.TrackerOK {
		t.Errorf("watched: %v, %v", last.State, err)
	}
	if _, err := c.Cancel(t.Context(), tr.ID, banto.CancelRequest{}); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("the active manager's refusal: %v", err)
	}
	if page, err := c.Trackers(t.Context(), client.TrackerQuery{}); err != nil || len(page.Items) != 1 {
		t.Errorf("list: %+v, %v", page, err)
	}
	for token, want := range map[string]int{"": 401, "Bearer " + w.reader: 403} {
		if status, h, body := w.callAt(second, "POST", "/api/v1/trackers", `{"jobnet":"a"}`, "Authorization", token); status != want || len(h["X-Request-Id"]) != 1 {
			t.Errorf("token %q: %d %v %s", token, status, h, body)
		}
	}
}

// What the active manager gets of a request that was passed on.
func TestWhatIsPassedOn(t *testing.T) {
	w := newWorld(t)
	got := make(chan *http.Request, 1)
	leader := played(t, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Set("Body", string(body))
		got <- r
		rw.Header().Set("X-Request-Id", "theirs")
		rw.WriteHeader(http.StatusTeapot)
	})
	second := w.standby(func() string { return leader })
	status, header, _ := w.callAt(second, "POST", "/api/v1/trackers?x=1", `{"jobnet":"a"}`, "Idempotency-Key", "k", "X-Forwarded-For", "192.0.2.7", "Origin", second)
	if status != http.StatusTeapot || header.Get("X-Request-Id") != "theirs" || len(header["X-Content-Type-Options"]) != 1 {
		t.Errorf("answer: %d %v", status, header)
	}
	r := <-got
	h := r.Header
	if "http://"+r.Host != leader || r.URL.RawQuery != "x=1" || h.Get("Authorization") != "Bearer "+w.admin || h.Get("Idempotency-Key") != "k" ||
		h.Get(hopHeader) == "" || h.Get("Origin") != "" || h.Get("Body") != `{"jobnet":"a"}` ||
		strings.Join(h["X-Forwarded-For"], ", ") != "192.0.2.7, 127.0.0.1" {
		t.Errorf("passed on: %s %s %v", r.Host, r.URL, h)
	}
}

func TestStreamsFlowThrough(t *testing.T) {
	w := newWorld(t)
	seen := make(chan struct{})
	leader := played(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: 1\n\n")
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-seen: // only when the first has come through
			_, _ = io.WriteString(rw, "data: 2\n\n")
		case <-r.Context().Done():
		}
	})
	second := w.standby(func() string { return leader })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, second+"/api/v1/trackers/20261121-7k3mq0x/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	in := bufio.NewReader(res.Body)
	line, err := in.ReadString('\n')
	if err != nil || line != "data: 1\n" {
		t.Fatalf("%q %v", line, err)
	}
	close(seen)
	if rest, err := io.ReadAll(in); err != nil || string(rest) != "\ndata: 2\n\n" {
		t.Errorf("%q %v", rest, err)
	}
}

func TestBodiesAreBoundedAtAStandby(t *testing.T) {
	w := newWorld(t)
	leader := played(t, func(rw http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			rw.WriteHeader(http.StatusNoContent)
		}
	})
	second := w.standby(func() string { return leader })
	for path, limit := range map[string]int{"/api/v1/trackers": bodyLimit, "/api/v1/join": joinBodyLimit} {
		if status, _, body := w.callAt(second, "POST", path, strings.Repeat(" ", limit)); status != http.StatusNoContent {
			t.Errorf("%s with as much as it takes: %d %s", path, status, body)
		}
		if status, header, body := w.callAt(second, "POST", path, strings.Repeat(" ", limit+1)); status != http.StatusRequestEntityTooLarge || !isProblem(t, header, body, banto.KindInvalid) {
			t.Errorf("%s with more: %d %s", path, status, body)
		}
	}
}

// When the active manager cannot be reached, a standby answers what it can, and
// says of the rest whether it may have been done.
func TestWithoutAnActiveManager(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  one: {job: wait}\n")
	tr := w.submit("a")
	var hops atomic.Int32
	var first, second string
	hop := func(next func() string) func() string {
		return func() string { hops.Add(1); return next() }
	}
	first = w.standby(hop(func() string { return second }))
	second = w.standby(hop(func() string { return first }))
	gone := nobody(t)
	cut := played(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }) //nolint:forbidigo // net/http's own way to cut a connection
	for name, tt := range map[string]struct {
		url  string
		said string
	}{
		"nobody knows one":       {w.standby(func() string { return "" }), banto.StandbyNotTaken},
		"it is not there":        {w.standby(func() string { return gone }), banto.StandbyNotTaken},
		"what it says is no URL": {w.standby(func() string { return "db:5432" }), banto.StandbyNotTaken},
		"two that stand by":      {first, banto.StandbyNotTaken},
		"it dies over it":        {w.standby(func() string { return cut }), banto.StandbyBrokeOff},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := w.callAt(tt.url, "POST", "/api/v1/trackers", `{"jobnet":"a"}`)
			if status != http.StatusServiceUnavailable || header.Get(banto.StandbyHeader) != tt.said || !isProblem(t, header, body, banto.KindUnavailable) {
				t.Errorf("a change: %d %v %s", status, header, body)
			}
			status, _, body = w.callAt(tt.url, "GET", "/api/v1/trackers/"+string(tr.ID), "")
			var got banto.Tracker
			if decodeInto(t, body, &got); status != http.StatusOK || got.ID != tr.ID {
				t.Errorf("a read: %d %s", status, body)
			}
			for _, path := range []string{"/api/v1/hosts", "/api/v1/hosts/local", "/api/v1/doctor", "/api/v1/trackers", "/api/v1/jobnets", "/readyz", "/healthz"} {
				if status, _, body := w.callAt(tt.url, "GET", path, ""); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			if status, header, _ := w.callAt(tt.url, "GET", "/api/v1/groups", ""); status != http.StatusServiceUnavailable || header.Get(banto.StandbyHeader) == "" {
				t.Errorf("what only the active one knows: %d", status)
			}
			if status, header, _ := w.callAt(tt.url, "GET", "/fabric", ""); status != http.StatusServiceUnavailable || header.Get(banto.StandbyHeader) == "" {
				t.Errorf("an agent: %d", status)
			}
		})
	}
}

// A request that waits at a manager that has been followed is not lost in it.
func TestAnActiveManagerThatWasFollowed(t *testing.T) {
	w := newWorld(t)
	silent := played(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	var followed atomic.Bool
	second := w.standby(func() string {
		if followed.Load() {
			return w.url
		}
		followed.Store(true)
		return silent
	})
	status, header, body := w.callAt(second, "POST", "/api/v1/trackers", `{"jobnet":"a"}`)
	if status != http.StatusServiceUnavailable || header.Get(banto.StandbyHeader) != banto.StandbyBrokeOff || !strings.Contains(body, "another manager has taken over") {
		t.Errorf("%d %v %s", status, header, body)
	}
}

// A caller whose answer is lost at one manager, and who asks another again, has
// the one tracker.
func TestSubmissionsThroughATakeOver(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  one: {job: ok}\n")
	second := w.standby(func() string { return w.url })
	var lost atomic.Int32
	first := played(t, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status, _, text := w.call(r.Method, r.URL.Path, string(body), "Idempotency-Key", r.Header.Get("Idempotency-Key"))
		if status != http.StatusCreated {
			t.Errorf("%d %s", status, text)
		}
		lost.Add(1)
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
	})
	tr, created, err := w.at(first, second).Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "")
	if err != nil || created || lost.Load() != 1 {
		t.Fatalf("%+v %v %v, lost %d", tr, created, err, lost.Load())
	}
	if page, err := w.client.Trackers(t.Context(), client.TrackerQuery{}); err != nil || len(page.Items) != 1 || page.Items[0].ID != tr.ID {
		t.Errorf("%+v, %v", page.Items, err)
	}
}

func TestHealthOfManagers(t *testing.T) {
	w := newWorld(t)
	var sick struct {
		*runner.Runner
		err  error
		held bool
	}
	sick.Runner = w.runner
	leading := true
	s := build(Options{
		Store: w.store, Runner: ailing{w.runner, &sick.err, &sick.held}, Designs: w.designs, Outputs: w.outputs, Auth: auth.Authenticator{Tokens: w.store},
		URL: "https://one:8600", Leading: func() bool { return leading }, Leader: func(context.Context) string { return "https://two:8600" },
	})
	srv := httptest.NewServer(s.handler())
	defer srv.Close()
	ready := func() (int, readiness) {
		t.Helper()
		status, _, body := w.callAt(srv.URL, "GET", "/readyz", "", "Authorization", "")
		var r readiness
		decodeInto(t, body, &r)
		return status, r
	}
	leader := func() (int, leaderInfo) {
		t.Helper()
		status, _, body := w.callAt(srv.URL, "GET", "/leader", "", "Authorization", "")
		var l leaderInfo
		decodeInto(t, body, &l)
		return status, l
	}
	if status, r := ready(); status != http.StatusOK || r.Status != "ok" || r.Role != "active" || len(r.Reasons) != 0 {
		t.Errorf("well: %d %+v", status, r)
	}
	if status, l := leader(); status != http.StatusOK || !l.Active || l.Leader != "https://one:8600" {
		t.Errorf("leader: %d %+v", status, l)
	}
	sick.err = banto.Fail(banto.KindUnavailable, "no", "the store is full", "make room")
	if status, r := ready(); status != http.StatusServiceUnavailable || len(r.Reasons) != 1 || r.Reasons[0] != (reason{"store", "the store is full"}) {
		t.Errorf("full: %d %+v", status, r)
	}
	sick.held = true
	if status, r := ready(); status != http.StatusServiceUnavailable || len(r.Reasons) != 1 || r.Reasons[0].Check != "recovery" {
		t.Errorf("held: %d %+v", status, r)
	}
	leading = false
	if status, r := ready(); status != http.StatusServiceUnavailable || len(r.Reasons) != 1 || r.Reasons[0].Check != "lease" {
		t.Errorf("deposed: %d %+v", status, r)
	}
	if status, l := leader(); status != http.StatusServiceUnavailable || l.Active || l.Leader != "https://two:8600" {
		t.Errorf("not the leader: %d %+v", status, l)
	}
}

// ailing is a runner that says of itself what a test wants.
type ailing struct {
	*runner.Runner
	err  *error
	held *bool
}

func (a ailing) Health(context.Context) error { return *a.err }
func (a ailing) Held(context.Context) bool    { return *a.held }

func TestTooMuchOfOneJobnet(t *testing.T) {
	w := newWorld(t, func(o *runner.Options) { o.Limits.PerJobnet = 1 })
	w.apply("jobnet: a\nparts:\n  one: {job: wait}\n")
	w.submit("a")
	status, header, body := w.call("POST", "/api/v1/trackers", `{"jobnet":"a"}`)
	var p refusal
	decodeInto(t, body, &p)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "10" || p.RetryAfterMS != 10_000 || p.Hint == "" || !isProblem(t, header, body, banto.KindTooMany) {
		t.Errorf("%d %v %s", status, header, body)
	}
}

func TestManagersAndHandOver(t *testing.T) {
	w := newWorld(t)
	all, err := w.client.Managers(t.Context())
	if err != nil || len(all) != 1 || !all[0].Active || all[0].Version != "1.4.0" {
		t.Errorf("alone: %+v %v", all, err)
	}
	if err := w.client.HandOver(t.Context(), banto.HandOver{}); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("alone: %v", err)
	}
	asked := make(chan banto.HandOver, 1)
	w.server.HandOver = func(_ context.Context, by banto.Principal, h banto.HandOver) error {
		if by.Name != "root" {
			t.Errorf("who asked: %+v", by)
		}
		asked <- h
		return nil
	}
	w.server.Managers = func(context.Context) ([]banto.ManagerState, error) { return nil, errors.New("down") }
	if err := w.client.HandOver(t.Context(), banto.HandOver{To: "m2", Reason: "patches"}); err != nil || (<-asked).To != "m2" {
		t.Errorf("hand over: %v", err)
	}
	if _, err := w.client.Managers(t.Context()); banto.KindOf(err) != banto.KindInternal {
		t.Errorf("the store is down: %v", err)
	}
}

func TestBackupIsAStream(t *testing.T) {
	w := newWorld(t)
	if _, err := w.client.Backup(t.Context()); banto.KindOf(err) != banto.KindUnavailable {
		t.Errorf("none: %v", err)
	}
	half := make(chan struct{})
	var fail atomic.Bool
	w.server.Backup = func(ctx context.Context, out io.Writer) error {
		if _, err := io.WriteString(out, "half "); err != nil {
			return err
		}
		select {
		case <-half:
		case <-ctx.Done():
		}
		if fail.Load() {
			return errors.New("the disk is gone")
		}
		_, err := io.WriteString(out, "whole")
		return err
	}
	first, err := w.client.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status, header, _ := w.call("GET", "/api/v1/backup", ""); status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("a second one: %d", status)
	}
	close(half)
	if text, err := io.ReadAll(first); err != nil || string(text) != "half whole" {
		t.Errorf("%q %v", text, err)
	}
	_ = first.Close()
	fail.Store(true)
	broken, err := w.client.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(broken); banto.KindOf(err) != banto.KindUnreachable {
		t.Errorf("half a backup: %v", err)
	}
	_ = broken.Close()
	page, err := w.client.Audit(t.Context(), client.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(page.Items)
	if strings.Count(string(text), `"manager.backup"`) != 3 {
		t.Errorf("on record: %s", text)
	}
}

// sharing is a store as managers share one, with a lease as a test wants it.
type sharing struct {
	*sqlite.Store
	lease  store.Lease
	proved time.Duration
}

func (s sharing) Shared() bool                               { return true }
func (s sharing) ProvedAt() time.Duration                    { return s.proved }
func (s sharing) Lease(context.Context) (store.Lease, error) { return s.lease, nil }

func TestDoctorLooksAtTheManagers(t *testing.T) {
	w := newWorld(t)
	one, two := banto.ManagerState{Name: "m1", Active: true, Version: "1.4.0"}, banto.ManagerState{Name: "m2", Version: "1.4.0"}
	silent, old := two, two
	silent.Silent, old.Version = 60_000, "1.3.0"
	good := store.Lease{Holder: "m1/7", Age: time.Second}
	for name, tt := range map[string]struct {
		lease store.Lease
		all   []banto.ManagerState
		want  []string // what is wrong, by check and object
	}{
		"well":         {good, []banto.ManagerState{one, two}, nil},
		"no lease":     {store.Lease{}, []banto.ManagerState{two, one}, []string{"lease "}},
		"an old lease": {store.Lease{Holder: "m1/7", Age: time.Minute}, []banto.ManagerState{one, two}, []string{"lease m1/7"}},
		"alone":        {good, []banto.ManagerState{one}, []string{"managers "}},
		"one silent":   {good, []banto.ManagerState{one, silent}, []string{"managers m2"}},
		"another age":  {good, []banto.ManagerState{one, old}, []string{"managers m2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := build(Options{
				Store: sharing{w.store, tt.lease, boottime.Now()}, Runner: w.runner, Designs: w.designs, Outputs: w.outputs,
				Auth: auth.Authenticator{Tokens: w.store}, Version: banto.VersionInfo{Version: "1.4.0"},
				Managers: func(context.Context) ([]banto.ManagerState, error) { return tt.all, nil },
			})
			srv := httptest.NewServer(s.handler())
			defer srv.Close()
			_, _, body := w.callAt(srv.URL, "GET", "/api/v1/doctor", "")
			var found []banto.Finding
			decodeInto(t, body, &found)
			var wrong []string
			for _, f := range found {
				if !f.OK {
					wrong = append(wrong, f.Check+" "+f.Object)
				}
			}
			if !slices.Equal(wrong, tt.want) {
				t.Errorf("wrong: %q, want %q; %+v", wrong, tt.want, found)
			}
		})
	}
}
