//go:build !race

package keeper

// memoryMost is how much a keeper may hold, whatever its jobs do, in bytes.
const memoryMost = 240 << 20
