package fabric

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

// DialOptions say how a host connects.
type DialOptions struct {
	URL  string
	Name string // for the server's log
	Seed string // of the host's own key
	JWT  string
	// Changed is called, if set, after each change of the connection.
	Changed func(connected bool, err error)
	Log     *slog.Logger
}

// Dial makes a connection of a host. It returns at once and goes on trying
// for ever: Changed tells when it is connected. What is published while there
// is no connection fails at once.
func Dial(o DialOptions) (*nats.Conn, error) {
	changed := o.Changed
	if changed == nil {
		changed = func(bool, error) {}
	}
	opts := append(common(o.Name, o.Log),
		nats.RetryOnFailedConnect(true),
		nats.ConnectHandler(func(*nats.Conn) { changed(true, nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { changed(true, nil) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { changed(false, err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { changed(false, err) }),
		nats.UserJWTAndSeed(o.JWT, o.Seed),
	)
	c, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", o.URL, err)
	}
	return c, nil
}

// common are the options of every connection: nothing is kept for a
// connection that is down, and a peer that has stopped is noticed in less than
// ten seconds.
func common(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(func(n int) time.Duration {
			d := reconnectWait(n)
			return d/2 + rand.N(d)
		}),
		nats.Timeout(10 * time.Second),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPingsOut),
		nats.FlusherTimeout(10 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if log != nil {
				log.Warn("fabric", "error", err)
			}
		}),
	}
}
