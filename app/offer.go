package app

import (
	"context"
	"errors"
	"net"
	"net/url"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
)

// Offer is what a manager shows to those who connect with TLS.
type Offer = auth.Offer

// Offered asks the manager at a URL such as https://manager:8600 for its
// certificates. It trusts nothing and sends nothing.
func Offered(ctx context.Context, u *url.URL) (Offer, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "443")
	}
	o, err := auth.Offered(ctx, address)
	if err == nil {
		return o, nil
	}
	_, why, advice := fabric.Explain(errors.Unwrap(err))
	return o, banto.Fail(banto.KindUnreachable, "cannot reach the manager at "+u.String(), why, advice).Because(err)
}
