package fabric

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
)

const (
	pingInterval  = 3 * time.Second // a peer that stopped is noticed after three of them
	maxPingsOut   = 2
	writeDeadline = 10 * time.Second
	// maxPending is what may wait for one connection to read it. It is for the
	// manager's own, to which all hosts speak at once when thousands of them come
	// back. What waits for a host that takes nothing is less: its connection is closed
	// after writeDeadline, and the gateway bounds the orders and scripts that it sends
	// in that time, whatever the host confirms, asks for or opens anew (there are
	// tests of it).
	maxPending    = 256 << 20
	ownPing       = time.Minute // the manager's own connection cannot be cut; it can only be slow
	ownFlush      = 10 * time.Minute
	startTimeout  = 10 * time.Second
	ownTimeout    = time.Minute // for the manager's own connection, among all hosts that come back
	patience      = 30          // seconds that a host may take for its handshake
	defaultListen = "127.0.0.1:8601"
)

// ServerOptions say how the embedded server runs.
type ServerOptions struct {
	Listen string // address and port; port 0 takes a free one; empty: 127.0.0.1:8601
	Dir    string // where the keys are kept
	// TLS is the server's certificate, by GetCertificate or as it stands. Without
	// it the server speaks plainly, and listens only on loopback.
	TLS *tls.Config
	// Revoked are public keys of hosts that are let in no more.
	Revoked []string
	// Hosts is how many are enrolled: a large house has its connections tried less
	// often. See Quiet for one that grows.
	Hosts int
	Log   *slog.Logger
}

// Server is the embedded NATS server of a manager.
type Server struct {
	ns       *server.Server
	keys     *keys
	resolver server.AccountResolver
	tls      bool
	sockets  chan struct{} // a place for each WebSocket
	log      *slog.Logger

	account sync.Mutex // held while the server is told of the account, or reads it anew; before mu
	mu      sync.Mutex
	conns   []*nats.Conn
	seen    connections
	pings   pings
}

