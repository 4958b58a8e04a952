//go:build race

package sim

// defaultSeeds are as many as fit into the time of all tests; the race detector
// takes ten times as long, for what is one goroutine.
const defaultSeeds = 20
