package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

const trackerID = banto.TrackerID("20261121-7k3mq0x")

// event spells a server-sent event.
func event(t *testing.T, id string, state banto.TrackerState, revision int64, parts ...string) string {
	t.Helper()
	e := banto.TrackerEvent{Tracker: banto.Tracker{ID: trackerID, State: state, Revision: revision}}
	for _, p := range parts {
		e.Parts = append(e.Parts, banto.Part{Key: banto.PartKey(p)})
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return id + "data: " + string(b) + "\n\n"
}

// stream answers each connection with the next text, and gives the IDs asked for.
func stream(t *testing.T, texts ...string) (c *client.Client, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var ids []string
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, r.Header.Get("Last-Event-ID"))
		if len(texts) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, texts[0])
		texts = texts[1:]
	})
	return c, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(ids)
	}
}

func TestWatchUntilItHasEnded(t *testing.T) {
	c, _ := stream(t, ": hello\n\n"+event(t, "1", "running", 1, "a")+"event: ignored\r\n"+event(t, "2", "ok", 2, "a", "b"))
	var got []string
	err := c.Watch(t.Context(), trackerID, func(e banto.TrackerEvent) error {
		got = append(got, fmt.Sprintf("%s %d", e.Tracker.State, len(e.Parts)))
		return nil
	})
	if err != nil || strings.Join(got, ",") != "running 1,ok 2" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWatchGoesOnBehindTheLastWholeMessage(t *testing.T) {
	c, ids := stream(t,
		event(t, "7", "running", 7, "a"),
		event(t, "", "running", 9, "b"), // a piece whose rest was lost
		event(t, "", "ok", 9, "b")+event(t, "9", "ok", 9, "c"))
	n := 0
	err := c.Watch(t.Context(), trackerID, func(banto.TrackerEvent) error { n++; return nil })
	if err != nil || n != 4 || strings.Join(ids(), ",") != ",7,7" {
		t.Errorf("got %d events, asked for %q, %v", n, ids(), err)
	}
}

func TestWatchGivesUpAtLast(t *testing.T) {
	c, ids := stream(t, event(t, "1", "running", 1))
	err := c.Watch(t.Context(), trackerID, func(banto.TrackerEvent) error { return nil })
	if banto.KindOf(err) != banto.KindUnavailable || len(ids()) != 10 {
		t.Errorf("got %v after %d connections", err, len(ids()))
	}
}

func TestWatchEndsAsTheCallerSays(t *testing.T) {
	mine := errors.New("mine")
	for _, tt := range []struct{ give, want error }{{mine, mine}, {client.ErrStop, nil}} {
		c, ids := stream(t, event(t, "1", "running", 1))
		err := c.Watch(t.Context(), trackerID, func(banto.TrackerEvent) error { return tt.give })
		if !errors.Is(err, tt.want) || len(ids()) != 1 {
			t.Errorf("got %v after %d connections, want %v", err, len(ids()), tt.want)
		}
	}
}

func TestWatchOfNothing(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"kind":"not-found","what":"cannot follow tracker"}`)
	})
	err := c.Watch(t.Context(), trackerID, func(banto.TrackerEvent) error { return nil })
	if banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("got %v", err)
	}
}

func TestWatchOfJunk(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":       "data: {\n\n",
		"an event of 17": "data: " + strings.Repeat("x", 17<<20) + "\n\n",
	} {
		c, _ := stream(t, text)
		err := c.Watch(t.Context(), trackerID, func(banto.TrackerEvent) error { t.Error("called"); return nil })
		if banto.KindOf(err) != banto.KindUnreachable || !strings.Contains(err.Error(), "does not look like") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
