package fabric_test

import (
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// What is new in version 3 is bounded.
func TestBoundsOfVersion3(t *testing.T) {
	var many []fabric.RecalledAttempt
	for range fabric.MaxRecalled + 1 {
		many = append(many, fabric.RecalledAttempt{Attempt: attempt})
	}
	long := string(make([]byte, 300))
	for n, u := range []fabric.Up{
		{Ping: -1}, {Recalled: &fabric.Recalled{}}, {Recalled: &fabric.Recalled{ID: long}}, {Recalled: &fabric.Recalled{ID: "r", Piece: -1}},
		{Recalled: &fabric.Recalled{ID: "r", Attempts: many}},
		{Recalled: &fabric.Recalled{ID: "r", Attempts: []fabric.RecalledAttempt{{Attempt: "../etc"}}}},
		{Recalled: &fabric.Recalled{ID: "r", Attempts: []fabric.RecalledAttempt{{Attempt: attempt, State: long}}}},
		{Recalled: &fabric.Recalled{ID: "r", Attempts: []fabric.RecalledAttempt{{Attempt: attempt, Reason: banto.Reason(long)}}}},
		{Recalled: &fabric.Recalled{ID: "r", Attempts: []fabric.RecalledAttempt{{Attempt: attempt, Part: banto.PartKey(make([]byte, 5000))}}}},
	} {
		u.Session = "a.x-1"
		b, err := u.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fabric.DecodeUp(b); err == nil {
			t.Errorf("frame %d of a host is taken: %.200s", n, b)
		}
	}
	for n, d := range []fabric.Down{
		{Pong: -1}, {Managers: make([]string, fabric.MaxManagers+1)}, {Managers: []string{long}},
		{Recall: &fabric.Recall{}}, {Recall: &fabric.Recall{ID: long}},
	} {
		b, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fabric.DecodeDown(b); err == nil {
			t.Errorf("frame %d of a manager is taken: %.200s", n, b)
		}
	}
}
