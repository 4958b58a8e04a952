package fabric_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

const (
	tracker = banto.TrackerID("20261121-7k3mq0x")
	attempt = banto.AttemptID("20261121-7k3mq0x.3")
)

func TestFramesComeBackAsTheyWere(t *testing.T) {
	exit, at := 0, time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	up := fabric.Up{Version: 2, Session: "abc.xy-1", Hello: &fabric.Hello{Name: "db01", Slots: 4, Running: []banto.AttemptID{attempt}},
		Confirmed: []string{"start:1"}, Started: []fabric.StartedReport{{Attempt: attempt, At: at}},
		Output: []fabric.OutputChunk{{Attempt: attempt, Offset: 3, Data: []byte("a\x00\xff")}},
		Ended:  []fabric.EndedReport{{Attempt: attempt, At: at, Exit: &exit, Vars: "n=1\n"}}, Bye: "bye"}
	b, err := up.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fabric.DecodeUp(b); err != nil || !reflect.DeepEqual(got, up) {
		t.Errorf("up: %+v, %v", got, err)
	}
	down := fabric.Down{Version: 2, Epoch: 7, Incarnation: "x", Session: "abc-1", Acks: []banto.AttemptID{attempt},
		Orders: []fabric.Order{
			{ID: "1", Start: &fabric.StartOrder{Attempt: attempt, Spec: banto.Spec{Tracker: tracker, Part: "a", Script: "true"}}},
			{ID: "2", Kill: &fabric.KillOrder{Attempt: attempt, Reason: banto.ReasonKilled}},
			{ID: "3", Clean: &fabric.CleanOrder{Tracker: tracker}}},
		OutputAcks: []fabric.OutputAck{{Attempt: attempt, Size: 5, Gap: true}}}
	if b, err = down.Encode(); err != nil {
		t.Fatal(err)
	}
	if got, err := fabric.DecodeDown(b); err != nil || !reflect.DeepEqual(got, down) {
		t.Errorf("down: %+v, %v", got, err)
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"v":1}`, `{"v":1,"session":"x"}`, `{"v":1,"session":"x-0"}`, `{"v":1,"session":"x-01"}`,
		`{"v":1,"session":"a-1","hello":{"running":["../../etc/passwd"]}}`,
		`{"v":1,"session":"a-1","started":[{"attempt":"20261121-7k3mq0x.0"}]}`,
		`{"v":1,"session":"a-1","output":[{"attempt":"20261121-7k3mq0x.1","offset":-1}]}`,
		`{"v":1,"session":"a-1","ended":[{"attempt":"20261121-7k3mq0x.1","output_size":-1}]}`,
		`{"v":1,"session":"a-1","ended":[{"attempt":"20261121-7k3mq0x.1","vars":"` + strings.Repeat("x", banto.MaxVarsFile+1) + `"}]}`,
	} {
		if u, err := fabric.DecodeUp([]byte(text)); err == nil {
			t.Errorf("%.80s is read as %+v", text, u)
		}
	}
	for _, text := range []string{
		`{"v":1,"orders":[{"id":"1"}]}`, `{"v":1,"orders":[{"clean":{"tracker":"20261121-7k3mq0x"}}]}`,
		`{"v":1,"orders":[{"id":"1","clean":{"tracker":".."}}]}`, `{"v":1,"acks":["x"]}`,
		`{"v":1,"orders":[{"id":"1","start":{"attempt":"20261121-7k3mq0x.1","spec":{"tracker":"20261121-7k3mq0y"}}}]}`,
		`{"v":1,"output_acks":[{"attempt":"20261121-7k3mq0x.1","size":-1}]}`,
	} {
		if d, err := fabric.DecodeDown([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, d)
		}
	}
	u, err := fabric.DecodeUp([]byte(`{"v":9,"session":"a-1"}`))
	var version *fabric.VersionError
	if !errors.As(err, &version) || version.Theirs != 9 || u.Session != "a-1" {
		t.Errorf("another version: %v, %+v", err, u)
	}
}

func TestSizesAreNeverTooSmall(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if fabric.TextSize(s) != len(b) {
			t.Fatalf("%q: %d, written %d", s, fabric.TextSize(s), len(b))
		}
		o := fabric.Order{ID: text.Draw(t, "id"), Start: &fabric.StartOrder{Attempt: attempt, Spec: banto.Spec{
			Tracker: tracker, Part: banto.PartKey(text.Draw(t, "part")), Attempt: 1 << 40, Script: s,
			Args: rapid.SliceOf(text).Draw(t, "args"), Env: rapid.SliceOf(text).Draw(t, "env"), Dir: s, Account: s, Shell: "bash",
			TimeoutMS: 1 << 50, OutputLimit: 1 << 50, WantOutput: true, ScriptHash: s, Encoding: s,
			Limits: &banto.Limits{Memory: 1 << 62, CPU: 1 << 62, Processes: 1 << 62, Files: 1 << 62, Nice: 1 << 62}, Date: banto.Date{Year: 2026, Month: 11, Day: 21}}}}
		if b, err = json.Marshal(o); err != nil || len(b) > fabric.OrderSize(&o) {
			t.Fatalf("order: measured %d, written %d, %v", fabric.OrderSize(&o), len(b), err)
		}
		at, exit := time.Date(2026, 11, 21, 1, 2, 3, 123456789, time.FixedZone("", 9*3600)), -1<<40
		e := fabric.EndedReport{Attempt: "20261121-7k3mq0x.1000000000", StartedAt: &at, At: at, Exit: &exit, Reason: banto.ReasonHostRestarted,
			Message: s, Vars: s, OutputHead: s, OutputSize: 1 << 50, OutputLost: 1 << 50}
		if b, err = json.Marshal(e); err != nil || len(b) > fabric.EndedSize(&e) {
			t.Fatalf("result: measured %d, written %d, %v", fabric.EndedSize(&e), len(b), err)
		}
		c := fabric.OutputChunk{Attempt: e.Attempt, Offset: 1 << 50, Data: []byte(s)}
		if b, err = json.Marshal(c); err != nil || len(b) > fabric.ChunkSize(len(s)) {
			t.Fatalf("output: measured %d, written %d, %v", fabric.ChunkSize(len(s)), len(b), err)
		}
	})
}

func FuzzDecodeUp(f *testing.F) {
	f.Add([]byte(`{"v":1,"session":"a-1","beat":true}`))
	f.Add([]byte(`{"v":1,"session":"a-1","hello":{"name":"x","running":["20261121-7k3mq0x.1"]},"output":[{"attempt":"20261121-7k3mq0x.1","offset":0,"data":"YQ=="}]}`))
	f.Add([]byte(`{"v":1,"session":"a-1","ended":[{"attempt":"20261121-7k3mq0x.1","at":"2026-11-21T00:00:00Z","exit":0}]}`))
	f.Add([]byte(`{"v":3,"session":"a.x-1","ping":7,"recalled":{"id":"r","piece":1,"more":true,"attempts":[{"attempt":"20261121-7k3mq0x.1","part":"a","state":"told","exit":0}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := fabric.DecodeUp(b)
		if err != nil {
			return
		}
		out, err := u.Encode()
		if err != nil {
			return // grown beyond the payload by escaping, or a time that cannot be written
		}
		if _, err := fabric.DecodeUp(out); err != nil {
			t.Fatalf("%s is written as %s: %v", b, out, err)
		}
	})
}

func FuzzDecodeDown(f *testing.F) {
	f.Add([]byte(`{"v":1,"epoch":3,"inc":"x","session":"a-1","orders":[{"id":"1","kill":{"attempt":"20261121-7k3mq0x.1","reason":"killed"}}]}`))
	f.Add([]byte(`{"v":1,"orders":[{"id":"1","start":{"attempt":"20261121-7k3mq0x.1","spec":{"tracker":"20261121-7k3mq0x","script":"true","date":""}}}],"acks":["20261121-7k3mq0x.1"]}`))
	f.Add([]byte(`{"v":3,"session":"a.x-1","pong":7,"managers":["tls://m:8601"],"recall":{"id":"r","since":"2026-11-21T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := fabric.DecodeDown(b)
		if err != nil {
			return
		}
		out, err := d.Encode()
		if err != nil {
			return
		}
		if _, err := fabric.DecodeDown(out); err != nil {
			t.Fatalf("%s is written as %s: %v", b, out, err)
		}
	})
}
