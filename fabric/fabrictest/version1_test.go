package fabrictest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/manager/gateway"
)

// recorded is a frame of an earlier version as it went over the wire, between a
// manager and an agent of that version: testdata/v1, testdata/v2.
type recorded struct {
	Way   string          `json:"way"`
	Frame json.RawMessage `json:"frame"`
}

func record(t *testing.T, version, name string) []recorded {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", version, name))
	if err != nil {
		t.Fatal(err)
	}
	var frames []recorded
	if err := json.Unmarshal(b, &frames); err != nil {
		t.Fatal(err)
	}
	return frames
}

// An agent of version 1 with today's manager: it says what it said then, at
// whatever it is sent now, and all of it counts.
func TestAgentOfVersion1(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	m := gateway.NewMachine(1, "inc")
	m.Managers([]string{"tls://m:8601"})
	m.Proved(time.Hour)
	ups, downs := 0, []string{}
	confirmed, ended, started := map[string]bool{}, map[banto.AttemptID]bool{}, map[banto.AttemptID]bool{}
	output := map[banto.AttemptID]int64{}
	for _, r := range append(record(t, "v1", "jobs.json"), record(t, "v1", "kill.json")...) {
		now = now.Add(100 * time.Millisecond)
		if r.Way == "down" { // the manager of then delivered this
			d, err := fabric.DecodeDown(r.Frame)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range d.Orders {
				m.Deliver(o)
			}
			m.Acknowledge(d.Acks)
			continue
		}
		u, err := fabric.DecodeUp(r.Frame)
		if err != nil {
			t.Fatal(err)
		}
		for d, ok := m.Next(now); ok; d, ok = m.Next(now) {
			asVersion1(t, d)
		}
		e := m.Frame(u, now)
		if e.Refused != "" || e.Wants != nil || e.Claims != 0 {
			t.Errorf("%s has the effects %+v", r.Frame, e)
		}
		if e.Up != nil {
			ups++
		}
		if e.Down != "" {
			downs = append(downs, e.Down)
		}
		for _, id := range e.Confirmed {
			confirmed[id] = true
		}
		for _, s := range e.Started {
			started[s.Attempt] = true
		}
		for _, c := range e.Output {
			output[c.Attempt] = max(output[c.Attempt], c.Offset+int64(len(c.Data)))
			m.Stored(c.Attempt, output[c.Attempt], false)
		}
		for _, r := range e.Ended {
			if output[r.Attempt] != r.OutputSize {
				t.Errorf("attempt %s: %d bytes of output, of %d", r.Attempt, output[r.Attempt], r.OutputSize)
			}
			ended[r.Attempt] = true
		}
	}
	// Three starts, one kill, two cleans; the agent was stopped twice. A start may
	// be settled by the result instead.
	if ups != 2 || len(downs) != 2 || len(started) != 3 || len(ended) != 3 || len(confirmed) != 6 {
		t.Errorf("%d sessions, down %v, %d started, %d ended, confirmed %v", ups, downs, len(started), len(ended), confirmed)
	}
}

// asVersion1 checks that an agent of version 1 finds nothing in a frame that it
// would have to understand.
func asVersion1(t *testing.T, d fabric.Down) {
	t.Helper()
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, lacked := range []string{`"renew"`, `"scripts"`, `"script_hash"`, `"pong"`, `"managers"`, `"recall"`} {
		if bytes.Contains(b, []byte(lacked)) {
			t.Errorf("an agent of version 1 is sent %s", b)
		}
	}
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Version > 2 {
		t.Errorf("version %d is sent; version 1 reads up to 2", head.Version)
	}
}

// A manager of version 1 with today's agent: what it sent then is obeyed.
func TestManagerOfVersion1(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	frames := record(t, "v1", "jobs.json")
	m := link.NewMachine("agent", func() string { return "mark" }, fabric.Hello{Name: "db01", Slots: 4})
	m.Connected(true, "nats://127.0.0.1:8601", now)
	generation := "gen"
	for _, r := range frames {
		if u, err := fabric.DecodeUp(r.Frame); err == nil && u.Hello != nil {
			generation = u.Hello.Generation
		}
	}
	m.Keeper(keeper.Event{Hello: &keeper.Hello{BootID: "boot", Generation: generation, Claims: 5, Shells: []string{"sh"}}}, now)
	hello, ok := m.Next(now, nothing)
	if !ok || hello.Hello == nil {
		t.Fatalf("it begins with %+v", hello)
	}
	if instance, n, ok := parseSession1(hello.Session); !ok || instance != "agent.mark" || n != 1 {
		t.Errorf("version 1 reads the session %s as %s, %d", hello.Session, instance, n)
	}
	var starts, cleans, acks int
	for _, r := range frames {
		if r.Way != "down" {
			continue
		}
		d, err := fabric.DecodeDown(r.Frame)
		if err != nil {
			t.Fatal(err)
		}
		d.Session = hello.Session // then it was the session of then
		if note := m.Frame(d, now); note != "" {
			t.Errorf("%s: %s", r.Frame, note)
		}
		q, ok := m.Request()
		if !ok {
			continue
		}
		starts, cleans, acks = starts+len(q.Start), cleans+len(q.Clean), acks+len(q.Ack)
		e := keeper.Event{Done: q.Seq}
		for _, s := range q.Start {
			if s.Spec.Script == "" {
				t.Errorf("attempt %s has no script", s.Attempt)
			}
			exit := 0
			e.Ended = append(e.Ended, keeper.Ended{Attempt: s.Attempt, At: now, Exit: &exit})
		}
		for _, c := range q.Clean {
			e.Cleaned = append(e.Cleaned, c.Tracker)
		}
		m.Keeper(e, now)
		for u, ok := m.Next(now, nothing); ok; u, ok = m.Next(now, nothing) {
			if len(u.Scripts) > 0 || u.Hello != nil {
				t.Errorf("it says %+v", u)
			}
		}
	}
	if starts < 2 || cleans != 1 || acks == 0 {
		t.Errorf("the keeper got %d starts, %d cleans and %d acknowledgements", starts, cleans, acks)
	}
}

func nothing(banto.AttemptID, int64, int) []byte { return nil }

// parseSession1 reads a session as version 1 does.
func parseSession1(s string) (instance string, n int, ok bool) {
	for i := len(s) - 1; i > 0; i-- {
		if s[i] == '-' {
			for _, d := range s[i+1:] {
				n = n*10 + int(d-'0')
			}
			return s[:i], n, len(s) <= 64
		}
	}
	return "", 0, false
}
