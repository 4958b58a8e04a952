package fabric

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
)

// What can be wrong with a connection: the names of the checks in Explain.
const (
	CheckAddress  = "address"
	CheckName     = "name"
	CheckPort     = "port"
	CheckProxy    = "proxy"
	CheckTLS      = "tls"
	CheckClock    = "clock"
	CheckKey      = "key"
	CheckIdentity = "identity"
	CheckVersion  = "version"
	CheckSession  = "session"
	CheckNone     = "connection"
)

// Explain says in words why a host is not connected: which check it is that
// fails, what was found, and what to do about it.
func Explain(err error) (check, found, advice string) {
	var (
		info    *banto.ErrorInfo
		version *VersionError
		refused *RefusedError
		session *SessionRefusedError
		proxy   *ProxyError
		socket  *SocketError
		lost    *LostError
	)
	switch {
	case err == nil:
		return CheckNone, "nothing is wrong", ""
	case errors.As(err, &proxy):
		return explainProxy(proxy)
	case errors.As(err, &version):
		return CheckVersion, version.Error(), "upgrade the older side"
	case errors.As(err, &refused):
		return explainRefused(refused)
	case errors.As(err, &session):
		return explainSession(session)
	case errors.As(err, &socket):
		return explainSocket(socket)
	case errors.As(err, &lost):
		return CheckNone, lost.Error(), "it is made again by itself; if it is lost again and again, look at the network and at the manager's log"
	case errors.As(err, &info):
		return CheckAddress, info.Why, info.Hint
	}
	if check, found, advice, ok := explainTLS(err); ok {
		return check, found, advice
	}
	if check, found, advice, ok := explainNetwork(err); ok {
		return check, found, advice
	}
	return CheckNone, err.Error(), "look at the manager's log"
}

func explainProxy(e *ProxyError) (check, found, advice string) {
	switch e.Status {
	case 0:
		if _, what, _, ok := explainNetwork(e.Err); ok {
			return CheckProxy, "the proxy " + e.Proxy + ": " + what, "check the proxy's address, and whether this machine reaches it"
		}
		return CheckProxy, e.Error(), "check the proxy's address; it must be an HTTP proxy that knows CONNECT"
	case http.StatusProxyAuthRequired:
		return CheckProxy, "the proxy " + e.Proxy + " wants a user and password, or does not take those it got",
			"give the proxy as http://user:password@host:port"
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		return CheckProxy, "the proxy " + e.Proxy + " does not let this host connect to the manager: " + e.Err.Error(),
			"ask for the manager's name and port to be let through; most proxies let only 443 pass: use wss://…/fabric there"
	}
	return CheckProxy, "the proxy " + e.Proxy + " cannot reach the manager: " + e.Err.Error(), "check the manager's name and port as the proxy sees them"
}

func explainRefused(e *RefusedError) (check, found, advice string) {
	const again = "enrol this host again: banto host enrol on the manager, then banto agent --join here"
	if e.Revoked {
		return CheckKey, "the manager has revoked this host's key: the host was removed, or enrolled anew elsewhere", again
	}
	return CheckKey, "the manager does not take this host's key: the host was removed, or this is not the manager that enrolled it", again
}

func explainSession(e *SessionRefusedError) (check, found, advice string) {
	switch {
	case strings.Contains(e.Why, "another agent"):
		return CheckIdentity, e.Why, "stop the other agent; a copied machine is enrolled as a host of its own"
	case strings.Contains(e.Why, "version"):
		return CheckVersion, e.Why, "upgrade the older side"
	}
	return CheckSession, e.Why, "see banto host list on the manager"
}

func explainSocket(e *SocketError) (check, found, advice string) {
	switch e.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return CheckPort, fmt.Sprintf("what answers there says that the manager cannot be reached (HTTP status %d)", e.Status), "is the manager running, and is a gateway before it set up for WebSockets?"
	case http.StatusForbidden, http.StatusUnauthorized:
		return CheckPort, fmt.Sprintf("what answers there does not let this host in (HTTP status %d)", e.Status), "something between this host and the manager refuses it: ask for WebSockets to the manager to be let through"
	}
	return CheckPort, fmt.Sprintf("what answers there is not a manager (HTTP status %d)", e.Status), "check name, port and path; it ends with " + SocketPath
}

func explainTLS(err error) (check, found, advice string, ok bool) {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &unknown):
		return CheckTLS, "the manager's certificate is not from the CA that this host trusts", "is this the right manager? If its CA was made anew, enrol this host again", true
	case errors.As(err, &name):
		return CheckTLS, "the manager's certificate is for other names: " + name.Error(), "start the manager with --san and this name, or use a name that is in its certificate", true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && strings.Contains(invalid.Detail, "is before"):
		return CheckClock, "the manager's certificate is not valid yet by this machine's clock: " + invalid.Detail, "set this machine's clock", true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return CheckTLS, "the manager's certificate has expired: " + invalid.Detail, "renew it; if it is still good, this machine's clock is wrong", true
	case errors.As(err, &invalid):
		return CheckTLS, "the manager's certificate is not good: " + invalid.Error(), "look at the certificate on the manager", true
	case errors.As(err, &record), errors.Is(err, nats.ErrSecureConnWanted), errors.Is(err, nats.ErrSecureConnRequired):
		return CheckTLS, "what answers there does not speak TLS", "check the port; something in between may take it away", true
	case errors.As(err, &alert), errors.Is(err, nats.ErrTLS):
		return CheckTLS, err.Error(), "look at the certificate on the manager, and at what is between", true
	}
	return "", "", "", false
}

// wsaRefused is what Windows says of a port where nobody listens.
const wsaRefused = syscall.Errno(10061)

func explainNetwork(err error) (check, found, advice string, ok bool) {
	var (
		name *net.DNSError
		op   net.Error
	)
	switch {
	case errors.As(err, &name):
		if name.IsTimeout {
			return CheckName, "no name server answers about " + name.Name, "check this machine's name servers", true
		}
		return CheckName, "the name " + name.Name + " is not known", "check the name, and this machine's name servers", true
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaRefused):
		return CheckPort, "nobody listens on that port", "is the manager running, and is the port right?", true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, nats.ErrTimeout),
		errors.As(err, &op) && op.Timeout():
		return CheckPort, "nothing answers there as a manager does: a firewall, a wrong address, or a wrong port",
			"check that this machine may reach that address and port; for the HTTPS port write wss://…" + SocketPath, true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return CheckPort, "there is no way to that address", "check this machine's network", true
	}
	return "", "", "", false
}
