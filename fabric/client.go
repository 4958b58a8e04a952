package fabric

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// DialOptions say how a host connects.
type DialOptions struct {
	// Endpoints are the manager's addresses, tried in turn until one answers:
	// tls://host:port, wss://host:port/fabric, and on this machine
	// nats://127.0.0.1:port or ws://127.0.0.1:port/fabric.
	Endpoints []string
	CA        string // PEM; trusted instead of the system's
	// Proxy is an HTTP proxy to go through, as http://user:password@host:port;
	// "direct" for none; empty for what the environment says (HTTPS_PROXY,
	// NO_PROXY).
	Proxy string

	Name string // for the server's log
	Seed string // of the host's own key
	JWT  string

	// Subject is subscribed to in each connection, and Receive gets what comes.
	Subject string
	Receive func([]byte)
	// Changed is called, if set, after each change and each try that failed,
	// with the endpoint that it is about.
	Changed func(connected bool, endpoint string, err error)
	Log     *slog.Logger

	environment func(*http.Request) (*url.URL, error) // nil: that of the process
}

const (
	dialTimeout  = 20 * time.Second // of one try: thousands of hosts may come back at once
	steady       = 10 * time.Second // a connection that lasted so long was a good one
	maxReceived  = 1 << 16          // frames, and
	maxReceivedB = 64 << 20         // bytes of them that wait for Receive
)

// ErrNotConnected says that there is no connection to send over: nothing is
// kept until there is one.
var ErrNotConnected = errors.New("not connected to the manager")

// Conn is a host's connection to its manager: one at a time, made again
// whenever it is lost.
type Conn struct {
	o      DialOptions
	tls    *tls.Config
	cancel context.CancelFunc
	done   chan struct{}
	leave  chan struct{}
	tries  sync.WaitGroup

	mu      sync.Mutex
	ends    []endpoint
	now     *live  // nil while there is none
	at      string // its endpoint, or that of the last one
	left    string // why it is given up; empty: it is not
	good    bool   // the manager has taken the host on over it
	revoked bool   // the manager said so once
}

