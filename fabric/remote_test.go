package fabric_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

const hostA, hostB = banto.HostID("h-aaaaaaaaaa"), banto.HostID("h-bbbbbbbbbb")

// authority is a CA that signs what a test needs.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: now.Add(-100 * time.Hour),
		NotAfter: now.Add(100 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t: t, key: key, cert: cert, pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// server makes the TLS of a server for 127.0.0.1, good between two times from now.
func (a *authority) server(from, to time.Duration, names ...string) *tls.Config {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "manager"}, NotBefore: now.Add(from), NotAfter: now.Add(to),
		DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if len(names) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	pair := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }}
}

func secureServer(t *testing.T, o fabric.ServerOptions) *fabric.Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	s, err := fabric.StartServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// change is what DialOptions.Changed was told.
type change struct {
	connected bool
	endpoint  string
	err       error
}

// caller is a host that dials, with all that it is told.
type caller struct {
	t       *testing.T
	o       fabric.DialOptions
	key     string
	changes chan change
	heard   chan string
	conn    *fabric.Conn
}

func newCaller(t *testing.T, s *fabric.Server, id banto.HostID, endpoints ...string) *caller {
	t.Helper()
	identity, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Issue(id, identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{t: t, key: identity.PublicKey, changes: make(chan change, 256), heard: make(chan string, 16)}
	c.o = fabric.DialOptions{Endpoints: endpoints, Proxy: fabric.Direct, Name: string(id), Seed: identity.Seed, JWT: token,
		Subject: fabric.DownSubject(id), Receive: func(b []byte) { c.heard <- string(b) },
		Changed: func(connected bool, endpoint string, err error) {
			select {
			case c.changes <- change{connected, endpoint, err}:
			default:
			}
		}}
	return c
}

func (c *caller) dial() {
	c.t.Helper()
	var err error
	if c.conn, err = fabric.Dial(c.o); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.conn.Close)
}

// until waits for a change.
func (c *caller) until(what string, ok func(change) bool) change {
	c.t.Helper()
	deadline := time.After(10 * time.Second)
	var last change
	for {
		select {
		case last = <-c.changes:
			if ok(last) {
				return last
			}
		case <-deadline:
			c.t.Fatalf("waited in vain until %s; last %+v", what, last)
		}
	}
}

func connected(c change) bool { return c.connected }
func failed(c change) bool    { return !c.connected }

