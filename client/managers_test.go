package client_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

const someTracker = banto.TrackerID("20261121-7k3mq0x")

// managers starts servers and gives a client that knows them all.
func managers(t *testing.T, opts []client.Option, handlers ...http.HandlerFunc) *client.Client {
	t.Helper()
	var urls []string
	for _, h := range handlers {
		if h == nil {
			urls = append(urls, "http://"+dead(t))
			continue
		}
		srv := httptest.NewServer(h)
		t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
		urls = append(urls, srv.URL+"/")
	}
	return client.New(strings.Join(urls, ", "), "secret", append([]client.Option{client.WithBackoff(time.Millisecond)}, opts...)...)
}

// standsBy answers as a standby that knows no active manager, or lost it.
func standsBy(t *testing.T, w http.ResponseWriter, header string) {
	t.Helper()
	w.Header().Set(banto.StandbyHeader, header)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	if _, err := io.WriteString(w, `{"kind":"unavailable","what":"cannot answer here","why":"this manager stands by"}`); err != nil {
		t.Error(err)
	}
}

func TestURLsOfSeveralManagers(t *testing.T) {
	got := client.URLs(" https://a:8600/, https://b:8600\thttp://c ,")
	if diff := cmp.Diff([]string{"https://a:8600", "https://b:8600", "http://c"}, got); diff != "" {
		t.Error(diff)
	}
	_, err := client.New("http://127.0.0.1:1, b:8600", "").Hosts(t.Context())
	if banto.KindOf(err) != banto.KindInvalid || !strings.Contains(err.Error(), `"b:8600"`) {
		t.Errorf("got %v", err)
	}
}

// A manager that is not there, or stands by and knows no other, has done
// nothing: the next is asked, whatever the call is, and stays the one.
func TestTheNextManagerIsAsked(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"nobody there": nil,
		"a standby":    func(w http.ResponseWriter, _ *http.Request) { standsBy(t, w, banto.StandbyNotTaken) },
	} {
		t.Run(name, func(t *testing.T) {
			var firsts, n atomic.Int32
			counted := first
			if first != nil {
				counted = func(w http.ResponseWriter, r *http.Request) { firsts.Add(1); first(w, r) }
			}
			c := managers(t, nil, counted, func(w http.ResponseWriter, _ *http.Request) {
				n.Add(1)
				answer(t, w, banto.Tracker{ID: someTracker})
			})
			if _, err := c.Cancel(t.Context(), someTracker, banto.CancelRequest{}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Tracker(t.Context(), someTracker); err != nil {
				t.Fatal(err)
			}
			if n.Load() != 2 || firsts.Load() > 1 {
				t.Errorf("%d calls at the second, %d at the first", n.Load(), firsts.Load())
			}
		})
	}
}

// What may have been done is sent again only if that makes no difference.
func TestWhatMayHaveBeenDone(t *testing.T) {
	for name, lost := range map[string]http.HandlerFunc{
		"the connection is cut": func(w http.ResponseWriter, _ *http.Request) { hangUp(t, w) },
		"it was followed":       func(w http.ResponseWriter, _ *http.Request) { standsBy(t, w, banto.StandbyBrokeOff) },
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var keys []string
			keep := func(key string) {
				mu.Lock()
				defer mu.Unlock()
				keys = append(keys, key)
			}
			var n atomic.Int32
			second := func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				keep(r.Header.Get("Idempotency-Key"))
				answer(t, w, banto.Tracker{ID: someTracker})
			}
			first := func(w http.ResponseWriter, r *http.Request) {
				keep(r.Header.Get("Idempotency-Key"))
				lost(w, r)
			}
			if _, err := managers(t, nil, first, second).Cancel(t.Context(), someTracker, banto.CancelRequest{}); err == nil || n.Load() != 0 {
				t.Errorf("cancel: %v, %d calls at the second", err, n.Load())
			}
			if _, err := managers(t, nil, first, second).Tracker(t.Context(), someTracker); err != nil {
				t.Errorf("read: %v", err)
			}
			mu.Lock()
			keys = nil
			mu.Unlock()
			tr, created, err := managers(t, nil, first, second).Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || created || tr.ID != someTracker || len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
				t.Errorf("submit: %+v %v %v, keys %q", tr, created, err, keys)
			}
		})
	}
}

// While nobody is active a call waits for the take-over, and says so.
func TestATakeOverIsWaitedFor(t *testing.T) {
	var n atomic.Int32
	standby := func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) < 12 {
			standsBy(t, w, banto.StandbyNotTaken)
			return
		}
		answer(t, w, banto.Tracker{ID: someTracker})
	}
	if _, err := managers(t, nil, nil, standby).Cancel(t.Context(), someTracker, banto.CancelRequest{}); err != nil {
		t.Error(err)
	}
	n.Store(-1 << 20)
	c := managers(t, []client.Option{client.WithPatience(30 * time.Millisecond)}, standby, standby)
	if _, err := c.Tracker(t.Context(), someTracker); banto.KindOf(err) != banto.KindUnavailable {
		t.Errorf("after its patience: %v", err)
	}
	n.Store(-1 << 20)
	c = managers(t, []client.Option{client.WithPatience(0)}, standby, standby)
	if _, err := c.Tracker(t.Context(), someTracker); banto.KindOf(err) != banto.KindUnavailable || n.Load() != -1<<20+1 {
		t.Errorf("without patience: %v after %d", err, n.Load()+1<<20)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c = managers(t, nil, func(w http.ResponseWriter, _ *http.Request) { cancel(); standsBy(t, w, banto.StandbyNotTaken) }, nil)
	if _, err := c.Tracker(ctx, someTracker); err == nil {
		t.Error("it went on after the caller gave up")
	}
}

