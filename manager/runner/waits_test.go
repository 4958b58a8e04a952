package runner

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
)

// What is wrong with a host stands behind its name where that comes last, and
// else in a sentence of its own.
func TestTroubleOfAHostInASentence(t *testing.T) {
	m := newMemory()
	m.names["db01"] = "h1"
	m.hosts["h1"] = banto.Host{ID: "h1", Name: "db01", State: banto.HostLost, Since: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC), Why: "no heartbeat"}
	const trouble = " is not connected (lost since 2026-11-22T01:00:00Z: no heartbeat)"
	for text, want := range map[string]string{
		"wants a place on db01": ", which" + trouble,
		"running on db01":       ", which" + trouble,
		"lost: db01 cannot be reached, it may still run there":                             "; db01" + trouble,
		"being killed on db01, which is lost; it counts as killed at 2026-11-22T01:01:00Z": "; db01" + trouble,
	} {
		if got := m.hostTrouble(engine.Wait{Part: "a", Text: text, OnHost: true, Host: "db01"}, nil, "", false); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