// StartServer starts the server. An address that cannot be used is a
// banto.ErrorInfo that says what to do.
func StartServer(o ServerOptions) (*Server, error) {
	if o.Listen == "" {
		o.Listen = defaultListen
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	host, port, err := splitListen(o.Listen, o.TLS != nil)
	if err != nil {
		return nil, err
	}
	k, err := loadKeys(o.Dir, o.Revoked)
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot start the fabric", err.Error(), "the directory must be writable, and its keys as they were made").Because(err)
	}
	_, account, err := k.account()
	if err != nil {
		return nil, fmt.Errorf("cannot start the fabric: %w", err)
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(k.accountID, account); err != nil {
		return nil, fmt.Errorf("cannot start the fabric: %w", err)
	}
	if o.TLS != nil {
		o.TLS = o.TLS.Clone()
		o.TLS.MinVersion = max(o.TLS.MinVersion, tls.VersionTLS12)
	}
	every := pingEvery(QuietFor(o.Hosts))
	opts := func(pings time.Duration) *server.Options { return options(host, port, pings, k, resolver, o.TLS) }
	ns, err := server.NewServer(opts(every))
	if err != nil {
		return nil, fmt.Errorf("cannot start the fabric: %w", err)
	}
	// Read now, it is not read again when somebody connects while a key is revoked.
	if _, err := ns.LookupAccount(k.accountID); err != nil {
		return nil, fmt.Errorf("cannot start the fabric: %w", err)
	}
	log := &serverLog{log: o.Log, fatal: make(chan string, 1)}
	ns.SetLoggerV2(log, false, false, false)
	ready := make(chan bool, 1)
	go func() {
		ns.Start()
		ready <- ns.ReadyForConnections(startTimeout)
	}()
	select {
	case ok := <-ready:
		if ok {
			return &Server{
				ns: ns, keys: k, resolver: resolver, tls: o.TLS != nil, sockets: make(chan struct{}, maxSockets), log: o.Log,
				pings: pings{options: opts, every: every},
			}, nil
		}
		ns.Shutdown()
		return nil, banto.Fail(banto.KindInternal, "cannot start the fabric", "the server was not ready in time", "the machine may be too busy: try again")
	case why := <-log.fatal:
		ns.Shutdown()
		return nil, cannotListen(o.Listen, why)
	}
}

func options(host string, port int, every time.Duration, k *keys, resolver server.AccountResolver, certificate *tls.Config) *server.Options {
	return &server.Options{
		ServerName:            "banto",
		Host:                  host,
		Port:                  port,
		NoSigs:                true,
		NoSystemAccount:       true,
		MaxPayload:            MaxPayload,
		MaxPending:            maxPending,
		MaxControlLine:        4 << 10,
		PingInterval:          every,
		MaxPingsOut:           maxPingsOut,
		WriteDeadline:         writeDeadline,
		AuthTimeout:           patience, // seconds: thousands of hosts may come back at once
		TLSTimeout:            patience,
		TLSConfig:             certificate,
		Websocket:             websocketOptions(),
		Cluster:               server.ClusterOpts{NoAdvertise: true}, // no host is told of another address
		DisableShortFirstPing: true,
		TrustedOperators:      []*jwt.OperatorClaims{k.operatorJWT},
		AccountResolver:       resolver,
	}
}

// splitListen reads the address. Without TLS only loopback will do.
func splitListen(listen string, secure bool) (string, int, error) {
	const what = "cannot start the fabric"
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, banto.Fail(banto.KindInvalid, what, fmt.Sprintf("%q is not an address", listen), "write it as "+defaultListen).Because(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, banto.Fail(banto.KindInvalid, what, fmt.Sprintf("%q is not a port", text), "write the address as "+defaultListen+", or with port 0 for a free one")
	}
	switch ip := net.ParseIP(host); {
	case host == "" || host == "localhost":
		host = "127.0.0.1"
	case !secure && (ip == nil || !ip.IsLoopback()):
		return "", 0, banto.Fail(banto.KindInvalid, what, host+" is not a loopback address, and beyond this machine the fabric needs TLS",
			"give it a certificate, or listen on "+defaultListen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

func cannotListen(listen, why string) error {
	hint := "choose another with --fabric, such as --fabric :0 for a free port"
	if strings.Contains(why, syscall.EADDRINUSE.Error()) {
		return banto.Fail(banto.KindInvalid, "cannot start the fabric on "+listen, "the port is in use", "is Banto running already? If not, "+hint)
	}
	return banto.Fail(banto.KindInvalid, "cannot start the fabric on "+listen, why, hint)
}

// Addr gives the address that the server listens on.
func (s *Server) Addr() string { return s.ns.Addr().String() }

// Port gives the port that the server listens on.
func (s *Server) Port() int {
	if a, ok := s.ns.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// URL gives what hosts on this machine connect to.
func (s *Server) URL() string {
	addr := s.Addr()
	if a, ok := s.ns.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
	}
	if s.tls {
		return "tls://" + addr
	}
	return "nats://" + addr
}

// Client makes a connection for the manager itself, inside this process. It is
// closed by Close.
func (s *Server) Client() (*nats.Conn, error) {
	token, seed, err := s.keys.issueManager()
	if err != nil {
		return nil, err
	}
	opts := append(common("manager", s.log, ownPing), nats.InProcessServer(s.ns), nats.UserJWTAndSeed(token, seed),
		nats.Timeout(ownTimeout), nats.FlusherTimeout(ownFlush))
	c, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the fabric: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	return c, nil
}

// Revoke lets the holder of this key in no more, and cuts its connections at
// once. Another start needs it in ServerOptions.Revoked.
func (s *Server) Revoke(publicKey string) error {
	s.account.Lock()
	defer s.account.Unlock()
	claims, account, err := s.without(publicKey)
	if err != nil {
		return err
	}
	if err := s.resolver.Store(s.keys.accountID, account); err != nil {
		return fmt.Errorf("cannot revoke key: %w", err)
	}
	a, err := s.ns.LookupAccount(s.keys.accountID)
	if err != nil {
		return fmt.Errorf("cannot revoke key: %w", err)
	}
	s.ns.UpdateAccountClaims(a, claims)
	return nil
}

// without signs the account anew, with one more key that is revoked.
func (s *Server) without(publicKey string) (*jwt.AccountClaims, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keys.revoke(publicKey); err != nil {
		return nil, "", err
	}
	claims, text, err := s.keys.account()
	if err != nil {
		return nil, "", fmt.Errorf("cannot revoke key: %w", err)
	}
	return claims, text, nil
}

// Issue writes the JWT with which the holder of a key speaks for a host.
func (s *Server) Issue(host banto.HostID, userPublicKey string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys.issueHost(host, userPublicKey)
}

// Close ends the manager's own connections and the server.
func (s *Server) Close() {
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	s.pings.end()
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}
