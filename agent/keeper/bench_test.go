package keeper

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// bench is one test's keeper and the agent's end of it.
type bench struct {
	*testing.T
	ctx   context.Context
	dir   string
	allow Allow
	c     *Client
	pid   int // the keeper's
	hear  Event
	last  *Hello
}

const testTracker = banto.TrackerID("20261121-0000000")

func try(n int) banto.AttemptID { return banto.NewAttemptID(testTracker, n) }

func setUp(t *testing.T) *bench {
	t.Helper()
	return setUpIn(t, filepath.Join(tempDir(t), "k"))
}

// log wants a line of the keeper's log to hold a text.
func (b *bench) log(text string) {
	b.Helper()
	if all, err := os.ReadFile(filepath.Join(b.dir, logName)); err != nil || !strings.Contains(string(all), text) {
		b.Fatalf("the keeper's log does not say %q (%v):\n%s", text, err, all)
	}
}

func setUpIn(t *testing.T, dir string) *bench {
	t.Helper()
	t.Setenv(asKeeperEnv, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	b := &bench{T: t, ctx: ctx, dir: dir, allow: Allow{Root: true}}
	t.Cleanup(func() {
		if b.pid > 0 {
			b.killKeeper()
		}
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(b.dir, logName))
			t.Logf("keeper's log:\n%s", text)
		}
	})
	b.connect()
	return b
}

func (b *bench) connect() {
	b.Helper()
	c, err := Connect(b.ctx, ClientOptions{Dir: b.dir, Version: "test", Allow: b.allow})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	b.c, b.hear = c, Event{}
	b.await(func() bool { return b.hear.Hello != nil })
	b.pid, b.last = b.hear.Hello.PID, b.hear.Hello
}

// await takes events until the condition holds.
func (b *bench) await(ok func() bool) {
	b.Helper()
	for !ok() {
		select {
		case e, open := <-b.c.Events():
			if !open {
				b.Fatalf("the connection was lost; heard %+v", b.hear)
			}
			if e.Hello != nil {
				b.hear.Hello = e.Hello
			}
			b.hear.Done, b.hear.Claims = max(b.hear.Done, e.Done), max(b.hear.Claims, e.Claims)
			b.hear.Problem, b.hear.NotReplaced = cmp.Or(e.Problem, b.hear.Problem), cmp.Or(e.NotReplaced, b.hear.NotReplaced)
			b.hear.Started = append(b.hear.Started, e.Started...)
			b.hear.Output = append(b.hear.Output, e.Output...)
			b.hear.Ended = append(b.hear.Ended, e.Ended...)
			b.hear.Cleaned = append(b.hear.Cleaned, e.Cleaned...)
			b.hear.Recalled = cmp.Or(e.Recalled, b.hear.Recalled)
		case <-b.ctx.Done():
			b.Fatalf("waited too long; heard %+v", b.hear)
		}
	}
}

func (b *bench) send(r Request) {
	b.Helper()
	if err := b.c.Send(r); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) start(n int, spec banto.Spec) {
	b.Helper()
	spec.Tracker, spec.Part, spec.Attempt = testTracker, "p", n
	b.send(Request{Start: []Start{{Attempt: try(n), Spec: spec}}})
}

func (b *bench) started(n int) Started {
	b.Helper()
	var got Started
	b.await(func() bool {
		for _, s := range b.hear.Started {
			if s.Attempt == try(n) {
				got = s
				return true
			}
		}
		return false
	})
	return got
}

func (b *bench) ended(n int) Ended {
	b.Helper()
	var got Ended
	b.await(func() bool {
		for _, e := range b.hear.Ended {
			if e.Attempt == try(n) {
				got = e
				return true
			}
		}
		return false
	})
	return got
}

// wrote waits until an attempt's output holds a text.
func (b *bench) wrote(n int, text string) {
	b.Helper()
	b.await(func() bool { return strings.Contains(b.output(n), text) })
}

func (b *bench) run(n int, spec banto.Spec) Ended {
	b.Helper()
	b.start(n, spec)
	return b.ended(n)
}

func (b *bench) output(n int) string {
	b.Helper()
	var all []byte
	buf := make([]byte, 32<<10)
	for {
		got, err := b.c.ReadOutput(try(n), int64(len(all)), buf)
		all = append(all, buf[:got]...)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrNotExist) {
			return string(all)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// allowing connects anew and says which OS users jobs may run as.
func (b *bench) allowing(a Allow) {
	b.Helper()
	b.c.Close()
	b.allow = a
	b.connect()
}

func wantExit(t *testing.T, e Ended, code int) {
	t.Helper()
	if e.Exit == nil || *e.Exit != code || e.Reason != "" || e.Message != "" || e.StartedAt == nil {
		t.Fatalf("want exit %d, got %+v", code, e)
	}
}
