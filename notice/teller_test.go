package notice

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// heap is a sink that keeps what it gets.
type heap struct {
	mu    sync.Mutex
	lines []string
}

func (h *heap) Send(m Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, m.Line(m.Notice.English))
}

func (h *heap) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.lines
	h.lines = nil
	return out
}

func TestANoticeGoesToTheLogAndToSinks(t *testing.T) {
	var log bytes.Buffer
	sink := &heap{}
	teller := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Sinks: []Sink{sink}})
	teller.Tell(HostLost, "host", "db01", "why", "it went away\nBANTO0101I \"all is well\"", "attempt", "")
	want := `BANTO0301W a host is lost: host=db01 why="it went away\nBANTO0101I \"all is well\""`
	if got := sink.take(); len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
	if got := log.String(); !strings.Contains(got, `level=WARN msg="a host is lost" id=BANTO0301W host=db01 why=`) {
		t.Error(got)
	}
	var none *Teller
	none.Tell(HostLost)
	none.Flush(true)
	if none.Counts() != nil || teller.Counts()[HostLost] != 1 {
		t.Error("counts")
	}
}

// What is no letter to see, such as the ends of lines of other alphabets, is
// written as what it is.
func TestNoValueLooksLikeAnotherLine(t *testing.T) {
	for value, want := range map[string]string{
		"db01": "db01", "夜間/集計": "夜間/集計", "a b": `"a b"`, "": `""`, "a=b": `"a=b"`,
		"a\x00b": `"a\x00b"`, "a\u0085b": `"a\u0085b"`, "a\u2028b": `"a\u2028b"`, "a\u202eb": `"a\u202eb"`, "a\x1b[2Jb": `"a\x1b[2Jb"`,
	} {
		if got := plain(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestAFloodIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &heap{}
		teller := New(Options{Sinks: []Sink{sink}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = teller.Run(ctx) }()
		start := time.Now().UTC().Format(time.RFC3339)
		for i := range 10_000 {
			teller.Tell(HostLost, "host", fmt.Sprint("h", i))
		}
		teller.Tell(HostBack, "host", "h1")
		if got := sink.take(); len(got) != perMinute+1 || !strings.HasPrefix(got[perMinute], string(HostBack)) {
			t.Errorf("%d at once, the last %q", len(got), got[len(got)-1])
		}
		<-time.After(62 * time.Second)
		synctest.Wait()
		want := "BANTO0301W a host is lost: more=9980 since=" + start + " last_host=h9999"
		if got := sink.take(); len(got) != 1 || got[0] != want {
			t.Errorf("after a minute %q, want %q", got, want)
		}
		teller.Tell(HostLost, "host", "h1")
		if got := sink.take(); len(got) != 1 || got[0] != "BANTO0301W a host is lost: host=h1" {
			t.Errorf("then %q", got)
		}
		if n := teller.Counts()[HostLost]; n != 10_001 {
			t.Errorf("%d were counted", n)
		}
		cancel()
		<-done
	})
}

func TestWhatWasHeldBackIsToldAtTheEnd(t *testing.T) {
	sink := &heap{}
	teller := New(Options{Sinks: []Sink{sink}, PerMinute: 1})
	for range 3 {
		teller.Tell(SubmitRefused, "limit", "rate")
	}
	teller.Flush(true)
	if got := sink.take(); len(got) != 2 || !strings.Contains(got[1], "more=2") || !strings.Contains(got[1], "last_limit=rate") {
		t.Errorf("%q", got)
	}
	teller.Flush(true)
	if got := sink.take(); len(got) != 0 {
		t.Errorf("twice: %q", got)
	}
}

func TestACallerTellsTheRestOfTheMinuteBefore(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sink := &heap{}
	teller := New(Options{Sinks: []Sink{sink}, PerMinute: 1, Now: func() time.Time { return now }})
	teller.Tell(StoreAway)
	teller.Tell(StoreAway)
	now = now.Add(2 * time.Minute)
	teller.Tell(StoreAway)
	if got := sink.take(); len(got) != 3 || !strings.Contains(got[1], "more=1") {
		t.Errorf("%q", got)
	}
}
