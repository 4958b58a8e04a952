package fabric

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime"
	"sync"
	"time"
)

const (
	// handshakeWait is for how long a host that connects waits for its turn: less
	// than it is patient for itself, so that nothing is computed for one that has
	// gone.
	handshakeWait = 10 * time.Second
	// handshakeTurn is how long a turn lasts at most: with TLS 1.3 nothing is waited
	// for in it. One whose host has gone meanwhile is not ended otherwise.
	handshakeTurn = 20 * time.Millisecond
	// turnsPerProcessor are under way at once.
	turnsPerProcessor = 4
)

// errManyConnect is what a host is turned away with; it tries again later.
var errManyConnect = errors.New("too many hosts connect at once")

// handshakes lets few hosts at a time do what of a TLS handshake costs processor
// time: when thousands come back at once, those that are in are still heard, and
// are not lost in their turn.
type handshakes struct {
	turns chan struct{} // a place for each that is under way
}

func newHandshakes() *handshakes {
	return &handshakes{turns: make(chan struct{}, turnsPerProcessor*runtime.GOMAXPROCS(0))}
}

// guard gives a configuration whose handshakes take turns.
func (h *handshakes) guard(c *tls.Config) *tls.Config {
	c = c.Clone()
	ask := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		this := c
		if ask != nil {
			other, err := ask(hello)
			if err != nil {
				return nil, err
			}
			if other != nil {
				this = other
			}
		}
		done, err := h.enter(hello.Context())
		if err != nil {
			return nil, err
		}
		return leaving(this, done), nil
	}
	return c
}

// enter waits for a turn, and gives what ends it.
func (h *handshakes) enter(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeWait)
	defer cancel()
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, errManyConnect
	}
	end := sync.OnceFunc(func() { <-h.turns })
	late := time.AfterFunc(handshakeTurn, end)
	return func() { late.Stop(); end() }, nil
}

// leaving gives a configuration of one handshake, which ends its turn when this
// side has computed its part.
func leaving(c *tls.Config, done func()) *tls.Config {
	c = c.Clone()
	c.GetConfigForClient = nil
	c.SessionTicketsDisabled = true // no host comes back to a session
	verify := c.VerifyConnection
	c.VerifyConnection = func(s tls.ConnectionState) error {
		done()
		if verify == nil {
			return nil
		}
		return verify(s)
	}
	return c
}
