package ids

import (
	"io"
	"time"

	"github.com/bantoops/banto"
)

// Source makes identifiers. Both fields must be set; with a Rand and a Now
// that are safe for concurrent use, a Source is too.
type Source struct {
	Rand io.Reader        // crypto/rand.Reader but in tests
	Now  func() time.Time // time.Now but in tests
}

// Tracker makes the ID of a tracker that is submitted now.
func (s Source) Tracker() banto.TrackerID {
	return banto.TrackerID(s.Now().UTC().Format("20060102") + "-" + s.Random(7))
}

// Host makes the ID of a host that is enrolled.
func (s Source) Host() banto.HostID { return banto.HostID("h-" + s.Random(10)) }

// Random gives n random characters of banto.IDAlphabet, five bits each. It
// panics when the reader fails: without chance no identifier is safe, and the
// reader of the operating system does not fail.
func (s Source) Random(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.Rand, b); err != nil {
		panic("ids: the source of chance failed: " + err.Error()) //nolint:forbidigo // as said above
	}
	for i, c := range b {
		b[i] = banto.IDAlphabet[int(c)%len(banto.IDAlphabet)] // 32 divides 256: no character is favoured
	}
	return string(b)
}
