package sim

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Int("seeds", defaultSeeds, "how many seeds to simulate; BANTO_SIM_SEEDS says so too")
	first = flag.Uint64("first", 1, "the first of them")
	seed  = flag.Uint64("seed", 0, "simulate this seed alone")
)

func TestSimulator(t *testing.T) {
	if *seed != 0 {
		w := newWorld(*seed)
		w.run()
		t.Logf("seed %d, %d events:\n%s", *seed, w.steps, strings.Join(w.trace, "\n"))
		if w.err != nil {
			t.Fatal(w.err)
		}
		return
	}
	n := *seeds
	if text := os.Getenv("BANTO_SIM_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("BANTO_SIM_SEEDS: %v", err)
		}
	}
	const lanes = 4
	var failed atomic.Bool
	for lane := range uint64(lanes) {
		t.Run(strconv.Itoa(int(lane)), func(t *testing.T) {
			t.Parallel()
			for s := *first + lane; s < *first+uint64(n) && !failed.Load(); s += lanes {
				if _, err := Simulate(s); err != nil {
					failed.Store(true)
					t.Fatalf("%v\nagain: go test ./sim -run TestSimulator -args -seed=%d", err, s)
				}
			}
		})
	}
}

// A seed does the same again, in every detail.
func TestASeedReplays(t *testing.T) {
	for s := uint64(1); s <= 12; s++ {
		first, err1 := Simulate(s)
		second, err2 := Simulate(s)
		if first != second || (err1 == nil) != (err2 == nil) {
			t.Errorf("seed %d: %x (%v) and then %x (%v)", s, first, err1, second, err2)
		}
	}
}
