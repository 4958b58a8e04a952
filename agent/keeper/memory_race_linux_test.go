//go:build race

package keeper

// memoryMost is how much a keeper may hold, whatever its jobs do, in bytes: the
// race detector adds several times what the keeper itself has.
const memoryMost = 1 << 30
