package store

import (
	"fmt"

	"github.com/bantoops/banto"
)

// Outputs is what attempts have printed, outside of the transactions: pieces
// may be written twice and late, and are never forced to disk before a result
// that depends on them. Methods are safe from any goroutine.
type Outputs interface {
	// Write adds a piece of an attempt's output and gives the size that is there
	// afterwards, also with an error. What is there already is not written again.
	// A piece behind the end is refused with a *GapError.
	Write(id banto.AttemptID, offset int64, data []byte) (int64, error)
	// Read gives at most max bytes from offset on, and the size that is there. An
	// attempt without output has none, and no error.
	Read(id banto.AttemptID, offset int64, max int) ([]byte, int64, error)
	// Size gives how many bytes of an attempt's output are there.
	Size(id banto.AttemptID) (int64, error)
	// Remove removes all outputs of a tracker.
	Remove(tracker banto.TrackerID) error
	Close() error
}

// GapError says that a piece begins behind the end of what is there.
type GapError struct {
	Attempt      banto.AttemptID
	Offset, Size int64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("cannot write output of %s at %d: only %d bytes are there", e.Attempt, e.Offset, e.Size)
}
