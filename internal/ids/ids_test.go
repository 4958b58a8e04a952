package ids_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/ids"
)

func source() ids.Source {
	// Half past eight in the morning in Tokyo is the day before in UTC.
	at := time.Date(2026, 11, 22, 8, 30, 0, 0, time.FixedZone("JST", 9*60*60))
	return ids.Source{Rand: rand.Reader, Now: func() time.Time { return at }}
}

func TestTrackerIDsAreValidAndCarryTheDayInUTC(t *testing.T) {
	s := source()
	seen := map[banto.TrackerID]bool{}
	for range 1000 {
		id := s.Tracker()
		if !id.Valid() {
			t.Fatalf("%q is not valid", id)
		}
		if !strings.HasPrefix(string(id), "20261121-") {
			t.Fatalf("%q does not carry the day in UTC", id)
		}
		seen[id] = true
	}
	if len(seen) < 999 { // two the same among a thousand: one chance in 70,000
		t.Errorf("only %d different IDs of 1000", len(seen))
	}
}

func TestHostIDs(t *testing.T) {
	id := string(source().Host())
	if len(id) != 12 || !strings.HasPrefix(id, "h-") || strings.Trim(id[2:], banto.IDAlphabet) != "" {
		t.Errorf("%q is not h- and ten characters of the alphabet", id)
	}
}

func TestRandomUsesEveryCharacterAlike(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	s := ids.Source{Rand: bytes.NewReader(all)}
	text := s.Random(256)
	for _, c := range banto.IDAlphabet {
		if n := strings.Count(text, string(c)); n != 8 {
			t.Errorf("%q comes %d times, want 8", c, n)
		}
	}
}

func TestRandomPanicsWithoutChance(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("made an identifier out of nothing")
		}
	}()
	ids.Source{Rand: strings.NewReader("abc")}.Random(4)
}
