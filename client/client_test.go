package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// serve answers with a function and gives a client of it.
func serve(t *testing.T, h http.HandlerFunc, opts ...client.Option) *client.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return client.New(srv.URL+"/", "secret", append([]client.Option{client.WithBackoff(time.Millisecond)}, opts...)...)
}

func answer(t *testing.T, w http.ResponseWriter, v any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func TestRequestCarriesTokenAndPath(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Header.Get("Authorization"), "Bearer secret"; got != want {
			t.Errorf("Authorization %q, want %q", got, want)
		}
		if got, want := r.URL.EscapedPath(), "/api/v1/jobnets/backup%2Fnightly"; got != want {
			t.Errorf("path %q, want %q", got, want)
		}
		if got, want := r.URL.RawQuery, "version=3"; got != want {
			t.Errorf("query %q, want %q", got, want)
		}
		answer(t, w, banto.JobnetDetail{Source: "jobnet: backup/nightly"})
	})
	d, err := c.Jobnet(t.Context(), "backup/nightly", 3)
	if err != nil || d.Source != "jobnet: backup/nightly" {
		t.Fatalf("got %+v, %v", d, err)
	}
}

func TestProblemIsTheManagersOwn(t *testing.T) {
	want := banto.Fail(banto.KindInvalid, "cannot apply", "1 problem", "do this")
	want.Problems = []banto.Problem{{File: "a.yaml", Line: 3, Column: 2, Message: "no", Hint: "yes"}}
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"type":"x","title":"t","status":422,"detail":"d","kind":"invalid","what":"cannot apply",
			"why":"1 problem","hint":"do this","problems":[{"file":"a.yaml","line":3,"column":2,"message":"no","hint":"yes"}]}`)
	})
	_, err := c.Apply(t.Context(), banto.ApplyRequest{})
	var got *banto.ErrorInfo
	if !errors.As(err, &got) {
		t.Fatalf("got %T %v", err, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(banto.ErrorInfo{})); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoManager(t *testing.T) {
	tests := []struct {
		name string
		h    http.HandlerFunc
		kind banto.Kind
		why  string
	}{
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello") }, banto.KindUnreachable, "not what was expected"},
		{"not found", http.NotFound, banto.KindUnreachable, "404 Not Found"},
		{"a proxy without a manager", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, banto.KindUnavailable, "502"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
		}, banto.KindUnreachable, "302"},
		{"a problem of another kind", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, `{"title":"teapot"}`)
		}, banto.KindUnreachable, "418"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := serve(t, tt.h, client.WithPatience(time.Millisecond)).Tracker(t.Context(), "20261121-7k3mq0x")
			if banto.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("got %v (%s), want %s with %q", err, banto.KindOf(err), tt.kind, tt.why)
			}
		})
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	_, err := client.New(url, "").Version(t.Context())
	want := "cannot reach the manager at " + url + ": connection refused (is it running? banto up)"
	if err == nil || err.Error() != want || banto.KindOf(err) != banto.KindUnreachable {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestURLThatCannotBeUsed(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:8600", "ftp://x", "http://", "http://[::1"} {
		_, err := client.New(url, "").Version(t.Context())
		if banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

func TestSilentManagerTimesOut(t *testing.T) {
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, client.WithTimeout(20*time.Millisecond))
	_, err := c.Hosts(t.Context())
	if banto.KindOf(err) != banto.KindUnreachable || !strings.Contains(err.Error(), "no answer within 20ms") {
		t.Errorf("got %v", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := c.Hosts(ctx)
	if !errors.Is(err, context.Canceled) || banto.KindOf(err) != banto.KindUnreachable {
		t.Errorf("got %v", err)
	}
}

func TestSubmitIsSentAgainWithItsKey(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) < 3 {
			hangUp(t, w)
			return
		}
		w.WriteHeader(http.StatusCreated)
		answer(t, w, banto.Tracker{ID: "20261121-7k3mq0x"})
	})
	tracker, created, err := c.Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "")
	if err != nil || !created || tracker.ID != "20261121-7k3mq0x" {
		t.Fatalf("got %+v, %v, %v", tracker, created, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] {
		t.Errorf("keys %q, want one key three times", keys)
	}
}

func TestSubmitGivesUpAtLast(t *testing.T) {
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); hangUp(t, w) })
	_, _, err := c.Submit(t.Context(), banto.SubmitRequest{Jobnet: "a"}, "k")
	if banto.KindOf(err) != banto.KindUnreachable || n.Load() != 4 {
		t.Errorf("got %v after %d tries", err, n.Load())
	}
}

func TestCancelIsSentOnce(t *testing.T) {
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); hangUp(t, w) })
	if _, err := c.Cancel(t.Context(), "20261121-7k3mq0x", banto.CancelRequest{}); banto.KindOf(err) != banto.KindUnreachable || n.Load() != 1 {
		t.Errorf("got %v after %d tries", err, n.Load())
	}
}

// hangUp cuts the connection without an answer.
func hangUp(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func TestAllPagesAreRead(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			answer(t, w, banto.Page[banto.Host]{Items: []banto.Host{{Name: "a"}, {Name: "b"}}, Next: "b"})
		case "b":
			answer(t, w, banto.Page[banto.Host]{Items: []banto.Host{{Name: "c"}}})
		default:
			t.Errorf("unexpected query %s", r.URL.RawQuery)
		}
	})
	hosts, err := c.Hosts(t.Context())
	if err != nil || len(hosts) != 3 {
		t.Errorf("got %v, %v", hosts, err)
	}
}

func TestAnswerWithoutEnd(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	_, err := c.Hosts(t.Context())
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestApplyTooLargeIsNotSent(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	_, err := c.Apply(t.Context(), banto.ApplyRequest{Files: []banto.File{{Name: "a", Text: strings.Repeat("x", 64<<20+1)}}})
	if banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("got %v", err)
	}
}
