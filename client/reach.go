package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// refusal turns an answer that is no success into an error.
func (c door) refusal(res *http.Response, text []byte) *banto.ErrorInfo {
	if t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && t == "application/problem+json" {
		var e banto.ErrorInfo
		if json.Unmarshal(text, &e) == nil && e.Kind != "" {
			return c.changing(&e, res)
		}
	}
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return banto.Fail(banto.KindUnavailable, "the manager at "+c.base+" is not available",
			"the answer was "+res.Status, "try again in a moment").Because(movedError{errors.New(res.Status)})
	}
	if res.StatusCode == http.StatusBadRequest && res.TLS == nil && strings.Contains(string(text), "HTTP request to an HTTPS server") {
		secure := "https" + strings.TrimPrefix(c.base, "http")
		return banto.Fail(banto.KindUnreachable, "cannot reach the manager at "+c.base, "it speaks TLS there, and was called without",
			"call it at "+secure+"; banto login "+secure+" pins its certificate").Because(lastingError{errors.New(res.Status)})
	}
	return c.strange("the answer was " + res.Status)
}

// strange says that what answers does not speak as a manager does.
func (c door) strange(why string) *banto.ErrorInfo {
	return banto.Fail(banto.KindUnreachable, "what answers at "+c.base+" does not look like a Banto manager", why,
		"check $BANTO_URL")
}

// unreachable turns a failed connection into an error.
func (c door) unreachable(ctx context.Context, err error, timeout time.Duration) *banto.ErrorInfo {
	if ctx.Err() != nil {
		return banto.Fail(banto.KindUnreachable, "the call to the manager at "+c.base+" was given up",
			ctx.Err().Error(), "").Because(ctx.Err())
	}
	if e := c.untrusted(err); e != nil {
		return e
	}
	why, hint := innermost(err), c.missing()
	var op *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return c.viaProxy(err, why)
	case errors.As(err, &record) && strings.HasPrefix(string(record.RecordHeader[:]), fabricGreets), strings.Contains(err.Error(), `malformed HTTP status code "{`), strings.Contains(err.Error(), `malformed HTTP response "`+fabricGreets),
		strings.Contains(err.Error(), spokeFirst) && c.greets(ctx):
		return banto.Fail(banto.KindUnreachable, "cannot reach the manager at "+c.base, "that is the port for agents",
			"the API is on another, 8600 unless it was moved").Because(lastingError{err})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		why, hint = "no answer within "+timeout.String(), "is it overloaded, or behind a firewall?"
	}
	return banto.Fail(banto.KindUnreachable, "cannot reach the manager at "+c.base, why, hint).Because(err)
}

// fabricGreets is how the port for agents begins, whoever comes.
const fabricGreets = "INFO "

// spokeFirst is in the error of net/http for a server that was quicker to speak
// than the request was to be written, which does not say what it said.
const spokeFirst = "readLoopPeekFailLocked"

// greets says whether what is there greets as the port for agents does.
func (c door) greets(ctx context.Context) bool {
	u, err := url.Parse(c.base)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	said := make([]byte, len(fabricGreets))
	_, err = io.ReadFull(conn, said)
	return err == nil && string(said) == fabricGreets
}

// missing says what to look at when nothing answers.
func (c door) missing() string {
	if u, err := url.Parse(c.base); err == nil {
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return "is it running? banto up"
		}
	}
	return "is it running, and is the address right?"
}

// viaProxy says that the proxy is what cannot be reached, or did not let the
// call through.
func (c door) viaProxy(err error, why string) *banto.ErrorInfo {
	name := "the proxy"
	if c.carrier != nil && c.carrier.Proxy != nil {
		if target, bad := url.Parse(c.base); bad == nil {
			if u, none := c.carrier.Proxy(&http.Request{URL: target}); none == nil && u != nil {
				name += " " + u.Scheme + "://" + u.Host // without the password that may stand in it
			}
		}
	}
	return banto.Fail(banto.KindUnreachable, "cannot reach the manager at "+c.base, "cannot connect to "+name+": "+why,
		"is the proxy's address right, and does it run? --proxy, HTTPS_PROXY and NO_PROXY say which is used").Because(err)
}

// innermost gives the text of the last error of a chain: what the system said.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
