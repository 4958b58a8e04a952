package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/bantoops/banto"
)

// TrustTLS gives a client that trusts this CA and no other; an empty text means
// the CAs that the system trusts. A text that is no certificate trusts nobody,
// and says so.
func TrustTLS(caPEM string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if caPEM == "" {
		return c
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM([]byte(caPEM)) {
		return refuseAll(banto.Fail(banto.KindInvalid, "cannot trust the manager", "the CA that is kept for it is not a certificate in PEM",
			"banto login keeps it anew"))
	}
	return c
}

// PinnedTLS gives a client that trusts the CA with this fingerprint and no
// other: the manager shows its CA's certificate in its chain. A DNS name is
// checked as usual; an address, which TLS does not tell the check, is not: the
// CA signs for nobody but its manager.
func PinnedTLS(fingerprint string) *tls.Config {
	if !validFingerprint(fingerprint) {
		return refuseAll(banto.Fail(banto.KindInvalid, "cannot trust the manager", "what is to be its CA's fingerprint is none",
			"it is sha256: and 64 hexadecimal digits, as banto host enrol gives it"))
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} // #nosec G402 -- VerifyConnection does it
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		now := time.Now
		if c.Time != nil {
			now = c.Time
		}
		return checkPinned(cs, fingerprint, now())
	}
	return c
}

func refuseAll(err error) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // #nosec G402 -- nobody passes
		VerifyConnection: func(tls.ConnectionState) error { return err },
	}
}

// checkPinned verifies a chain up to the CA with the fingerprint.
func checkPinned(cs tls.ConnectionState, fingerprint string, now time.Time) error {
	const what = "cannot trust what answers"
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, cert := range cs.PeerCertificates {
		if cert.IsCA && fingerprintOf(cert.Raw) == fingerprint {
			roots.AddCert(cert)
			found = true
		} else {
			others.AddCert(cert)
		}
	}
	if !found {
		return banto.Fail(banto.KindUnauthenticated, what, "its CA is not the one with the fingerprint "+fingerprint,
			"is it the right manager? It may have a new CA, or something between you and it may read along: ask for a new token, and compare")
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: now, DNSName: cs.ServerName,
	})
	if err != nil {
		return banto.Fail(banto.KindUnauthenticated, what, tlsReason(err), tlsHint(err)).Because(err)
	}
	return nil
}

// tlsReason says in words why a certificate was not trusted.
func tlsReason(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate holds from %s to %s, which by this machine's clock is not now",
			day(invalid.Cert.NotBefore), day(invalid.Cert.NotAfter))
	case errors.As(err, &name):
		return "its certificate is not for " + name.Host
	}
	return err.Error()
}

func tlsHint(err error) string {
	var name x509.HostnameError
	if errors.As(err, &name) {
		return "start the manager with --san " + name.Host + ", or call it by a name that it has"
	}
	return "is this machine's clock right?"
}

// Offer is what an address shows to those who connect.
type Offer struct {
	CA          string // the last certificate of the chain as PEM, if it is a CA's; else empty
	Fingerprint string // of that CA
	Trusted     bool   // the system trusts the chain for that name
}

// Offered asks an address, host:port, for its certificates. It trusts nothing
// and sends nothing: a person is to compare the fingerprint, and PinnedTLS
// then holds on to it.
func Offered(ctx context.Context, address string) (Offer, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return Offer{}, fmt.Errorf("cannot ask %s for its certificate: %w", address, err)
	}
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, ServerName: host}} // #nosec G402 -- only looks
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return Offer{}, fmt.Errorf("cannot ask %s for its certificate: %w", address, err)
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return Offer{}, fmt.Errorf("cannot ask %s for its certificate: no TLS", address)
	}
	chain := secure.ConnectionState().PeerCertificates
	var o Offer
	if last := chain[len(chain)-1]; last.IsCA && last.CheckSignatureFrom(last) == nil {
		o.CA, o.Fingerprint = string(encodeCert(last.Raw)), fingerprintOf(last.Raw)
	}
	others := x509.NewCertPool()
	for _, cert := range chain[1:] {
		others.AddCert(cert)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{Intermediates: others, DNSName: host})
	o.Trusted = err == nil
	return o, nil
}
