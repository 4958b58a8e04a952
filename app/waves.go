package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Memory of thousands of connections. A connection's stacks grow for its handshake
// to several times what they need from then on; each collection halves them, but a
// manager whose hosts do nothing collects once in minutes.
const (
	waveLook  = 3 * time.Second
	waveRest  = time.Minute // after a wave, whatever comes and goes: it costs seconds of a processor in a large house
	waveLeast = 500         // connections that have come or gone, so that it is worth it
	manyHosts = 4000        // connections; from there on less garbage is kept
	manyGC    = 50          // in percent of what is live, instead of 100
)

// waves tells when many connections have come or gone, and no more do.
type waves struct {
	last, tidied int
	at           time.Time // of tidied
}

// over takes how many connections there are at this time.
func (w *waves) over(now int, at time.Time) bool {
	calm := abs(now-w.last) <= waveLeast/50
	w.last = now
	if !calm || abs(now-w.tidied) < waveLeast || at.Sub(w.at) < waveRest {
		return false
	}
	w.tidied, w.at = now, at
	return true
}

func abs(n int) int { return max(n, -n) }

// tidy gives memory back behind waves of connections.
func (a *active) tidy(ctx context.Context) error {
	t := time.NewTicker(waveLook)
	defer t.Stop()
	var w waves
	many, set := false, os.Getenv("GOGC") != ""
	for {
		var at time.Time
		select {
		case <-ctx.Done():
			if many {
				debug.SetGCPercent(100)
			}
			return nil
		case at = <-t.C:
		}
		n := a.fabric.Connections()
		if large := n >= manyHosts || many && n >= manyHosts/2; large != many && !set {
			many = large
			percent := 100
			if many {
				percent = manyGC
			}
			debug.SetGCPercent(percent)
		}
		if w.over(n, at) {
			runtime.GC()
			runtime.GC()
			debug.FreeOSMemory()
		}
	}
}
