package link

import "sync"

// maxMail is how many bytes of frames may wait; the manager repeats what is
// dropped.
const maxMail = 64 << 20

// mailbox is what the connection has for the loop.
type mailbox struct {
	signal chan struct{}

	mu        sync.Mutex
	frames    [][]byte
	bytes     int
	change    bool
	connected bool
	err       error
}

func (b *mailbox) frame(data []byte) {
	b.mu.Lock()
	if b.bytes+len(data) <= maxMail {
		b.frames = append(b.frames, data)
		b.bytes += len(data)
	}
	b.mu.Unlock()
	b.poke()
}

// changed says that the connection has come up or gone.
func (b *mailbox) changed(connected bool, err error) {
	b.mu.Lock()
	b.change, b.connected, b.err = true, connected, err
	b.mu.Unlock()
	b.poke()
}

func (b *mailbox) poke() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

func (b *mailbox) take() (frames [][]byte, changed, connected bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	frames, changed, connected, err = b.frames, b.change, b.connected, b.err
	b.frames, b.bytes, b.change = nil, 0, false
	return frames, changed, connected, err
}
