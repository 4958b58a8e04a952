package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/wholefile"
)

const (
	// serverLife is how long a certificate of ours holds; it is made anew when
	// a third of it is left.
	serverLife = 365 * 24 * time.Hour
	// renewAgain is the wait before a renewal that failed is tried again.
	renewAgain = time.Minute

	serverFile = "server.pem" // the manager's certificate and its key
)

// CertificateOptions say where the manager's certificate comes from: from its
// own CA, or from files that it is given.
type CertificateOptions struct {
	Authority *Authority
	// Names are the DNS names and IP addresses under which the manager is
	// called, besides those of this machine itself.
	Names []string
	// CertFile and KeyFile, if given, are used in place of the own CA: PEM, the
	// chain behind the certificate.
	CertFile, KeyFile string
	Now               func() time.Time // nil: time.Now
	Log               *slog.Logger     // nil: nothing is logged
}

// Certificates are what the manager shows to those who connect. They are looked
// at with every connection: one of our own is made anew long before it ends,
// given files are read again when they have changed.
type Certificates struct {
	opt   CertificateOptions
	names []string

	mu       sync.Mutex
	current  *tls.Certificate
	seen     filesState // of the given files, as they were last tried
	lastTry  time.Time  // of a renewal that failed
	lastFail string
}

// NewCertificates reads or makes the manager's certificate.
func NewCertificates(o CertificateOptions) (*Certificates, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Certificates{opt: o}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, banto.Fail(banto.KindInvalid, "cannot use the given certificate", "a certificate needs its key, and a key its certificate",
			"give both files")
	}
	var err error
	if c.given() {
		c.seen = stateOf(o.CertFile, o.KeyFile)
		c.current, err = loadGiven(o.CertFile, o.KeyFile, o.Now())
	} else {
		if c.names, err = serverNames(o.Names); err != nil {
			return nil, err
		}
		c.current, err = c.own(o.Now())
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Certificates) given() bool { return c.opt.CertFile != "" }

// TLSConfig gives a configuration for a listener. Each call makes a new one.
func (c *Certificates) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.get(), nil
		},
	}
}

// Leaf gives the manager's certificate as it is now.
func (c *Certificates) Leaf() *x509.Certificate { return c.get().Leaf }

// get gives the certificate for a connection that comes now. Whatever fails in
// here, the one that was good so far stays.
func (c *Certificates) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.given() {
		c.reload()
	} else {
		c.renew()
	}
	return c.current
}

// reload reads the given files when they have changed. It is to be called
// under the lock.
func (c *Certificates) reload() {
	state := stateOf(c.opt.CertFile, c.opt.KeyFile)
	if state.same(c.seen) {
		return
	}
	c.seen = state
	next, err := loadGiven(c.opt.CertFile, c.opt.KeyFile, c.opt.Now())
	if err != nil {
		// The two files change one after the other: the same words are not said twice.
		if text := err.Error(); text != c.lastFail {
			c.lastFail = text
			c.opt.Log.Error("the new certificate cannot be used; the one before stays", "error", err)
		}
		return
	}
	c.lastFail = ""
	c.current = next
	c.opt.Log.Info("a new certificate is in use", "until", next.Leaf.NotAfter)
}

// renew makes our certificate anew when its time has come. It is to be called
// under the lock.
func (c *Certificates) renew() {
	now := c.opt.Now()
	if !due(c.current.Leaf, now) {
		return
	}
	if since := now.Sub(c.lastTry); since >= 0 && since < renewAgain {
		return
	}
	c.lastTry = now
	next, err := c.make(now)
	if err != nil {
		if text := err.Error(); text != c.lastFail {
			c.lastFail = text
			c.opt.Log.Error("cannot renew the manager's certificate; the one before stays",
				"until", c.current.Leaf.NotAfter, "error", err)
		}
		if next == nil {
			return
		}
	} else {
		c.lastFail = ""
	}
	c.lastTry = time.Time{}
	c.current = next
	c.opt.Log.Info("the manager's certificate was renewed", "until", next.Leaf.NotAfter)
}

// due says whether two thirds of a certificate's life are over, or it was made
// by a clock that was ahead.
func due(leaf *x509.Certificate, now time.Time) bool {
	begin := leaf.NotBefore.Add(backdate)
	return !now.Before(begin.Add(leaf.NotAfter.Sub(begin)*2/3)) || now.Before(leaf.NotBefore)
}

