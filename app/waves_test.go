package app

import (
	"testing"
	"time"
)

func TestWavesOfConnections(t *testing.T) {
	var w waves
	at := time.Unix(1e9, 0)
	for i, look := range []struct {
		now  int
		over bool
	}{
		{1, false}, {1, false}, {300, false}, {300, false}, // too few
		{4000, false}, {9000, false}, {10_000, false}, {10_003, true}, {10_003, false}, // more come, then no more
		{9900, false}, {9900, false}, // a few go
		{0, false}, {0, true}, {0, false},
	} {
		at = at.Add(waveRest)
		if over := w.over(look.now, at); over != look.over {
			t.Errorf("look %d, at %d connections: %v", i, look.now, over)
		}
	}
}

// Connections that come and go in turn cost no more than one tidying in a while;
// what they leave behind is tidied after it.
func TestWavesInARow(t *testing.T) {
	var w waves
	begun := time.Unix(1e9, 0)
	at, tidied := begun, 0
	for i := 0; at.Before(begun.Add(10 * waveRest)); i++ {
		n := 1
		if i/2%2 == 1 {
			n = 601
		}
		if w.over(n, at) {
			tidied++
		}
		at = at.Add(waveLook)
	}
	if tidied == 0 || tidied > 10 {
		t.Errorf("tidied %d times in ten of the shortest rests", tidied)
	}
	left := 602 - w.tidied
	if now, later := w.over(left, at), w.over(left, at.Add(waveRest)); now == later {
		t.Errorf("what is left is tidied at once: %v, later: %v", now, later)
	}
}
