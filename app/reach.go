package app

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
)

// reach is how others reach the manager: in the clear on this machine, with
// TLS from anywhere else.
type reach struct {
	opts      *Options
	authority *auth.Authority // nil while only this machine can reach it
	certs     *auth.Certificates
}

// newReach makes or reads the certificates, if an address needs them. share
// brings the CA of the house into its directory.
func newReach(o *Options, share func(dir string) error) (*reach, error) {
	r := &reach{opts: o}
	if isLoopback(o.HTTP) && isLoopback(o.Fabric) && o.Cert == "" {
		return r, nil
	}
	if o.Cert == "" {
		dir := filepath.Join(o.Data, "ca")
		if err := share(dir); err != nil {
			return nil, err
		}
		ca, err := auth.OpenAuthority(dir, time.Now)
		if err != nil {
			return nil, err
		}
		r.authority = ca
	}
	var err error
	r.certs, err = auth.NewCertificates(auth.CertificateOptions{
		Authority: r.authority, Names: r.called(), CertFile: o.Cert, KeyFile: o.Key, Now: time.Now, Log: o.Log,
	})
	return r, err
}

// tlsFor gives the TLS of a listener; nil for one in the clear.
func (r *reach) tlsFor(addr string) *tls.Config {
	if r.certs == nil || isLoopback(addr) && r.opts.Cert == "" {
		return nil
	}
	return r.certs.TLSConfig()
}

// secure puts TLS before a listener that others can reach.
func (r *reach) secure(l net.Listener) net.Listener {
	c := r.tlsFor(r.opts.HTTP)
	if c == nil {
		return l
	}
	c.NextProtos = []string{"http/1.1"} // WebSockets and event streams need no other
	return tls.NewListener(l, c)
}

// CA gives the certificate that clients and agents are to trust, as PEM; empty
// when they need none of ours.
func (r *reach) CA() string {
	if r.authority == nil {
		return ""
	}
	return r.authority.CAPEM()
}

// Fingerprint names the CA; empty when it is not ours.
func (r *reach) Fingerprint() string {
	if r.authority == nil {
		return ""
	}
	return r.authority.Fingerprint()
}

// localURL is where commands on this machine find the manager.
func (r *reach) localURL(l net.Addr) string {
	scheme := "http"
	if r.tlsFor(r.opts.HTTP) != nil {
		scheme = "https"
	}
	return scheme + "://" + r.local(l.String())
}

// localFabric is where the agent on this machine finds the fabric, and whom it
// is to trust there.
func (r *reach) localFabric(listens string) (address, ca string) {
	if r.tlsFor(r.opts.Fabric) == nil {
		return "nats://" + r.local(listens), ""
	}
	return "tls://" + r.local(listens), r.localTrust()
}

// local is a listener's address as this machine calls it.
func (r *reach) local(listens string) string {
	host, port, err := net.SplitHostPort(listens)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if leaf := r.leaf(); leaf != nil && leaf.VerifyHostname(host) != nil && len(leaf.DNSNames) > 0 {
		host = leaf.DNSNames[0] // a given certificate seldom speaks of addresses
	}
	return net.JoinHostPort(host, port)
}

func (r *reach) leaf() *x509.Certificate {
	if r.certs == nil {
		return nil
	}
	return r.certs.Leaf()
}

// localTrust is what commands on this machine are to trust, as PEM: the own
// CA, or the very certificate that was given.
func (r *reach) localTrust() string {
	if r.opts.Cert == "" || r.tlsFor(r.opts.HTTP) == nil {
		return r.CA()
	}
	given, err := os.ReadFile(r.opts.Cert)
	if err != nil {
		return ""
	}
	return string(given)
}

// trust is what this manager trusts when it calls another one of its store.
func (r *reach) trust() *tls.Config {
	if r.authority == nil {
		return nil
	}
	return auth.TrustTLS(r.authority.CAPEM())
}

// door is where a machine that joins finds the fabric, under the name by which
// it reached the manager.
type door struct {
	*reach
	fabric string // the address on which it listens
	http   net.Addr
}

// entrance is what a machine that joins is given besides: its credential, and
// where the other managers are.
type entrance struct {
	door
	server *fabric.Server
	others func() []string
}

// Issue signs a host's key.
func (e entrance) Issue(host banto.HostID, publicKey string) (string, error) {
	return e.server.Issue(host, publicKey)
}

// Endpoints lists where the fabrics answer, this manager's first.
func (e entrance) Endpoints(asked string) []string {
	all := e.door.Endpoints(asked)
	for _, other := range e.others() {
		if !slices.Contains(all, other) {
			all = append(all, other)
		}
	}
	return all
}

// Endpoints lists where the fabric answers for one who reached the API as
// host (a Host header): straight, and through the port of the API.
func (d door) Endpoints(asked string) []string {
	if asked == "" {
		asked = d.ownName()
	}
	name, port, err := net.SplitHostPort(asked)
	if err != nil {
		name, port = asked, ""
	}
	if port == "" {
		port = "443"
		if d.tlsFor(d.opts.HTTP) == nil {
			port = "80"
		}
	}
	_, fabricPort, err := net.SplitHostPort(d.fabric)
	if err != nil {
		return nil
	}
	direct, ws := "nats", "ws"
	if d.tlsFor(d.opts.Fabric) != nil {
		direct = "tls"
	}
	if d.tlsFor(d.opts.HTTP) != nil {
		ws = "wss"
	}
	return []string{
		direct + "://" + net.JoinHostPort(name, fabricPort),
		ws + "://" + net.JoinHostPort(name, port) + "/fabric",
	}
}

// ownName is the name and port of the API as others call it: the first that
// was given, else what it listens on, else the machine's.
func (d door) ownName() string {
	host, port, err := net.SplitHostPort(d.http.String())
	if err != nil {
		return d.http.String()
	}
	ip := net.ParseIP(host)
	switch machine, err := os.Hostname(); {
	case len(d.opts.SAN) > 0:
		host = d.opts.SAN[0]
	case ip != nil && ip.IsUnspecified() && err == nil:
		host = machine
	}
	return net.JoinHostPort(host, port)
}

// publicURL is the manager's address as other machines see it; empty while
// they cannot.
func (d door) publicURL() string {
	if isLoopback(d.opts.HTTP) {
		return ""
	}
	scheme := "http://"
	if d.tlsFor(d.opts.HTTP) != nil {
		scheme = "https://"
	}
	return scheme + d.ownName()
}

// called lists the names and addresses under which this manager is called
// over the network: those that were given, and those that it listens on.
func (r *reach) called() []string {
	names := slices.Clone(r.opts.SAN)
	for _, addr := range []string{r.opts.HTTP, r.opts.Fabric} {
		host, _, err := net.SplitHostPort(addr)
		ip := net.ParseIP(host)
		switch {
		case err != nil || isLoopback(addr):
		case ip != nil && ip.IsUnspecified():
			names = append(names, ownAddresses()...)
		default:
			names = append(names, host)
		}
	}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// names are those under which the API may be called, besides loopback ones.
func (r *reach) names() []string {
	if r.certs == nil {
		return nil
	}
	names := r.called()
	if leaf := r.certs.Leaf(); leaf != nil {
		names = append(names, leaf.DNSNames...)
	}
	return names
}

// ownAddresses lists the addresses of this machine that others can reach.
func ownAddresses() []string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}