// own gives our certificate: the one on disk if it still fits, else a new one.
func (c *Certificates) own(now time.Time) (*tls.Certificate, error) {
	file := filepath.Join(c.opt.Authority.dir, serverFile)
	body, err := readPrivate(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the manager's certificate: %w", err)
	}
	if err == nil {
		kept, err := c.parse(body)
		switch {
		case err != nil:
			c.opt.Log.Warn("the manager's certificate on disk cannot be used; a new one is made", "file", file, "error", err)
		case !slices.Equal(namesOf(kept.Leaf), c.names):
			c.opt.Log.Info("the manager's names have changed; a new certificate is made", "names", c.names)
		case !due(kept.Leaf, now):
			return kept, nil
		}
	}
	return c.make(now)
}

// parse reads what make has written, if our CA signed it.
func (c *Certificates) parse(body []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(body, body)
	if err != nil {
		return nil, err
	}
	if err := pair.Leaf.CheckSignatureFrom(c.opt.Authority.cert); err != nil {
		return nil, err
	}
	return &pair, nil
}

// make signs a new certificate and keeps it on disk. One that cannot be kept
// comes with an error.
func (c *Certificates) make(now time.Time) (*tls.Certificate, error) {
	a := c.opt.Authority
	if err := checkAuthority(a.cert, now); err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot make the manager's certificate", "its CA in "+a.dir+": "+err.Error(),
			"is this machine's clock right?").Because(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make the manager's certificate: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, fmt.Errorf("cannot make the manager's certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Banto manager"},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotBefore.Before(a.cert.NotBefore) {
		template.NotBefore = a.cert.NotBefore
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, name := range c.names {
		if addr, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("cannot make the manager's certificate: %w", err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot make the manager's certificate: %w", err)
	}
	body := slices.Concat(encodeCert(der), encodeCert(a.cert.Raw), keyPEM)
	pair, err := c.parse(body)
	if err != nil {
		return nil, fmt.Errorf("cannot make the manager's certificate: %w", err)
	}
	if err := wholefile.Write(filepath.Join(a.dir, serverFile), body, 0o600); err != nil {
		return pair, fmt.Errorf("cannot keep the manager's certificate: %w", err)
	}
	return pair, nil
}

// namesOf gives the names of a certificate as serverNames does.
func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, addr.Unmap().String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// serverNames gives the names of the certificate: those that were given, and
// the machine's own. A host name of the machine that cannot be in a certificate
// is left out.
func serverNames(given []string) ([]string, error) {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		if name, ok := certName(host); ok {
			names = append(names, name)
		}
	}
	for _, g := range given {
		name, ok := certName(g)
		if !ok {
			return nil, banto.Fail(banto.KindInvalid, "cannot make the manager's certificate",
				strconv.Quote(clip(g))+" is neither a DNS name nor an IP address", "write --san banto.example.com or --san 192.0.2.7, without a port")
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// certName gives a name in the spelling of a certificate.
func certName(s string) (string, bool) {
	if strings.Contains(s, ":") && !strings.Contains(strings.TrimPrefix(s, "["), "]") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return "", false
		}
		return addr.Unmap().String(), true
	}
	rest, wild := strings.CutPrefix(s, "*.")
	name, port, ok := splitHost(rest)
	if !ok || port != "" || strings.HasPrefix(name, ".") || strings.Contains(name, "..") || strings.HasPrefix(name, "-") {
		return "", false
	}
	if wild {
		if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
			return "", false
		}
		name = "*." + name
	}
	return name, true
}

// loadGiven reads a certificate that we were given, with its key.
func loadGiven(certFile, keyFile string, now time.Time) (*tls.Certificate, error) {
	what := "cannot use the given certificate " + certFile
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, what, reasonOf(err),
			"the first file holds the certificate and its chain, the second ("+keyFile+") the key that belongs to it, both in PEM").Because(err)
	}
	if now.After(pair.Leaf.NotAfter) {
		return nil, banto.Fail(banto.KindInvalid, what, "it ended on "+day(pair.Leaf.NotAfter), "put a new one in its place; is this machine's clock right?")
	}
	return &pair, nil
}

// reasonOf gives an error without the package names in front of it.
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }

// filesState is how two files looked.
type filesState [2]fs.FileInfo

func stateOf(files ...string) (s filesState) {
	for i, file := range files {
		s[i], _ = os.Stat(file) // a file that is gone is a state too
	}
	return s
}

func (s filesState) same(t filesState) bool {
	for i := range s {
		if (s[i] == nil) != (t[i] == nil) {
			return false
		}
		if s[i] != nil && (!os.SameFile(s[i], t[i]) || s[i].Size() != t[i].Size() || !s[i].ModTime().Equal(t[i].ModTime())) {
			return false
		}
	}
	return true
}
