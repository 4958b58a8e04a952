package fabric_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// Everything that can be wrong is really provoked, and named.
func TestWhatIsWrongIsNamed(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	good := secureServer(t, fabric.ServerOptions{TLS: a.server(-time.Hour, time.Hour)})
	plain := startServer(t, t.TempDir())
	at := func(s *fabric.Server) string { return "tls://" + s.Addr() }
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	page := func(status int) string {
		return https(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }), a)
	}
	proxy := func(p *connectProxy) string { return "http://u:p@" + p.start(t) }
	for _, c := range []struct {
		what, endpoint, ca, proxy string
		check, found              string
	}{
		{"name", "tls://no-such-name.invalid:8601", a.pem, "", fabric.CheckName, "no-such-name.invalid"},
		{"refused", "tls://" + nobody.Addr().String(), a.pem, "", fabric.CheckPort, "nobody listens"},
		{"silence", "tls://" + mute.Addr().String(), a.pem, "", fabric.CheckPort, "nothing answers"},
		{"no CA", at(good), "", "", fabric.CheckTLS, "not from the CA"},
		{"another CA", at(good), stranger.pem, "", fabric.CheckTLS, "not from the CA"},
		{"another CA, WebSocket", socket(t, good, a), stranger.pem, "", fabric.CheckTLS, "not from the CA"},
		{"another name", at(secureServer(t, fabric.ServerOptions{TLS: a.server(-time.Hour, time.Hour, "manager.example")})), a.pem, "", fabric.CheckTLS, "other names"},
		{"expired", at(secureServer(t, fabric.ServerOptions{TLS: a.server(-2*time.Hour, -time.Hour)})), a.pem, "", fabric.CheckTLS, "expired"},
		{"clock", at(secureServer(t, fabric.ServerOptions{TLS: a.server(time.Hour, 2*time.Hour)})), a.pem, "", fabric.CheckClock, "not valid yet"},
		{"plain", at(plain), a.pem, "", fabric.CheckTLS, "does not speak TLS"},
		{"plain, WebSocket", "wss://" + plain.Addr(), a.pem, "", fabric.CheckTLS, "does not speak TLS"},
		{"key", at(secureServer(t, fabric.ServerOptions{TLS: a.server(-time.Hour, time.Hour)})), a.pem, "", fabric.CheckKey, "does not take"},
		{"no manager", page(http.StatusNotFound), a.pem, "", fabric.CheckPort, "404"},
		{"gateway", page(http.StatusBadGateway), a.pem, "", fabric.CheckPort, "502"},
		{"forbidden", page(http.StatusForbidden), a.pem, "", fabric.CheckPort, "403"},
		{"proxy wants a user", at(good), a.pem, proxy(&connectProxy{user: "other:p"}), fabric.CheckProxy, "user and password"},
		{"proxy forbids", at(good), a.pem, proxy(&connectProxy{user: "u:p", status: http.StatusForbidden}), fabric.CheckProxy, "does not let"},
		{"proxy cannot", "tls://" + nobody.Addr().String(), a.pem, proxy(&connectProxy{user: "u:p"}), fabric.CheckProxy, "cannot reach"},
		{"no proxy", at(good), a.pem, "http://" + nobody.Addr().String(), fabric.CheckProxy, "nobody listens"},
		{"no such proxy", at(good), a.pem, "http://no-such-name.invalid:3128", fabric.CheckProxy, "no-such-name.invalid"},
		{"not a proxy", at(good), a.pem, "http://" + plain.Addr(), fabric.CheckProxy, "proxy http://127.0.0.1"},
		{"kind of proxy", at(good), a.pem, "socks5://proxy.example:1080", fabric.CheckAddress, "socks5"},
		{"address", "http://manager.example", a.pem, "", fabric.CheckAddress, "neither tls:// nor wss://"},
		{"bad CA", at(good), "nonsense", "", fabric.CheckAddress, "no certificate"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			o := newCaller(t, good, hostA).o
			if o.CA = c.ca; c.proxy != "" {
				o.Proxy = c.proxy
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if c.what == "silence" {
				ctx = muteFor(t, ctx, mute)
			}
			err := fabric.Try(ctx, o, c.endpoint)
			check, found, advice := fabric.Explain(err)
			if err == nil || check != c.check || !strings.Contains(found, c.found) || advice == "" || strings.Contains(found, "u:p@") {
				t.Errorf("%s: %s (%s), from %v", check, found, advice, err)
			}
		})
	}
}

// muteFor gives a context that ends once the connection has been taken.
func muteFor(t *testing.T, ctx context.Context, l net.Listener) context.Context {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Second, context.DeadlineExceeded)
	t.Cleanup(cancel)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = bufio.NewReader(conn).ReadByte() // until the other end gives up
		_ = conn.Close()
	}()
	return ctx
}

func TestWhatTheManagerSaysIsNamed(t *testing.T) {
	for _, c := range []struct {
		err   error
		check string
	}{
		{nil, fabric.CheckNone},
		{&fabric.VersionError{Theirs: 9}, fabric.CheckVersion},
		{&fabric.SessionRefusedError{Why: (&fabric.VersionError{Theirs: 9}).Error()}, fabric.CheckVersion},
		{&fabric.SessionRefusedError{Why: "another agent with this host's identity has connected"}, fabric.CheckIdentity},
		{&fabric.SessionRefusedError{Why: "this host is not enrolled"}, fabric.CheckSession},
		{&fabric.RefusedError{Revoked: true, Err: errors.New("x")}, fabric.CheckKey},
		{&fabric.LostError{}, fabric.CheckNone},
		{errors.New("something else"), fabric.CheckNone},
		{banto.Fail(banto.KindInvalid, "a", "b", "c"), fabric.CheckAddress},
	} {
		if check, found, advice := fabric.Explain(c.err); check != c.check || found == "" || advice == "" && c.err != nil {
			t.Errorf("%v: %s: %s (%s)", c.err, check, found, advice)
		}
	}
}

func TestEndpointsAsTheyAreWritten(t *testing.T) {
	for _, good := range []string{"tls://manager.example", "tls://[2001:db8::1]:8601", "wss://manager.example", "wss://m:8443/fabric",
		"nats://127.0.0.1:8601", "nats://localhost:8601", "ws://[::1]:8600/fabric"} {
		if err := fabric.CheckEndpoint(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "manager.example:8601", "tls://", "nats://manager.example:8601", "ws://192.0.2.1/fabric", "https://m",
		"tls://m:0", "tls://m:x", "tls://m/path", "tls://user:secret@m:1", "wss://m/fabric?x=1"} {
		err := fabric.CheckEndpoint(bad)
		var info *banto.ErrorInfo
		if !errors.As(err, &info) || info.Hint == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
