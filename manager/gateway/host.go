package gateway

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// maxMail is how many bytes of a host's frames may wait. What is more is
// dropped, and the host repeats it: a flood costs only its sender.
const maxMail = 16 << 20

// problemFresh is how long a refusal is told: who is still refused is refused
// again within it.
const problemFresh = time.Minute

// mendedFresh is how long it is told that a refusal was mended, and how.
const mendedFresh = time.Hour

// host is the mailbox of a host, and its turns.
type host struct {
	id    banto.HostID
	since time.Time // it may have had contact until then, whatever this gateway knows; zero: not

	mu sync.Mutex
	mail
	turns
	bytes     int
	refused   string // what was last refused of this identity, and when
	refusedAt time.Time
	problem   string    // what the host itself says
	renewedAt time.Time // when its keeper began anew after it was refused
}

type mail struct {
	orders  []fabric.Order
	acks    []banto.AttemptID
	frames  []frame
	scripts []fetched
	known   *claims
	dropped int
	ask     bool
	rekeyed bool   // the host has a new key
	leave   string // the host is no more, and why

	managers bool          // the endpoints of the managers have changed
	quiet    time.Duration // how often the host is to be heard has changed; zero: not
	recall   *fabric.Recall
}

// frame is one as it came.
type frame struct {
	data []byte
	at   time.Time
	came time.Duration // by the clock of Options.Proved
}

// claims are what the store knows of a keeper's.
type claims struct {
	generation string
	count      int64
}

func (h *host) receive(f frame) {
	data := f.data
	h.mu.Lock()
	if h.bytes+len(data) > maxMail {
		h.dropped++
	} else {
		h.frames = append(h.frames, f)
		h.bytes += len(data) + 64
	}
	h.poke()
	h.mu.Unlock()
}

// post puts something in the mailbox.
func (h *host) post(put func(*mail)) {
	h.mu.Lock()
	put(&h.mail)
	h.poke()
	h.mu.Unlock()
}

func (h *host) take() mail {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.mail
	h.mail, h.bytes = mail{}, 0
	return m
}

// noteRefusal keeps what was refused of this identity.
func (h *host) noteRefusal(what string, now time.Time) {
	h.mu.Lock()
	h.refused, h.refusedAt = what, now
	h.mu.Unlock()
}

// renewed notes that the keeper has begun anew: that it was put back is mended,
// and told a while longer. Another refusal stays as it is.
func (h *host) renewed(now time.Time) {
	h.mu.Lock()
	if h.refused == rolledBack {
		h.refused, h.renewedAt = "", now
	}
	h.mu.Unlock()
}

func (h *host) noteProblem(what string) {
	h.mu.Lock()
	h.problem = what
	h.mu.Unlock()
}

// trouble says what is wrong with the host, if anything.
func (h *host) trouble(now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	if h.problem != "" {
		all = append(all, h.problem)
	}
	if h.refused != "" && now.Sub(h.refusedAt) <= problemFresh {
		all = append(all, h.refused)
	}
	if !h.renewedAt.IsZero() && now.Sub(h.renewedAt) <= mendedFresh {
		all = append(all, fmt.Sprintf(begunAnew, h.renewedAt.UTC().Format("15:04:05 UTC")))
	}
	return strings.Join(all, "; ")
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
