package fabric

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
)

// Direct says that no proxy is to be used, whatever the environment says.
const Direct = "direct"

// dialer makes the one connection of one try, and remembers what went wrong:
// the NATS client does not tell it apart.
type dialer struct {
	ctx         context.Context
	end         endpoint
	tls         *tls.Config
	proxy       string
	environment func(*http.Request) (*url.URL, error)

	mu   sync.Mutex
	raw  net.Conn
	head *headConn // the beginning of what a WebSocket answers
	err  error
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(_, _ string) (net.Conn, error) {
	conn, err := d.connect()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	if err != nil {
		return nil, err
	}
	d.raw = conn
	if d.end.scheme == "ws" || d.end.scheme == "wss" {
		d.head = &headConn{Conn: conn}
		return d.head, nil
	}
	return conn, nil
}

// give closes what a failed try has left open.
func (d *dialer) give() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.raw != nil {
		_ = d.raw.Close()
	}
}

// cause says what really went wrong.
func (d *dialer) cause(err error, revoked bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
		return d.err
	case isRefusal(err) || strings.Contains(strings.ToLower(err.Error()), "authorization violation"):
		return &RefusedError{Revoked: revoked, Err: err}
	case d.head != nil && d.head.status() != 0:
		return &SocketError{Status: d.head.status(), Err: err}
	}
	return err
}

func (d *dialer) connect() (net.Conn, error) {
	proxy, err := d.chooseProxy()
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	if proxy == nil {
		conn, err = (&net.Dialer{}).DialContext(d.ctx, "tcp", d.end.addr)
	} else {
		conn, err = d.through(proxy)
	}
	if err != nil || d.end.scheme != "wss" {
		return conn, err
	}
	config := d.tls.Clone()
	config.ServerName = d.end.host
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(d.ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", nats.ErrTLS, err)
	}
	return secure, nil
}

// chooseProxy gives the proxy to go through, or nil.
func (d *dialer) chooseProxy() (*url.URL, error) {
	if d.proxy != "" {
		return parseProxy(d.proxy)
	}
	u, err := d.environment(&http.Request{URL: &url.URL{Scheme: "https", Host: d.end.addr}})
	if err != nil {
		return nil, &ProxyError{Proxy: "of the environment", Err: err}
	}
	if u == nil {
		return nil, nil
	}
	return checkProxy(u)
}

func parseProxy(text string) (*url.URL, error) {
	if text == "" || text == Direct {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, badProxy("the proxy is not an address")
	}
	return checkProxy(u)
}

// ProxyFor gives the proxy of a setting in the form of an http.Transport: the
// stated one, none for "direct", and that of the environment for nothing.
func ProxyFor(setting string) func(*http.Request) (*url.URL, error) {
	switch setting {
	case "":
		return http.ProxyFromEnvironment
	case Direct:
		return nil
	}
	return func(*http.Request) (*url.URL, error) { return parseProxy(setting) }
}

func checkProxy(u *url.URL) (*url.URL, error) {
	switch u.Scheme {
	case "http", "https":
		return u, nil
	}
	return nil, badProxy(u.Scheme + ":// is not a kind of proxy that is known")
}

func badProxy(why string) error {
	return banto.Fail(banto.KindInvalid, "cannot connect to the manager", why, "write it as http://proxy.example:3128, with user:password@ before the name if it asks for them")
}

// through asks the proxy for a connection to the endpoint.
func (d *dialer) through(proxy *url.URL) (_ net.Conn, err error) {
	name := proxy.Redacted()
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	conn, err := (&net.Dialer{}).DialContext(d.ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, &ProxyError{Proxy: name, Err: err}
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if deadline, ok := d.ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(d.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if proxy.Scheme == "https" {
		secure := tls.Client(conn, &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(d.ctx); err != nil {
			return nil, &ProxyError{Proxy: name, Err: err}
		}
		conn = secure
	}
	request := "CONNECT " + d.end.addr + " HTTP/1.1\r\nHost: " + d.end.addr + "\r\n"
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, &ProxyError{Proxy: name, Err: err}
	}
	r := bufio.NewReaderSize(conn, 4<<10)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // it has no body: what follows is the manager's
	if err != nil {
		return nil, &ProxyError{Proxy: name, Err: err}
	}
	if answer.StatusCode != http.StatusOK {
		return nil, &ProxyError{Proxy: name, Status: answer.StatusCode, Err: errors.New(answer.Status)}
	}
	if !stop() {
		return nil, &ProxyError{Proxy: name, Err: context.Cause(d.ctx)}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, &ProxyError{Proxy: name, Err: err}
	}
	return &readConn{Conn: conn, r: r}, nil // the manager speaks first: that may be read already
}

// readConn reads what a reader has read ahead.
type readConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *readConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// headConn remembers the first bytes that were read.
type headConn struct {
	net.Conn
	mu   sync.Mutex
	head []byte
}

func (c *headConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	if room := 64 - len(c.head); room > 0 && n > 0 {
		c.head = append(c.head, p[:min(n, room)]...)
	}
	c.mu.Unlock()
	return n, err
}

// status gives the HTTP status of an answer that is no WebSocket's; 0 for none.
func (c *headConn) status() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, rest, ok := bytes.Cut(c.head, []byte(" "))
	if !ok || !bytes.HasPrefix(c.head, []byte("HTTP/")) || len(rest) < 3 {
		return 0
	}
	status := 0
	for _, d := range rest[:3] {
		if d < '0' || d > '9' {
			return 0
		}
		status = status*10 + int(d-'0')
	}
	if status == http.StatusSwitchingProtocols {
		return 0
	}
	return status
}

// ProxyError says that the proxy does not make the connection.
type ProxyError struct {
	Proxy  string // without its password
	Status int    // that it answered; 0 for none
	Err    error
}

func (e *ProxyError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("the proxy %s answered %v", e.Proxy, e.Err)
	}
	return fmt.Sprintf("the proxy %s: %v", e.Proxy, e.Err)
}
func (e *ProxyError) Unwrap() error { return e.Err }

// SocketError says that what answers at an address is no fabric.
type SocketError struct {
	Status int
	Err    error
}

func (e *SocketError) Error() string {
	return fmt.Sprintf("it answered HTTP status %d instead of taking on a WebSocket", e.Status)
}
func (e *SocketError) Unwrap() error { return e.Err }
