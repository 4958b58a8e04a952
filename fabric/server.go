package fabric

import (
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
	startTimeout  = 10 * time.Second
	defaultListen = "127.0.0.1:8601"
)

// ServerOptions say how the embedded server runs.
type ServerOptions struct {
	Listen string // address and port on loopback; port 0 takes a free one; empty: 127.0.0.1:8601
	Dir    string // where the keys are kept
	Log    *slog.Logger
}

// Server is the embedded NATS server of a manager.
type Server struct {
	ns   *server.Server
	keys *keys
	log  *slog.Logger

	mu    sync.Mutex
	conns []*nats.Conn
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
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return nil, err
	}
	k, err := loadKeys(o.Dir)
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot start the fabric", err.Error(), "the directory must be writable, and its keys as they were made").Because(err)
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(k.accountID, k.accountJWT); err != nil {
		return nil, fmt.Errorf("cannot start the fabric: %w", err)
	}
	ns, err := server.NewServer(options(host, port, k, resolver))
	if err != nil {
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
			return &Server{ns: ns, keys: k, log: o.Log}, nil
		}
		ns.Shutdown()
		return nil, banto.Fail(banto.KindInternal, "cannot start the fabric", "the server was not ready in time", "the machine may be too busy: try again")
	case why := <-log.fatal:
		ns.Shutdown()
		return nil, cannotListen(o.Listen, why)
	}
}

func options(host string, port int, k *keys, resolver server.AccountResolver) *server.Options {
	return &server.Options{
		ServerName:            "banto",
		Host:                  host,
		Port:                  port,
		NoSigs:                true,
		NoSystemAccount:       true,
		MaxPayload:            MaxPayload,
		MaxPending:            16 << 20,
		MaxControlLine:        4 << 10,
		PingInterval:          pingInterval,
		MaxPingsOut:           maxPingsOut,
		WriteDeadline:         writeDeadline,
		AuthTimeout:           30, // seconds: thousands of hosts may come back at once
		TLSTimeout:            30,
		DisableShortFirstPing: true,
		TrustedOperators:      []*jwt.OperatorClaims{k.operatorJWT},
		AccountResolver:       resolver,
	}
}

// splitListen reads the address. Until TLS is there only loopback will do.
func splitListen(listen string) (string, int, error) {
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
	case ip == nil || !ip.IsLoopback():
		return "", 0, banto.Fail(banto.KindInvalid, what, host+" is not a loopback address, and beyond this machine the fabric needs TLS, which this version does not have", "listen on "+defaultListen)
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

// URL gives what hosts on this machine connect to.
func (s *Server) URL() string { return "nats://" + s.Addr() }

// Client makes a connection for the manager itself, inside this process. It is
// closed by Close.
func (s *Server) Client() (*nats.Conn, error) {
	token, seed, err := s.keys.issueManager()
	if err != nil {
		return nil, err
	}
	opts := append(common("manager", s.log), nats.InProcessServer(s.ns), nats.UserJWTAndSeed(token, seed))
	c, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the fabric: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	return c, nil
}

// Issue writes the JWT with which the holder of a key speaks for a host.
func (s *Server) Issue(host banto.HostID, userPublicKey string) (string, error) {
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
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// serverLog hands the server's log on. Its notices are of use only when
// something is looked into, and its complaints come as often as a host likes:
// only some of them are logged.
type serverLog struct {
	log   *slog.Logger
	fatal chan string

	mu     sync.Mutex
	since  time.Time
	logged int
	hidden int
}

// Complaints that are logged in each span of time.
const (
	complaints    = 10
	complaintSpan = time.Minute
)

func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.debug(format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.debug(format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.complain(format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.complain(format, v) }

func (l *serverLog) debug(format string, v []any) {
	l.log.Debug("fabric: " + fmt.Sprintf(format, v...))
}

// noSystemAccount is what the server says at each start: nothing here listens
// to a system account, and each event in one would cost.
const noSystemAccount = "Trusted Operators should utilize a System Account"

func (l *serverLog) complain(format string, v []any) {
	if format == noSystemAccount {
		return
	}
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.since) > complaintSpan {
		l.since, l.logged = now, 0
	}
	if l.logged >= complaints {
		l.hidden++
		l.mu.Unlock()
		return
	}
	l.logged++
	hidden := l.hidden
	l.hidden = 0
	l.mu.Unlock()
	l.log.Warn("fabric: "+fmt.Sprintf(format, v...), "hidden", hidden)
}

// Fatalf does not end the process: StartServer reports it.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.log.Error("fabric: " + fmt.Sprintf(format, v...))
	}
}
