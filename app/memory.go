package app

import "runtime"

// How much a process may allocate, beside what it holds, before garbage is
// collected. Go collects when the heap has doubled, which a process of a few MiB
// does a hundred times a second under load.
const (
	serverHeadroom = 24 << 20
	agentHeadroom  = 8 << 20
	keeperHeadroom = 8 << 20
)

// headroom lets the heap grow by so many bytes more between two collections,
// until release is called: by as much of memory that is never touched, and so
// never taken from the system.
func headroom(size int) (release func()) {
	untouched := make([]byte, size)
	return func() { runtime.KeepAlive(untouched) }
}
