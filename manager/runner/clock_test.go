package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

func TestTimesOfAHostWhoseClockIsOff(t *testing.T) {
	for name, off := range map[string]time.Duration{
		"a day ahead": 24 * time.Hour, "a day behind": -24 * time.Hour, "right": 0, "right within a second": 900 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.field.hosts[hostA].clock = off
				began := time.Now()
				id := w.running("p1", "p2")
				pass(time.Hour)
				w.field.up(w.link, hostA)
				pass(time.Hour)
				w.field.end(hostA, "p1", engine.Ended{Exit: new(int)})
				settled()
				noted := off.Milliseconds()
				if off < 2*time.Second && off > -2*time.Second {
					noted = 0
				}
				if h := w.host(hostA); h.ClockMS != noted {
					t.Errorf("noted %d ms", h.ClockMS)
				}
				rows, err := w.store.Attempts(t.Context(), id, "p1", 0, 0)
				if err != nil || len(rows) != 1 {
					t.Fatal(err)
				}
				a := rows[0]
				if a.StartedAt.Before(a.CreatedAt) || a.EndedAt.Before(*a.StartedAt) || a.EndedAt.After(time.Now()) {
					t.Errorf("made %s, started %s, ended %s", a.CreatedAt, a.StartedAt, a.EndedAt)
				}
				if got := a.EndedAt.Sub(began); got < 2*time.Hour-time.Second || got > 2*time.Hour {
					t.Errorf("ended after %s", got)
				}
				w.same()
			})
		})
	}
}

// A clock that was set while the session was open: no time is before the
// attempt was made, or in the future.
func TestTimesThatCannotBe(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		id := w.running("p1", "p2")
		pass(time.Minute)
		at := time.Now().Add(time.Hour)
		for seq, e := range []engine.Ended{
			{StartedAt: new(time.Now().Add(-time.Hour)), At: time.Now().Add(-30 * time.Minute)},
			{StartedAt: &at, At: at.Add(time.Minute)},
		} {
			e.Attempt, e.Exit = banto.NewAttemptID(id, seq+1), new(int)
			w.r.HostEnded(hostA, []engine.Ended{e})
		}
		settled()
		rows, err := w.store.Attempts(t.Context(), id, "", 0, 0)
		if err != nil || len(rows) != 2 {
			t.Fatal(err)
		}
		if a := rows[0]; !a.StartedAt.Equal(a.CreatedAt) || !a.EndedAt.Equal(a.CreatedAt) {
			t.Errorf("in the past: started %s, ended %s", a.StartedAt, a.EndedAt)
		}
		if a := rows[1]; !a.StartedAt.Equal(a.CreatedAt) || !a.EndedAt.Equal(time.Now()) { // its start is on record
			t.Errorf("in the future: started %s, ended %s", a.StartedAt, a.EndedAt)
		}
	})
}

func TestClaimsAreCounted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.running("p1", "p2")
		pass(confirmedPause)
		if h := w.host(hostA); h.Claims != 2 {
			t.Errorf("%d claims are noted", h.Claims)
		}
		w.r.Confirmed(hostA, nil, 7)
		w.r.Confirmed(hostA, nil, 3) // late
		w.r.Confirmed("h-zzzzzzzzzz", nil, 9)
		pass(confirmedPause)
		if h := w.host(hostA); h.Claims != 7 {
			t.Errorf("%d claims are noted", h.Claims)
		}
		w.field.up(w.link, hostA) // an agent that does not know them all
		settled()
		if h := w.host(hostA); h.Claims != 7 {
			t.Errorf("%d claims under the same generation", h.Claims)
		}
		w.field.down(hostA, "reset")
		w.field.hosts[hostA].gen = "gen-2"
		w.field.up(w.link, hostA)
		settled()
		if h := w.host(hostA); h.Claims != 2 {
			t.Errorf("%d claims under a new generation", h.Claims)
		}
		w.same()
	})
}

func TestLongScriptsGoByReference(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.field.up(w.link, hostA)
		long := strings.Repeat("# a long way\n", 10_000)
		f := flowOf(t, "a/b", "p1", "p2", "p3")
		f.Parts[0].Script, f.Parts[1].Script, f.Parts[2].Script = long, long, long[:maxInline]
		written := 0
		w.store.set(nil, nil, func(row any) error {
			if body, ok := row.([]byte); ok && string(body) == long {
				written++
			}
			return nil
		})
		check := func(id banto.TrackerID) {
			t.Helper()
			w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok p3=ok")
			for _, c := range w.field.hosts[hostA].claims {
				long := c.spec.Part != "p3"
				if long != (c.spec.ScriptHash != "") || long != (c.spec.Script == "") {
					t.Errorf("%s: %d bytes, hash %q", c.spec.Part, len(c.spec.Script), c.spec.ScriptHash)
					continue
				}
				if !long {
					continue
				}
				if body, err := w.store.Script(t.Context(), c.spec.ScriptHash); err != nil || len(body) != 130_000 {
					t.Errorf("%d bytes, %v", len(body), err)
				}
			}
		}
		for range 3 {
			id := w.submit(f)
			settled()
			check(id)
		}
		if written != 1 {
			t.Errorf("the script was written %d times", written)
		}

		// Of a transaction that failed nothing is remembered.
		f.Parts[0].Script += "true\n"
		f.Parts[1].Script, f.Parts[2].Script = "true", "true"
		w.store.set(once(store.ErrFull), nil, nil)
		id := w.submit(f)
		settled()
		w.wantStates(id, banto.TrackerOK, "p1=ok p2=ok p3=ok")
		for _, c := range w.field.hosts[hostA].claims {
			if c.spec.ScriptHash == "" {
				continue
			}
			if _, err := w.store.Script(t.Context(), c.spec.ScriptHash); err != nil {
				t.Error(err)
			}
		}
		w.same()
	})
}
