package api

import (
	"context"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
)

const (
	scraperWait = 2 * time.Second // how long the store is asked who scrapes
	maxScrapers = 100
)

// Scrapers are those who were let in to the figures while the store could be
// asked who they are. While it cannot, which is when figures are wanted most, they
// are let in by that. The zero value is ready for use.
type Scrapers struct {
	mu    sync.Mutex
	known map[string]banto.Principal // by the hash of the token
}

// who says who sends a token.
func (s *server) who(ctx context.Context, r route, token string) (banto.Principal, error) {
	if !r.open {
		return s.Auth.Authenticate(ctx, token)
	}
	short, cancel := context.WithTimeout(ctx, scraperWait)
	defer cancel()
	by, err := s.Auth.Authenticate(short, token)
	return s.Scrapers.settle(auth.HashToken(token), by, err)
}

// settle keeps what the store said, or says what it said last.
func (c *Scrapers) settle(hash string, by banto.Principal, err error) (banto.Principal, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, known := c.known[hash]
	switch {
	case err == nil:
		if len(c.known) >= maxScrapers && !known {
			c.known = nil
		}
		if c.known == nil {
			c.known = map[string]banto.Principal{}
		}
		c.known[hash] = by
	case banto.KindOf(err) == banto.KindUnauthenticated:
		delete(c.known, hash)
	case known:
		return was, nil
	}
	return by, err
}
