package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// What a call may take, unless its options say otherwise.
const (
	callTimeout  = 30 * time.Second
	applyTimeout = 5 * time.Minute
	maxAnswer    = 64 << 20 // bytes of one answer
	maxTries     = 4        // of a call that may be sent again
)

// Client talks to one manager. It is safe for use by many goroutines.
type Client struct {
	base    string // without a slash at the end
	token   string
	agent   string
	timeout time.Duration
	backoff time.Duration
	http    *http.Client
	carrier *http.Transport // of http; nil: Go's own
	err     error           // of the URL or the proxy, told at each call
}

// Option changes a client that New makes.
type Option func(*Client)

// WithTimeout limits every call that is neither a stream nor an apply.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithUserAgent names the program that calls, for the manager's log.
func WithUserAgent(name string) Option { return func(c *Client) { c.agent = name } }

// WithTLS says what the client trusts; nil: what the system does.
func WithTLS(trust *tls.Config) Option {
	return func(c *Client) {
		if trust != nil {
			c.transport().TLSClientConfig = trust.Clone()
		}
	}
}

// WithProxy sends everything through an HTTP proxy at a URL such as
// http://proxy:3128; empty: as the environment says (HTTPS_PROXY, NO_PROXY).
func WithProxy(proxy string) Option {
	return func(c *Client) {
		if proxy == "" {
			return
		}
		u, err := url.Parse(proxy)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			c.err = banto.Fail(banto.KindInvalid, "cannot use the proxy", "its URL is not one such as http://proxy:3128", "check --proxy")
			return
		}
		c.transport().Proxy = http.ProxyURL(u)
	}
}

// transport gives the client a transport of its own.
func (c *Client) transport() *http.Transport {
	if c.carrier == nil {
		c.carrier, _ = http.DefaultTransport.(*http.Transport)
		if c.carrier == nil { // the program put one of its own there
			c.carrier = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
		}
		c.carrier = c.carrier.Clone()
		c.http.Transport = c.carrier
	}
	return c.carrier
}

// WithBackoff sets the wait before a call is sent again; each further wait is
// twice as long.
func WithBackoff(d time.Duration) Option { return func(c *Client) { c.backoff = d } }

// New makes a client of the manager at a URL such as http://127.0.0.1:8600.
// A URL that cannot be used is told by the first call.
func New(managerURL, token string, opts ...Option) *Client {
	c := &Client{
		base:    strings.TrimRight(managerURL, "/"),
		token:   token,
		agent:   "banto-client",
		timeout: callTimeout,
		backoff: 200 * time.Millisecond,
	}
	c.http = &http.Client{
		// A redirect would carry the token to an address that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, o := range opts {
		o(c)
	}
	u, err := url.Parse(c.base)
	if c.err == nil && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
		c.err = banto.Fail(banto.KindInvalid, "cannot use the manager's URL "+strconv.Quote(managerURL),
			"it is not a URL such as http://127.0.0.1:8600", "check --url and $BANTO_URL")
	}
	return c
}

// call is one request of the API.
type call struct {
	method  string
	path    string // behind /api/v1, escaped
	query   url.Values
	header  map[string]string
	body    any
	timeout time.Duration // 0: the client's
	again   bool          // may be sent again when the connection fails
}

// do sends a call, decodes the answer into out (unless nil), and gives the
// HTTP status.
func (c *Client) do(ctx context.Context, in call, out any) (int, error) {
	body, err := encode(in.body)
	if err != nil {
		return 0, err
	}
	wait := c.backoff
	for try := 1; ; try++ {
		status, err := c.once(ctx, in, body, out)
		if err == nil || !in.again || try == maxTries || banto.KindOf(err) != banto.KindUnreachable || ctx.Err() != nil || lasting(err) {
			return status, err
		}
		if !sleep(ctx, jitter(wait)) {
			return status, err
		}
		wait *= 2
	}
}

// once sends a call a single time.
func (c *Client) once(ctx context.Context, in call, body []byte, out any) (int, error) {
	timeout := in.timeout
	if timeout == 0 {
		timeout = c.timeout
	}
	callCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := c.request(callCtx, in, body)
	if err != nil {
		return 0, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, c.unreachable(ctx, err, timeout)
	}
	defer func() { _ = res.Body.Close() }() // read to its end or not wanted
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return 0, c.unreachable(ctx, err, timeout)
	}
	if len(text) > maxAnswer {
		return 0, c.strange("its answer is larger than 64 MiB")
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, c.refusal(res, text)
	}
	if out == nil {
		return res.StatusCode, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return 0, c.strange("its answer is not what was expected").Because(err)
	}
	return res.StatusCode, nil
}

// request builds the HTTP request of a call.
func (c *Client) request(ctx context.Context, in call, body []byte) (*http.Request, error) {
	if c.err != nil {
		return nil, c.err
	}
	target := c.base + "/api/v1" + in.path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot call the manager", err.Error(), "").Because(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	if in.method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range in.header {
		req.Header.Set(k, v)
	}
	return req, nil
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot write the request", err.Error(), "").Because(err)
	}
	return b, nil
}

// refusal turns an answer that is no success into an error.
func (c *Client) refusal(res *http.Response, text []byte) *banto.ErrorInfo {
	if t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && t == "application/problem+json" {
		var e banto.ErrorInfo
		if json.Unmarshal(text, &e) == nil && e.Kind != "" {
			return &e
		}
	}
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return banto.Fail(banto.KindUnavailable, "the manager at "+c.base+" is not available",
			"the answer was "+res.Status, "try again in a moment")
	}
	if res.StatusCode == http.StatusBadRequest && res.TLS == nil && strings.Contains(string(text), "HTTP request to an HTTPS server") {
		secure := "https" + strings.TrimPrefix(c.base, "http")
		return banto.Fail(banto.KindUnreachable, "cannot reach the manager at "+c.base, "it speaks TLS there, and was called without",
			"call it at "+secure+"; banto login "+secure+" pins its certificate").Because(lastingError{errors.New(res.Status)})
	}
	return c.strange("the answer was " + res.Status)
}

// strange says that what answers does not speak as a manager does.
func (c *Client) strange(why string) *banto.ErrorInfo {
	return banto.Fail(banto.KindUnreachable, "what answers at "+c.base+" does not look like a Banto manager", why,
		"check $BANTO_URL")
}

// unreachable turns a failed connection into an error.
func (c *Client) unreachable(ctx context.Context, err error, timeout time.Duration) *banto.ErrorInfo {
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
	case errors.As(err, &record) && strings.HasPrefix(string(record.RecordHeader[:]), fabricGreets), strings.Contains(err.Error(), `malformed HTTP status code "{`), strings.Contains(err.Error(), `malformed HTTP response "`+fabricGreets):
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

// missing says what to look at when nothing answers.
func (c *Client) missing() string {
	if u, err := url.Parse(c.base); err == nil {
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return "is it running? banto up"
		}
	}
	return "is it running, and is the address right?"
}

// viaProxy says that the proxy is what cannot be reached, or did not let the
// call through.
func (c *Client) viaProxy(err error, why string) *banto.ErrorInfo {
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

// jitter spreads waits, so that many clients do not come back at once.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}

// sleep waits, or gives false when the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// pages reads all pages of a list.
func pages[T any](fetch func(cursor string) (banto.Page[T], error)) ([]T, error) {
	var all []T
	cursor := ""
	for {
		page, err := fetch(cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" || page.Next == cursor {
			return all, nil
		}
		cursor = page.Next
	}
}

// list is the query of a page.
func list(cursor string, limit int) url.Values {
	q := url.Values{}
	set(q, "cursor", cursor)
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}