// Dial makes a connection of a host. It returns at once and goes on trying for
// ever: Changed tells when it is connected. What is published while there is no
// connection fails at once.
func Dial(o DialOptions) (*Conn, error) {
	c, err := newConn(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go func() {
		defer close(c.done)
		c.run(ctx)
	}()
	return c, nil
}

// Try connects once to one endpoint and takes the connection away again: nil if
// the manager lets the host in.
func Try(ctx context.Context, o DialOptions, endpoint string) error {
	o.Endpoints = []string{endpoint}
	o.Subject = "" // an agent that is connected keeps its place
	c, err := newConn(o)
	if err != nil {
		return err
	}
	l := c.try(ctx, c.ends[0])
	if l.err == nil {
		l.nc.Close()
	}
	return l.err
}

func newConn(o DialOptions) (*Conn, error) {
	if o.Changed == nil {
		o.Changed = func(bool, string, error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.environment == nil {
		o.environment = http.ProxyFromEnvironment
	}
	c := &Conn{o: o, done: make(chan struct{}), leave: make(chan struct{}, 1)}
	var err error
	if c.ends, err = parseEndpoints(o.Endpoints); err != nil {
		return nil, err
	}
	if c.tls, err = trust(o.CA); err != nil {
		return nil, err
	}
	if _, err = parseProxy(o.Proxy); err != nil {
		return nil, err
	}
	return c, nil
}

// Publish sends at once or fails.
func (c *Conn) Publish(subject string, data []byte) error {
	c.mu.Lock()
	l := c.now
	c.mu.Unlock()
	if l == nil {
		return ErrNotConnected
	}
	return l.nc.Publish(subject, data)
}

// Flush waits until the manager's end has what was published, if it is there.
func (c *Conn) Flush(timeout time.Duration) {
	c.mu.Lock()
	l := c.now
	c.mu.Unlock()
	if l != nil {
		_ = l.nc.FlushTimeout(timeout) // what is not through is not kept either
	}
}

// Close ends the connection and the tries to make one.
func (c *Conn) Close() {
	c.cancel()
	<-c.done
	c.tries.Wait()
}

// live is one connection, or why there is none.
type live struct {
	end    endpoint
	nc     *nats.Conn
	cut    func() // ends it without a last word
	err    error
	closed chan struct{}

	mu   sync.Mutex
	said error // what the server said before it closed
}

func (l *live) complain(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said == nil || isRefusal(err) {
		l.said = err
	}
}

// lost says why a connection has ended.
func (l *live) lost(c *Conn, left string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case left != "":
		return &LostError{Err: errors.New(left)}
	case errors.Is(l.said, nats.ErrAuthRevoked):
		c.mu.Lock()
		c.revoked = true
		c.mu.Unlock()
		return &RefusedError{Revoked: true, Err: l.said}
	case l.said != nil && isRefusal(l.said):
		return &RefusedError{Err: l.said}
	}
	return &LostError{Err: l.nc.LastError()}
}

func isRefusal(err error) bool {
	for _, e := range []error{nats.ErrAuthorization, nats.ErrAuthRevoked, nats.ErrAuthExpired, nats.ErrAccountAuthExpired} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// try makes one connection.
func (c *Conn) try(ctx context.Context, end endpoint) *live {
	l := &live{end: end, closed: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	d := &dialer{ctx: ctx, end: end, tls: c.tls, proxy: c.o.Proxy, environment: c.o.environment}
	opts := append(common(c.o.Name, c.o.Log, hostPing),
		nats.NoReconnect(),
		nats.SetCustomDialer(d),
		nats.SkipHostLookup(),
		nats.UserJWTAndSeed(c.o.JWT, c.o.Seed),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.complain(err)
			c.o.Log.Warn("fabric", "error", err)
		}),
	)
	switch end.scheme {
	case "tls":
		opts = append(opts, nats.Secure(c.tls))
	case "nats": // a manager that has a certificate asks for TLS on loopback too
		opts = append(opts, func(o *nats.Options) error { o.TLSConfig = c.tls; return nil })
	}
	stop := context.AfterFunc(ctx, d.give)
	nc, err := nats.Connect(end.dialURL(), opts...)
	if !stop() { // it took too long, or nobody wants it any more
		if err == nil {
			nc.Close()
		}
		err = context.Cause(ctx)
	}
	if err != nil {
		d.give()
		l.err = &ConnectError{Endpoint: end.text, Err: d.cause(err, c.wasRevoked())}
		return l
	}
	l.nc, l.cut = nc, d.give
	return l
}

// subscribe takes what comes over a connection.
func (c *Conn) subscribe(l *live) {
	if c.o.Subject == "" {
		return
	}
	sub, err := l.nc.Subscribe(c.o.Subject, func(m *nats.Msg) { c.o.Receive(m.Data) })
	if err == nil {
		err = sub.SetPendingLimits(maxReceived, maxReceivedB)
	}
	if err != nil {
		l.nc.Close()
		l.err = &ConnectError{Endpoint: l.end.text, Err: err}
	}
}

func (c *Conn) wasRevoked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revoked
}

// hostPing is how often the connection of a host is tried. A session notices by
// itself within seconds that its manager has stopped, and a link without one leaves
// a manager that does not answer; this is for what nobody thought of, and thousands
// of hosts do it.
const hostPing = time.Minute

// common are the options of every connection: nothing is kept for a connection
// that is down, and a peer that has stopped is noticed after three pings.
func common(name string, log *slog.Logger, ping time.Duration) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(func(n int) time.Duration {
			d := reconnectWait(n)
			return d/2 + rand.N(d)
		}),
		nats.Timeout(dialTimeout),
		nats.PingInterval(ping),
		nats.MaxPingsOutstanding(maxPingsOut),
		nats.FlusherTimeout(10 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if log != nil {
				log.Warn("fabric", "error", err)
			}
		}),
	}
}
