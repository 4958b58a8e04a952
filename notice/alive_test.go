package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
)

// transport answers requests without a network, so that time can be ours.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int) (*http.Response, error) {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader("ok"))}, nil
}

func TestTheSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "alive")
		var ill atomic.Pointer[error]
		var asked, status atomic.Int64
		status.Store(200)
		sink := &heap{}
		a := &Alive{
			File: file, URL: "https://watch.example/ping/secret", Teller: New(Options{Sinks: []Sink{sink}}),
			Well: func(context.Context) error {
				if err := ill.Load(); err != nil {
					return *err
				}
				return nil
			},
			Client: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				asked.Add(1)
				return answer(int(status.Load()))
			})},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = a.Run(ctx) }()
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		signed := func() string { body, _ := os.ReadFile(file); return strings.TrimSpace(string(body)) }
		synctest.Wait()
		first := time.Now().UTC().Format(time.RFC3339)
		if got := signed(); got != first || asked.Load() != 1 {
			t.Errorf("at once: %q, asked %d times", got, asked.Load())
		}
		pass(61 * time.Second)
		if got := signed(); got == first || asked.Load() != 2 {
			t.Errorf("after a minute: %q, asked %d times", got, asked.Load())
		}
		last := signed()
		broken := errors.New("the store is away")
		ill.Store(&broken)
		pass(10 * time.Minute)
		if got := signed(); got != last || asked.Load() != 2 {
			t.Errorf("while it is ill: %q, asked %d times", got, asked.Load())
		}
		ill.Store(nil)
		pass(6 * time.Second)
		if got := signed(); got == last || asked.Load() != 3 {
			t.Errorf("when it is well again: %q, asked %d times", got, asked.Load())
		}
		status.Store(503)
		pass(time.Minute + 10*time.Second)
		if got := sink.take(); len(got) != 1 || got[0] != `BANTO0902W the sign of life cannot be given: url=https://watch.example why="it answered 503"` || asked.Load() != 6 {
			t.Errorf("a URL that fails: %q, asked %d times", got, asked.Load())
		}
		cancel()
		<-done
	})
}

func TestWhatDoesNotAnswerIsNotWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "alive")
		a := &Alive{File: file, Well: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = a.Run(ctx) }()
		<-time.After(5 * time.Minute)
		if _, err := os.Stat(file); err == nil {
			t.Error("a sign was given")
		}
		cancel()
		<-done
	})
}

func TestTheSignOfLifeByHTTP(t *testing.T) {
	got := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case got <- r.Method + " " + r.URL.String():
		default:
		}
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	a := &Alive{URL: srv.URL + "/ping?id=1", Well: func(context.Context) error { return nil }}
	go func() { defer close(done); _ = a.Run(ctx) }()
	if line := <-got; line != "GET /ping?id=1" {
		t.Error(line)
	}
	cancel()
	<-done
}

// A sign goes where it was wished, and nowhere else.
func TestTheSignOfLifeIsNotSentElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &heap{}
		a := &Alive{
			URL: "https://watch.example/ping", Well: func(context.Context) error { return nil }, Teller: New(Options{Sinks: []Sink{sink}}),
			Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host != "watch.example" {
					t.Errorf("it went to %s", r.URL)
				}
				res, err := answer(http.StatusFound)
				res.Header = http.Header{"Location": {"https://elsewhere.example/"}}
				return res, err
			})},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := sink.take(); len(got) != 1 || !strings.Contains(got[0], "302") {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatASignOfLifeIsNot(t *testing.T) {
	dir := t.TempDir()
	if err := CheckAlive(filepath.Join(dir, "alive"), "https://h/x"); err != nil {
		t.Error(err)
	}
	for _, c := range [][2]string{{filepath.Join(dir, "no", "alive"), ""}, {dir, ""}, {"", "h/x"}, {"", "ftp://h"}, {"", "http://"}, {"", ":"}} {
		if err := CheckAlive(c[0], c[1]); banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// What is refused may be written to a journal: no password is in it.
func TestRefusalsTellNoPassword(t *testing.T) {
	for _, text := range []string{"ftp://u:hushed@h/", "ftp://u:hushed@h @x/", "http://u:hushed@ho st/", "tls://u:hushed@h:1?bogus=1"} {
		if err := CheckAlive("", text); err == nil || strings.Contains(err.Error(), "hushed") {
			t.Errorf("a sign of life: %v", err)
		}
		if _, err := ParseSyslog(text); err == nil || strings.Contains(err.Error(), "hushed") {
			t.Errorf("syslog: %v", err)
		}
	}
}
