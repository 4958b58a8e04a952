package enginetest

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

var (
	seeds = flag.Int("seeds", defaultSeeds, "how many seeds to simulate; BANTO_SIM_SEEDS says so too")
	seed  = flag.Uint64("seed", 0, "simulate this seed alone")
)

func TestSimulator(t *testing.T) {
	if *seed != 0 {
		if err := Simulate(*seed); err != nil {
			t.Fatal(err)
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
	for lane := range uint64(lanes) {
		t.Run(strconv.Itoa(int(lane)), func(t *testing.T) {
			t.Parallel()
			for s := 1 + lane; s <= uint64(n); s += lanes {
				if err := Simulate(s); err != nil {
					t.Fatalf("%v\nagain: go test ./job/engine/enginetest -run TestSimulator -args -seed=%d", err, s)
				}
			}
		})
	}
}
