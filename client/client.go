package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
)

// What a call may take, unless its options say otherwise.
const (
	callTimeout  = 30 * time.Second
	applyTimeout = 5 * time.Minute
	maxAnswer    = 64 << 20 // bytes of one answer
	maxTries     = 4        // of a call, when there is one manager and it does not answer
)

// Client talks to the managers of one store. It is safe for use by many
// goroutines.
type Client struct {
	urls    []string     // without a slash at the end
	at      atomic.Int64 // which of them is asked; it only grows
	token   string
	agent   string
	timeout time.Duration
	backoff time.Duration
	patient time.Duration
	waiting func(error)
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

// New makes a client of the manager at a URL such as http://127.0.0.1:8600, or
// of several managers of one store, by their URLs with commas or blanks between
// them. A URL that cannot be used is told by the first call.
func New(managers, token string, opts ...Option) *Client {
	c := &Client{
		urls:    URLs(managers),
		token:   token,
		agent:   "banto-client",
		timeout: callTimeout,
		backoff: 200 * time.Millisecond,
		patient: patience,
		waiting: func(error) {},
	}
	c.http = &http.Client{
		// A redirect would carry the token to an address that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, o := range opts {
		o(c)
	}
	if len(c.urls) > 1 {
		c.transport().DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if len(c.urls) == 0 {
		c.urls = []string{""}
	}
	for _, text := range c.urls {
		u, err := url.Parse(text)
		if c.err == nil && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
			c.err = banto.Fail(banto.KindInvalid, "cannot use the manager's URL "+strconv.Quote(text),
				"it is not a URL such as http://127.0.0.1:8600", "check --url and $BANTO_URL")
		}
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
	again   bool          // may be sent again although it may have been done; reads always may
}

// repeats says whether a call may be sent again without knowing what has become
// of it.
func (in call) repeats() bool { return in.again || in.method == http.MethodGet }

// do sends a call, decodes the answer into out (unless nil), and gives the
// HTTP status.
func (c *Client) do(ctx context.Context, in call, out any) (int, error) {
	body, err := encode(in.body)
	if err != nil {
		return 0, err
	}
	if c.err != nil {
		return 0, c.err
	}
	for t := c.trying(in); ; {
		d := c.door()
		status, err := d.once(ctx, in, t.timeout(), body, out)
		if err == nil || !t.another(ctx, d, err) {
			return status, err
		}
	}
}

// once sends a call a single time.
func (c door) once(ctx context.Context, in call, timeout time.Duration, body []byte, out any) (int, error) {
	callCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	traced, sent := sending(callCtx)
	req, err := c.request(traced, in, body)
	if err != nil {
		return 0, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, unsent(c.unreachable(ctx, err, timeout), sent)
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
func (c door) request(ctx context.Context, in call, body []byte) (*http.Request, error) {
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
