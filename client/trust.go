package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// lastingError is the cause of an error that another try would not mend.
type lastingError struct{ error }

func (e lastingError) Unwrap() error { return e.error }

func lasting(err error) bool {
	var e lastingError
	return errors.As(err, &e)
}

// untrusted says in words why TLS did not come about; nil when it is not about
// TLS.
func (c door) untrusted(err error) *banto.ErrorInfo {
	what := "cannot trust the manager at " + c.base
	fail := func(why, hint string) *banto.ErrorInfo {
		return banto.Fail(banto.KindUnreachable, what, why, hint).Because(lastingError{err})
	}
	var ours *banto.ErrorInfo
	var bad *tls.CertificateVerificationError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		what = "cannot reach the manager at " + c.base
		return fail("it speaks no TLS there", "call it at http"+strings.TrimPrefix(c.base, "https"))
	case errors.As(err, &ours): // what WithTLS was given has looked
		return fail(ours.Why, ours.Hint)
	case !errors.As(err, &bad):
		return nil
	}
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return fail("its certificate is not for "+name.Host+", but for "+namesOf(name.Certificate),
			"call it by one of those, or start it with --san "+name.Host)
	case errors.As(err, &unknown):
		return fail("nobody whom this machine trusts has signed its certificate", "banto login "+c.base+" pins its certificate")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		const day = "2006-01-02"
		return fail("its certificate holds from "+invalid.Cert.NotBefore.UTC().Format(day)+" to "+
			invalid.Cert.NotAfter.UTC().Format(day)+", which by this machine's clock is not now", "is this machine's clock right?")
	}
	return fail(bad.Err.Error(), "banto login "+c.base+" pins its certificate")
}

// namesOf lists the names of a certificate, some of them if there are many.
func namesOf(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	const shown = 8
	if len(names) > shown {
		names = append(names[:shown], "…")
	}
	if len(names) == 0 {
		return "no name at all"
	}
	return strings.Join(names, ", ")
}
