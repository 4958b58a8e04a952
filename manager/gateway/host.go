package gateway

import (
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// maxMail is how many bytes of a host's frames may wait. What is more is
// dropped, and the host repeats it: a flood costs only its sender.
const maxMail = 16 << 20

// host is the mailbox of a host's loop.
type host struct {
	id     banto.HostID
	signal chan struct{}

	mu sync.Mutex
	mail
	bytes int
}

type mail struct {
	orders  []fabric.Order
	acks    []banto.AttemptID
	frames  [][]byte
	dropped int
	ask     bool
}

func (h *host) receive(data []byte) {
	h.mu.Lock()
	if h.bytes+len(data) > maxMail {
		h.dropped++
	} else {
		h.frames = append(h.frames, data)
		h.bytes += len(data) + 64
	}
	h.mu.Unlock()
	h.poke()
}

func (h *host) poke() {
	select {
	case h.signal <- struct{}{}:
	default:
	}
}

func (h *host) take() mail {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.mail
	h.mail, h.bytes = mail{}, 0
	return m
}

// complaint limits how often the same thing is logged.
type complaint struct {
	mu    sync.Mutex
	last  time.Time
	count int
}

// due counts, and says whether it is time to log, and how many since last.
func (c *complaint) due(now time.Time) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	if now.Sub(c.last) < 10*time.Second {
		return 0, false
	}
	n := c.count
	c.last, c.count = now, 0
	return n, true
}
