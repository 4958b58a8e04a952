package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/ids"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/manager/outputs"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

const localHost = banto.HostID("h-0000000001")

// world is a whole manager but for the fabric: its one host is played by the
// test.
type world struct {
	t       *testing.T
	store   *sqlite.Store
	runner  *runner.Runner
	designs *designs.Designs
	outputs *outputs.Store
	host    *host
	server  *server
	url     string
	clock   *clock // of the API alone
	admin   string // tokens
	reader  string
	client  *client.Client

	enrolment *enrolment
	problems  map[banto.HostID]string // to be set before a request
}

// clock is the system's, and what a test puts on top.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// enrolment signs nothing, and can fail.
type enrolment struct{ fail atomic.Bool }

func (e *enrolment) Issue(id banto.HostID, key string) (string, error) {
	if e.fail.Load() {
		return "", errors.New("no key to sign with")
	}
	return "jwt of " + string(id) + " " + key, nil
}

func (e *enrolment) Endpoints(string) []string {
	return []string{"tls://banto.example.com:8601", "wss://banto.example.com:8600/fabric"}
}

func (e *enrolment) CA() string { return "-----BEGIN CERTIFICATE-----" }

// newWorld starts a manager with a host that carries out "ok", "fail",
// "print TEXT" at once, and anything else when the test says so.
func newWorld(t *testing.T, change ...func(*runner.Options)) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{t: t, clock: &clock{}, enrolment: &enrolment{}, problems: map[banto.HostID]string{}}
	var err error
	if w.store, err = sqlite.Open(ctx, t.TempDir(), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Begin(ctx, "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	if w.outputs, err = outputs.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.admin = w.token("root", true)
	w.reader = w.token("reader", false)
	w.write(func(tx store.Tx) error {
		return tx.PutHost(banto.Host{ID: localHost, Name: "local", State: banto.HostNever, Slots: 1000, Since: time.Now(), EnrolledAt: time.Now()})
	})
	w.host = &host{t: t, outputs: w.outputs, waiting: map[banto.AttemptID]fabric.StartOrder{}, changed: make(chan struct{})}
	options := runner.Options{
		Store: w.store, Hosts: w.host, IDs: ids.Source{Rand: rand.Reader, Now: time.Now}, LocalHost: localHost,
	}
	for _, c := range change {
		c(&options)
	}
	w.runner = runner.New(options)
	w.host.inbox = w.runner
	w.designs = designs.New(designs.Options{
		Store: w.store, Now: time.Now, KnownHost: func(ctx context.Context, name string) (bool, error) {
			_, err := w.store.Host(ctx, name)
			return err == nil, nil
		},
		Changed: func() {
			if err := w.runner.Reload(ctx); err != nil {
				t.Error(err)
			}
		},
	})
	done := make(chan error, 1)
	go func() { done <- w.runner.Run(ctx) }()
	<-w.runner.Ready()
	w.runner.HostUp(runner.HostSession{ID: localHost, At: time.Now(), Hello: fabric.Hello{Name: "local", Slots: 1000, Generation: "g", BootID: "b"}})
	w.server = build(Options{
		Store: w.store, Runner: w.runner, Designs: w.designs, Outputs: w.outputs, Auth: auth.Authenticator{Tokens: w.store},
		Version: banto.VersionInfo{Version: "1.4.0", API: "v1"}, AllowedHosts: []string{"banto.example.com"},
		Now: w.clock.Now, Enrol: w.enrolment, URL: "https://banto.example.com:8600", Fingerprint: "sha256:" + strings.Repeat("ab", 32),
		Environment: "production", Colour: "red", Guarded: true, Data: t.TempDir(),
		Problems: func(id banto.HostID) string { return w.problems[id] },
	})
	srv := httptest.NewServer(w.server.handler())
	w.url = srv.URL
	w.client = client.New(srv.URL, w.admin, client.WithBackoff(time.Millisecond))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		cancel()
		<-done
		_ = w.outputs.Close()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) write(fn func(store.Tx) error) {
	w.t.Helper()
	if err := w.store.Write(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) token(name string, admin bool) string {
	token, hash := auth.NewToken(rand.Reader)
	w.write(func(tx store.Tx) error {
		return tx.PutToken(store.Token{Hash: hash, Principal: banto.Principal{Name: name, Admin: admin}, CreatedAt: time.Now()})
	})
	return token
}

func (w *world) apply(texts ...string) {
	w.t.Helper()
	var req banto.ApplyRequest
	for i, text := range texts {
		req.Files = append(req.Files, banto.File{Name: fmt.Sprintf("f%d.yaml", i), Text: text})
	}
	if _, err := w.client.Apply(w.t.Context(), req); err != nil {
		w.t.Fatalf("apply: %v", problems(err))
	}
}

func (w *world) submit(path string) banto.Tracker {
	w.t.Helper()
	tr, created, err := w.client.Submit(w.t.Context(), banto.SubmitRequest{Jobnet: path}, "")
	if err != nil || !created {
		w.t.Fatalf("submit: %v, created %v", err, created)
	}
	return tr
}

// ended follows a tracker to its end.
func (w *world) ended(id banto.TrackerID) banto.Tracker {
	w.t.Helper()
	return w.until(id, func(t banto.Tracker) bool { return t.State.Ended() })
}

// until follows a tracker until something holds.
func (w *world) until(id banto.TrackerID, holds func(banto.Tracker) bool) banto.Tracker {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	var last banto.Tracker
	err := w.client.Watch(ctx, id, func(e banto.TrackerEvent) error {
		if last = e.Tracker; holds(last) {
			return client.ErrStop
		}
		return nil
	})
	if err != nil {
		w.t.Fatalf("watch: %v; last seen %+v", err, last)
	}
	return last
}

// call sends a request as it stands and gives status and body.
func (w *world) call(method, path, body string, header ...string) (int, http.Header, string) {
	w.t.Helper()
	return w.callAt(w.url, method, path, body, header...)
}

// callAt does so at another manager.
func (w *world) callAt(url, method, path, body string, header ...string) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.admin)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		switch {
		case header[i] == "Host":
			req.Host = header[i+1]
		case header[i+1] == "":
			req.Header.Del(header[i])
		default:
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// host plays the gateway and the one host behind it.
type host struct {
	t       *testing.T
	inbox   runner.Inbox
	outputs *outputs.Store

	mu      sync.Mutex
	waiting map[banto.AttemptID]fabric.StartOrder // started, and not yet ended
	seen    map[string]bool
	changed chan struct{} // closed and renewed when waiting has changed
}

// Deliver takes orders and confirms them.
func (h *host) Deliver(id banto.HostID, orders []fabric.Order) {
	var done []string
	for _, o := range orders {
		done = append(done, o.ID)
		h.mu.Lock()
		if h.seen == nil {
			h.seen = map[string]bool{}
		}
		again := h.seen[o.ID]
		h.seen[o.ID] = true
		h.mu.Unlock()
		switch {
		case again:
		case o.Start != nil:
			h.start(*o.Start)
		case o.Kill != nil:
			h.end(o.Kill.Attempt, -1, o.Kill.Reason)
		}
	}
	h.inbox.Confirmed(id, done, 0)
}

// Acknowledge is of no interest here.
func (h *host) Acknowledge(banto.HostID, []banto.AttemptID) {}

// Enrolled and Removed are for the gateway.
func (h *host) Enrolled(banto.HostID, string, int64) {}

// Removed is likewise.
func (h *host) Recall(time.Time) {}

// RecallFrom is likewise.
func (h *host) RecallFrom(banto.HostID, time.Time) {}

func (h *host) Removed(banto.HostID, string) {}

func (h *host) start(o fabric.StartOrder) {
	h.mu.Lock()
	h.waiting[o.Attempt] = o
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	h.inbox.HostStarted(localHost, []engine.Started{{Attempt: o.Attempt, At: time.Now()}})
	word, rest, _ := strings.Cut(strings.TrimSpace(o.Spec.Script), " ")
	switch word {
	case "ok":
		h.end(o.Attempt, 0, "")
	case "fail":
		h.end(o.Attempt, 1, "")
	case "print":
		h.print(o.Attempt, rest)
		h.end(o.Attempt, 0, "")
	}
}

// print adds to an attempt's output.
func (h *host) print(id banto.AttemptID, text string) {
	_, size, err := h.outputs.Read(id, 0, 0)
	if err != nil {
		h.t.Error(err)
	}
	if _, err := h.outputs.Write(id, size, []byte(text)); err != nil {
		h.t.Error(err)
	}
}

// end reports an attempt's end; exit -1 is none.
func (h *host) end(id banto.AttemptID, exit int, reason banto.Reason) {
	h.mu.Lock()
	_, ok := h.waiting[id]
	delete(h.waiting, id)
	h.mu.Unlock()
	if !ok {
		return
	}
	_, size, err := h.outputs.Read(id, 0, 0)
	if err != nil {
		h.t.Error(err)
	}
	now := time.Now()
	e := engine.Ended{Attempt: id, StartedAt: &now, At: now, Reason: reason, OutputSize: size}
	if exit >= 0 {
		e.Exit = &exit
	}
	h.inbox.HostEnded(localHost, []engine.Ended{e})
}

// started waits until an attempt of the part runs, and gives it.
func (h *host) started(t *testing.T, part banto.PartKey) banto.AttemptID {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		h.mu.Lock()
		changed := h.changed
		for id, o := range h.waiting {
			if o.Spec.Part == part {
				h.mu.Unlock()
				return id
			}
		}
		h.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("part %s was never started", part)
		}
	}
}

// problems spells an error with its problems, for failures of tests.
func problems(err error) string {
	return fmt.Sprintf("%v %+v", err, problemsOf(err))
}

func decodeInto(t *testing.T, body string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), v); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
}
