package fabric

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/bantoops/banto"
)

// endpoint is an address of the manager.
type endpoint struct {
	text   string // as it was given
	scheme string // nats, tls, ws or wss
	host   string // without port
	addr   string // host:port
	path   string // of a WebSocket
}

// The ports that an endpoint without one means.
func usualPort(scheme string) string {
	switch scheme {
	case "wss":
		return "443"
	case "ws":
		return "80"
	}
	return "8601"
}

func parseEndpoints(texts []string) ([]endpoint, error) {
	if len(texts) == 0 {
		return nil, badEndpoint("", "no address of a manager is given")
	}
	ends := make([]endpoint, 0, len(texts))
	for _, text := range texts {
		e, err := parseEndpoint(text)
		if err != nil {
			return nil, err
		}
		ends = append(ends, e)
	}
	return ends, nil
}

func badEndpoint(text, why string) error {
	what := "cannot connect to the manager"
	if text != "" {
		what += " at " + text
	}
	return banto.Fail(banto.KindInvalid, what, why, "write it as tls://manager.example:8601, or wss://manager.example/fabric where only HTTPS passes")
}

// CheckEndpoint says what is wrong with an address of a manager, if anything.
func CheckEndpoint(text string) error {
	_, err := parseEndpoint(text)
	return err
}

func parseEndpoint(text string) (endpoint, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return endpoint{}, badEndpoint(text, "it is not an address")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, badEndpoint(u.Redacted(), "it has more than a name, a port and a path")
	}
	e := endpoint{text: text, scheme: u.Scheme, host: u.Hostname(), path: u.Path}
	port := u.Port()
	if port == "" {
		port = usualPort(e.scheme)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return endpoint{}, badEndpoint(text, port+" is not a port")
	}
	e.addr = net.JoinHostPort(e.host, port)
	switch e.scheme {
	case "tls", "wss":
	case "nats", "ws":
		if ip := net.ParseIP(e.host); e.host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return endpoint{}, badEndpoint(text, e.scheme+":// is not encrypted and only for the manager on this machine")
		}
	default:
		return endpoint{}, badEndpoint(text, "it begins with neither tls:// nor wss://")
	}
	socket := e.scheme == "ws" || e.scheme == "wss"
	switch {
	case socket && (e.path == "" || e.path == "/"):
		e.path = SocketPath
	case !socket && e.path != "" && e.path != "/":
		return endpoint{}, badEndpoint(text, "a path belongs only to wss://")
	}
	return e, nil
}

// dialURL is what the NATS client is given. The dialer makes the TLS of a
// WebSocket, so that it has a time limit and its errors are told apart.
func (e endpoint) dialURL() string {
	switch e.scheme {
	case "ws", "wss":
		return (&url.URL{Scheme: "ws", Host: e.addr, Path: e.path}).String()
	}
	return e.scheme + "://" + e.addr
}

// trust makes the TLS of a client that trusts the CA, or whom the system
// trusts.
func trust(ca string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM([]byte(ca)) {
		return nil, banto.Fail(banto.KindInvalid, "cannot connect to the manager", "what is kept as its CA holds no certificate", "enrol this host again")
	}
	return c, nil
}

// ConnectError says that an endpoint does not let this host in. Explain says
// more.
type ConnectError struct {
	Endpoint string
	Err      error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("cannot connect to %s: %v", e.Endpoint, e.Err)
}
func (e *ConnectError) Unwrap() error { return e.Err }

// LostError says that a connection was lost that was there.
type LostError struct{ Err error }

func (e *LostError) Error() string {
	if e.Err == nil {
		return "the connection was lost"
	}
	return "the connection was lost: " + e.Err.Error()
}
func (e *LostError) Unwrap() error { return e.Err }

// RefusedError says that the manager does not take this host's key or
// credentials.
type RefusedError struct {
	Revoked bool // it said that they were revoked
	Err     error
}

func (e *RefusedError) Error() string {
	if e.Revoked {
		return "the manager has revoked this host's key"
	}
	return "the manager does not take this host's key"
}
func (e *RefusedError) Unwrap() error { return e.Err }

// SessionRefusedError says that the manager let the agent connect, and refuses
// its session in these words.
type SessionRefusedError struct{ Why string }

func (e *SessionRefusedError) Error() string { return "the manager refuses this agent: " + e.Why }
