//go:build !race

package enginetest

// defaultSeeds is how many worlds a plain test run lives through.
const defaultSeeds = 1500
