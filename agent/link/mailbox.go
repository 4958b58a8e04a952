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
	endpoint  string
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

// changed says that the connection has come up or gone, and at which endpoint.
func (b *mailbox) changed(connected bool, endpoint string, err error) {
	b.mu.Lock()
	b.change, b.connected, b.endpoint, b.err = true, connected, endpoint, err
	b.mu.Unlock()
	b.poke()
}

func (b *mailbox) poke() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// news is what the mailbox held.
type news struct {
	frames    [][]byte
	change    bool
	connected bool
	endpoint  string
	err       error
}

func (b *mailbox) take() news {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := news{b.frames, b.change, b.connected, b.endpoint, b.err}
	b.frames, b.bytes, b.change = nil, 0, false
	return n
}
