//go:build !race

package sim

// defaultSeeds are as many as fit into the time of all tests.
const defaultSeeds = 600
