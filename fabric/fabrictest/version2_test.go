package fabrictest

import (
	"bytes"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/keeper"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/manager/gateway"
)

// An agent of version 2 with today's manager: all that it says counts, it is told
// nothing that it does not know, and it never has contact.
func TestAgentOfVersion2(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	m := gateway.NewMachine(9, "inc")
	m.Managers([]string{"tls://m:8601"})
	m.Recall(fabric.Recall{ID: "r", Since: now})
	m.Proved(time.Hour)
	ups, downs, recalled := 0, 0, 0
	confirmed, ended, started := map[string]bool{}, map[banto.AttemptID]bool{}, map[banto.AttemptID]bool{}
	claims, wants := int64(0), 0
	for _, r := range append(record(t, "v2", "jobs.json"), record(t, "v2", "kill.json")...) {
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
			asVersion2(t, d)
		}
		e := m.Frame(u, now)
		m.Ping(&u, time.Second, now)
		if e.Refused != "" || !e.Contact.IsZero() {
			t.Errorf("%.300s has the effects %+v", r.Frame, e)
		}
		if e.Up != nil {
			if ups++; e.Up.DeadMan {
				t.Error("its keeper has a dead man's limit")
			}
		}
		if e.Down != "" {
			downs++
		}
		for _, id := range e.Confirmed {
			confirmed[id] = true
		}
		for _, s := range e.Started {
			started[s.Attempt] = true
		}
		for _, r := range e.Ended {
			ended[r.Attempt] = true
		}
		claims, wants = max(claims, e.Claims), wants+len(e.Wants)
		for _, a := range e.Recalled {
			if recalled++; a.More || a.Whole {
				t.Errorf("recalled %+v", a)
			}
		}
	}
	// Four starts, one kill, three cleans; the agent was stopped three times.
	if ups != 3 || downs != 3 || len(started) != 4 || len(ended) != 4 || len(confirmed) != 8 || claims != 4 || wants != 1 || recalled != 1 {
		t.Errorf("%d sessions, %d ended, %d started, %d results, confirmed %v, %d claims, %d scripts, %d recalls",
			ups, downs, len(started), len(ended), confirmed, claims, wants, recalled)
	}
}

// asVersion2 checks that an agent of version 2 finds nothing in a frame that it
// does not know.
func asVersion2(t *testing.T, d fabric.Down) {
	t.Helper()
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, lacked := range []string{`"pong"`, `"managers"`, `"recall"`, `"dead_man_ms"`} {
		if bytes.Contains(b, []byte(lacked)) {
			t.Errorf("an agent of version 2 is sent %s", b)
		}
	}
	if d.Version > 4 {
		t.Errorf("version %d is sent; version 2 reads up to 4", d.Version)
	}
}

// A manager of version 2 with today's agent: what it sent then is obeyed, and it
// is not given up for what it cannot say.
func TestManagerOfVersion2(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	frames := record(t, "v2", "jobs.json")
	generation := ""
	for _, r := range frames {
		if u, err := fabric.DecodeUp(r.Frame); err == nil && u.Hello != nil {
			generation = u.Hello.Generation
		}
	}
	m := link.NewMachine("agent", func() string { return "mark" }, fabric.Hello{Name: "db01", Slots: 4})
	m.Connected(true, "nats://127.0.0.1:8601", now)
	m.Keeper(keeper.Event{Hello: &keeper.Hello{BootID: "boot", Generation: generation, Claims: 5, Shells: []string{"sh"}, Protocol: keeper.Protocol, DeadMan: true}}, now)
	hello, ok := m.Next(now, nothing)
	if !ok || hello.Hello == nil {
		t.Fatalf("it begins with %+v", hello)
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
		if d.Ask {
			continue // its session is being opened
		}
		d.Session = hello.Session // then it was the session of then
		if note := m.Frame(d, now); note != "" {
			t.Errorf("%.300s: %s", r.Frame, note)
		}
		if q, ok := m.Request(); ok {
			starts, cleans, acks = starts+len(q.Start), cleans+len(q.Clean), acks+len(q.Ack)
			m.Keeper(does(t, q, now), now)
		}
		for u, ok := m.Next(now, nothing); ok; u, ok = m.Next(now, nothing) {
			if u.Hello != nil || u.Ping != 0 {
				t.Errorf("it says %+v", u)
			}
		}
	}
	if starts != 3 || cleans != 2 || acks != 3 {
		t.Errorf("the keeper got %d starts, %d cleans and %d acknowledgements", starts, cleans, acks)
	}
	for range 60 {
		now = now.Add(time.Second)
		m.Tick(now)
		m.Next(now, nothing)
	}
	if away := m.Away(); away.Why != "" || m.Contact() != 0 {
		t.Errorf("%+v, contact %v", away, m.Contact())
	}
}

// does does at once what a keeper is asked.
func does(t *testing.T, q keeper.Request, now time.Time) keeper.Event {
	t.Helper()
	e := keeper.Event{Done: q.Seq}
	for _, s := range q.Start {
		if s.Spec.Script == "" || s.Spec.DeadManMS != 0 {
			t.Errorf("attempt %s: %+v", s.Attempt, s.Spec)
		}
		exit := 0
		e.Ended = append(e.Ended, keeper.Ended{Attempt: s.Attempt, At: now, Exit: &exit})
	}
	for _, c := range q.Clean {
		e.Cleaned = append(e.Cleaned, c.Tracker)
	}
	return e
}