// A manager's own refusal is an answer, from whichever of them.
func TestARefusalIsNotAskedForTwice(t *testing.T) {
	var n atomic.Int32
	refuse := func(kind string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			body := `{"kind":"` + kind + `","what":"no"}`
			if kind == "too-many" {
				body = `{"kind":"too-many","what":"no","retry_after_ms":1500}`
			}
			_, _ = io.WriteString(w, body)
		}
	}
	for kind, status := range map[string]int{"too-many": 429, "unavailable": 503, "conflict": 409} {
		n.Store(0)
		_, _, err := managers(t, nil, refuse(kind, status), refuse(kind, status)).Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "")
		if string(banto.KindOf(err)) != kind || n.Load() != 1 {
			t.Errorf("%s: %v after %d calls", kind, err, n.Load())
		}
	}
}

// A manager that was stopped takes a connection and answers nothing.
func TestASilentManagerIsLeft(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	c := managers(t, []client.Option{client.WithTimeout(20 * time.Millisecond)}, silent, func(w http.ResponseWriter, _ *http.Request) {
		answer(t, w, banto.Tracker{ID: someTracker})
	})
	if _, err := c.Tracker(t.Context(), someTracker); err != nil {
		t.Error(err)
	}
}

// While one that answers cannot help yet, one that is silent is not waited for.
func TestOneThatAnswersComesBeforeOneThatIsSilent(t *testing.T) {
	asked := 0
	silent := func(_ http.ResponseWriter, r *http.Request) { asked++; <-r.Context().Done() }
	tries := 0
	c := managers(t, []client.Option{client.WithTimeout(20 * time.Millisecond)}, silent, func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries < 5 {
			w.Header().Set(banto.StandbyHeader, banto.StandbyBrokeOff)
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		answer(t, w, banto.Tracker{ID: someTracker})
	})
	if _, err := c.Tracker(t.Context(), someTracker); err != nil {
		t.Error(err)
	}
	if asked != 1 {
		t.Errorf("the silent one was asked %d times", asked)
	}
}

// One of several that cannot be trusted is no reason to stop; all of them are.
func TestManagersThatCannotBeTrusted(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(t, w, banto.Tracker{}) }))
	defer good.Close()
	if _, err := client.New(untrusted.URL+","+good.URL, "").Cancel(t.Context(), someTracker, banto.CancelRequest{}); err != nil {
		t.Error(err)
	}
	_, err := client.New(untrusted.URL+","+untrusted.URL, "").Tracker(t.Context(), someTracker)
	if err == nil || !strings.Contains(err.Error(), "cannot trust") {
		t.Errorf("got %v", err)
	}
}

func TestAWatchGoesOnAtAnotherManager(t *testing.T) {
	first := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 7\ndata: {\"tracker\":{\"state\":\"running\"}}\n\n")
	}
	var last string
	second := func(w http.ResponseWriter, r *http.Request) {
		last = r.Header.Get("Last-Event-ID")
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 9\ndata: {\"tracker\":{\"state\":\"ok\"}}\n\n")
	}
	var states []banto.TrackerState
	err := managers(t, nil, first, nil, second).Watch(t.Context(), someTracker, func(e banto.TrackerEvent) error {
		states = append(states, e.Tracker.State)
		return nil
	})
	if err != nil || last != "7" || len(states) != 2 {
		t.Errorf("%v, behind %q, %v", err, last, states)
	}
}

func TestBackupIsRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(http.ResponseWriter)
		good bool
	}{
		{"whole", func(http.ResponseWriter) {}, true},
		{"broken off", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, false}, //nolint:forbidigo // net/http's own way to cut a connection
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := managers(t, nil, nil, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
				_ = http.NewResponseController(w).Flush()
				tt.end(w)
			})
			r, err := c.Backup(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if tt.good != (err == nil) || tt.good && len(text) != 100_000 || !tt.good && banto.KindOf(err) != banto.KindUnreachable {
				t.Errorf("%d bytes, %v", len(text), err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A manager whose store is away for a moment is waited for by what may be sent
// again, and by nothing else.
func TestTheStoreIsAway(t *testing.T) {
	var calls atomic.Int32
	away := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) > 6 {
				answer(t, w, banto.Tracker{ID: someTracker})
				return
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			if _, err := io.WriteString(w, body); err != nil {
				t.Error(err)
			}
		}
	}
	const soon, never = `{"kind":"unavailable","what":"cannot use the store","retry_after_ms":1000}`, `{"kind":"unavailable","what":"held"}`
	read := func(c *client.Client) error { _, err := c.Tracker(t.Context(), someTracker); return err }
	submit := func(c *client.Client) error {
		_, _, err := c.Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "k")
		return err
	}
	cancel := func(c *client.Client) error {
		_, err := c.Cancel(t.Context(), someTracker, banto.CancelRequest{})
		return err
	}
	for name, tt := range map[string]struct {
		body    string
		call    func(*client.Client) error
		options []client.Option
		want    int32
	}{
		"a read": {soon, read, nil, 7}, "a submission": {soon, submit, nil, 7}, "a move": {soon, cancel, nil, 1},
		"nobody knows for how long": {never, submit, nil, 1}, "without patience": {soon, read, []client.Option{client.WithPatience(0)}, 1},
	} {
		for _, several := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				calls.Store(0)
				handlers := []http.HandlerFunc{away(tt.body)}
				if several {
					handlers = append(handlers, away(tt.body))
				}
				err := tt.call(managers(t, tt.options, handlers...))
				if (err == nil) != (tt.want > 1) || calls.Load() != tt.want {
					t.Errorf("%d calls, want %d: %v", calls.Load(), tt.want, err)
				}
			})
		}
	}
}
