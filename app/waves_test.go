package app

import "testing"

func TestWavesOfConnections(t *testing.T) {
	var w waves
	for i, look := range []struct {
		now  int
		over bool
	}{
		{1, false}, {1, false}, {300, false}, {300, false}, // too few
		{4000, false}, {9000, false}, {10_000, false}, {10_003, true}, {10_003, false}, // more come, then no more
		{9900, false}, {9900, false}, // a few go
		{0, false}, {0, true}, {0, false},
	} {
		if over := w.over(look.now); over != look.over {
			t.Errorf("look %d, at %d connections: %v", i, look.now, over)
		}
	}
}