// works says something both ways.
func works(t *testing.T, s *fabric.Server, c *caller, id banto.HostID) {
	t.Helper()
	manager, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	up, err := manager.SubscribeSync(fabric.UpWildcard)
	if err == nil {
		err = manager.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.conn.Publish(fabric.UpSubject(id), []byte("up")); err != nil {
		t.Fatal(err)
	}
	if msg, err := up.NextMsg(5 * time.Second); err != nil || msg.Subject != fabric.UpSubject(id) {
		t.Fatalf("the manager hears %v, %v", msg, err)
	}
	if err := manager.Publish(fabric.DownSubject(id), []byte("down")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-c.heard:
		if got != "down" {
			t.Fatalf("the host hears %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the host hears nothing")
	}
}

// socket serves a server's WebSocket as a manager's HTTPS port does.
func socket(t *testing.T, s *fabric.Server, a *authority) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(fabric.SocketPath, s.Websocket())
	return https(t, mux, a) + fabric.SocketPath
}

// https serves over TLS and gives the address for a WebSocket.
func https(t *testing.T, handler http.Handler, a *authority) string {
	t.Helper()
	h := httptest.NewUnstartedServer(handler)
	pair, err := a.server(-time.Hour, time.Hour).GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.TLS = &tls.Config{Certificates: []tls.Certificate{*pair}}
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.StartTLS()
	t.Cleanup(h.Close)
	return "wss://" + h.Listener.Addr().String()
}

func TestTLSAndWebSocket(t *testing.T) {
	a := newAuthority(t)
	s := secureServer(t, fabric.ServerOptions{TLS: a.server(-time.Hour, time.Hour)})
	if !strings.HasPrefix(s.URL(), "tls://127.0.0.1:") || s.Port() == 0 {
		t.Errorf("it answers at %s, port %d", s.URL(), s.Port())
	}
	for _, endpoint := range []string{s.URL(), "nats" + strings.TrimPrefix(s.URL(), "tls"), socket(t, s, a)} {
		c := newCaller(t, s, hostA, endpoint)
		c.o.CA = a.pem
		c.dial()
		if got := c.until("it is connected", func(change) bool { return true }); !got.connected || got.endpoint != endpoint {
			t.Fatalf("%s: %+v", endpoint, got)
		}
		works(t, s, c, hostA)
		if open, why := s.Connection(hostA); !open {
			t.Errorf("%s: it is said to have no connection: %s", endpoint, why)
		}
		c.conn.Close()
		if err := c.conn.Publish(fabric.UpSubject(hostA), nil); err == nil {
			t.Errorf("%s: published after the end", endpoint)
		}
	}
	if open, why := s.Connection(hostB); open || why == "" {
		t.Errorf("a host that never came: %v, %q", open, why)
	}
}

// All interfaces may be listened on with TLS only.
func TestBeyondThisMachineOnlyWithTLS(t *testing.T) {
	a := newAuthority(t)
	s := secureServer(t, fabric.ServerOptions{Listen: "0.0.0.0:0", TLS: a.server(-time.Hour, time.Hour)})
	if !strings.HasPrefix(s.URL(), "tls://127.0.0.1:") {
		t.Errorf("hosts on this machine dial %s", s.URL())
	}
	c := newCaller(t, s, hostA, s.URL())
	c.o.CA = a.pem
	c.dial()
	c.until("it is connected", connected)
	if err := fabric.CheckEndpoint("nats://192.0.2.1:8601"); err == nil {
		t.Error("a plain address of another machine is taken")
	}
}

// What a host is told at its connect names no other address.
func TestNoAddressIsAdvertised(t *testing.T) {
	s := startServer(t, t.TempDir())
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	info, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(info, "INFO ") || strings.Contains(info, "connect_urls") {
		t.Errorf("%s, %v", info, err)
	}
}

func TestWhoTheWebSocketIsNotFor(t *testing.T) {
	s := startServer(t, t.TempDir())
	h := httptest.NewServer(s.Websocket())
	defer h.Close()
	for _, c := range []struct {
		method string
		header map[string]string
		want   int
	}{
		{http.MethodGet, nil, http.StatusUpgradeRequired},
		{http.MethodPost, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade"}, http.StatusUpgradeRequired},
		{http.MethodGet, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://evil.example"}, http.StatusForbidden},
		{http.MethodGet, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade"}, http.StatusBadRequest}, // no key
	} {
		r, err := http.NewRequest(c.method, h.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s %v: status %d, want %d", c.method, c.header, answer.StatusCode, c.want)
		}
	}
	s.Close()
	r, _ := http.NewRequest(http.MethodGet, h.URL, nil)
	r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
	if answer, err := http.DefaultClient.Do(r); err != nil || answer.StatusCode != http.StatusBadGateway {
		t.Errorf("a fabric that has ended: %v, %v", answer, err)
	}
}

// A key that was revoked is out at once, over whatever it came, and stays out.
func TestRevokedKeys(t *testing.T) {
	a := newAuthority(t)
	dir := t.TempDir()
	s := secureServer(t, fabric.ServerOptions{Dir: dir, TLS: a.server(-time.Hour, time.Hour)})
	wss := socket(t, s, a)
	other := newCaller(t, s, hostB, s.URL())
	other.o.CA = a.pem
	other.dial()
	other.until("the other is connected", connected)
	var keys []string
	var last *caller
	for _, endpoint := range []string{s.URL(), wss} {
		c := newCaller(t, s, hostA, endpoint)
		c.o.CA = a.pem
		c.dial()
		c.until("it is connected", connected)
		if err := s.Revoke(c.key); err != nil {
			t.Fatal(err)
		}
		// It is cut; the server's last word may be lost with the connection. Then
		// it is not let in.
		c.until("it is cut", failed)
		c.until("it is not let in", func(got change) bool {
			if got.connected {
				t.Errorf("%s: it is let in again", endpoint)
			}
			check, _, _ := fabric.Explain(got.err)
			return check == fabric.CheckKey
		})
		if err := fabric.Try(context.Background(), c.o, endpoint); err == nil {
			t.Errorf("%s: it is let in again", endpoint)
		}
		if _, err := s.Issue(hostA, c.key); err == nil {
			t.Error("new credentials for a revoked key")
		}
		keys, last = append(keys, c.key), c
	}
	works(t, s, other, hostB)
	if err := s.Revoke("nonsense"); err == nil {
		t.Error("nonsense is revoked")
	}
	s.Close()
	again := secureServer(t, fabric.ServerOptions{Dir: dir, Revoked: keys, TLS: a.server(-time.Hour, time.Hour)})
	if err := fabric.Try(context.Background(), last.o, again.URL()); err == nil {
		t.Error("after a restart the revoked key is let in")
	}
	if err := fabric.Try(context.Background(), other.o, again.URL()); err != nil {
		t.Errorf("after a restart the other key: %v", err)
	}
	without := secureServer(t, fabric.ServerOptions{Dir: dir, TLS: a.server(-time.Hour, time.Hour)})
	if err := fabric.Try(context.Background(), last.o, without.URL()); err != nil {
		t.Errorf("a server that is not told: %v", err) // so the test above tests something
	}
}

// One endpoint after the other is tried; after a loss the same comes first.
func TestEndpointsInTurn(t *testing.T) {
	dir := t.TempDir()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "nats://" + dead.Addr().String()
	_ = dead.Close()
	first, second := startServer(t, dir), startServer(t, dir)
	addr := second.Addr()
	c := newCaller(t, first, hostA, nobody, second.URL(), first.URL())
	c.dial()
	refused := c.until("the first endpoint fails", failed)
	if check, found, _ := fabric.Explain(refused.err); check != fabric.CheckPort || !strings.Contains(found, "nobody listens") || refused.endpoint != nobody {
		t.Errorf("%s: %s: %s", refused.endpoint, check, found)
	}
	if got := c.until("another works", connected); got.endpoint != second.URL() {
		t.Errorf("connected to %s", got.endpoint)
	}
	second.Close()
	if got := c.until("it is lost", failed); got.endpoint != "nats://"+addr {
		t.Errorf("lost %s", got.endpoint)
	}
	if got := c.until("the same is tried", failed); got.endpoint != "nats://"+addr {
		t.Errorf("tried %s", got.endpoint)
	}
	if got := c.until("another works", connected); got.endpoint != first.URL() {
		t.Errorf("connected to %s", got.endpoint)
	}
}

// connectProxy is an HTTP proxy that only knows CONNECT.
type connectProxy struct {
	user   string // user:password that it wants
	status int    // that it answers instead of connecting
	mu     sync.Mutex
	asked  []string
}

func (p *connectProxy) start(t *testing.T) string {
	t.Helper()
	h := httptest.NewServer(p)
	t.Cleanup(h.Close)
	return h.Listener.Addr().String()
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	want := ""
	if p.user != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(p.user))
	}
	switch {
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Header.Get("Proxy-Authorization") != want:
		w.WriteHeader(http.StatusProxyAuthRequired)
	case p.status != 0:
		w.WriteHeader(p.status)
	default:
		p.connect(w, r.Host)
	}
}

func (p *connectProxy) connect(w http.ResponseWriter, to string) {
	out, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer in.Close()
	if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) { _, _ = io.Copy(to, from); done <- struct{}{} }
	go pipe(out, in)
	go pipe(in, out)
	<-done
}

func TestThroughAProxy(t *testing.T) {
	a := newAuthority(t)
	s := secureServer(t, fabric.ServerOptions{TLS: a.server(-time.Hour, time.Hour)})
	p := &connectProxy{user: "banto:s3:cret"}
	at := p.start(t)
	for _, endpoint := range []string{s.URL(), socket(t, s, a)} {
		c := newCaller(t, s, hostA, endpoint)
		c.o.CA, c.o.Proxy = a.pem, "http://banto:s3%3Acret@"+at
		c.dial()
		if got := c.until("it is connected", func(change) bool { return true }); !got.connected {
			t.Fatalf("%s: %v", endpoint, got.err)
		}
		works(t, s, c, hostA)
		c.conn.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) != 2 {
		t.Errorf("the proxy was asked for %v", p.asked)
	}
}
