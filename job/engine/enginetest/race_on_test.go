//go:build race

package enginetest

// defaultSeeds is fewer under the race detector, which is ten times as slow.
const defaultSeeds = 300
