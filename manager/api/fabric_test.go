package api

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/fabric"
)

// secure serves the world's API with TLS and a real fabric behind it, and gives
// its address and its CA.
func (w *world) secure(names ...string) (base string, ca *auth.Authority, wire *fabric.Server) {
	w.t.Helper()
	ca, err := auth.OpenAuthority(w.t.TempDir(), time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	certs, err := auth.NewCertificates(auth.CertificateOptions{Authority: ca, Names: names})
	if err != nil {
		w.t.Fatal(err)
	}
	if wire, err = fabric.StartServer(fabric.ServerOptions{Listen: "127.0.0.1:0", Dir: w.t.TempDir()}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(wire.Close)
	o := w.server.Options
	o.AllowedHosts, o.Certificate, o.Fabric, o.Fingerprint = nil, certs.Leaf, wire.Websocket(), ca.Fingerprint()
	srv := httptest.NewUnstartedServer(New(o))
	srv.Listener = tls.NewListener(srv.Listener, certs.TLSConfig())
	srv.Start()
	w.t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return "https" + strings.TrimPrefix(srv.URL, "http"), ca, wire
}

func TestAgentComesThroughTheAPIsPort(t *testing.T) {
	w := newWorld(t)
	base, ca, wire := w.secure()
	identity, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := wire.Issue("h-0123456789", identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan error, 10)
	conn, err := fabric.Dial(fabric.DialOptions{
		Endpoints: []string{"wss" + strings.TrimPrefix(base, "https") + "/fabric"}, CA: ca.CAPEM(), Proxy: "direct",
		Name: "db01", Seed: identity.Seed, JWT: jwt, Subject: fabric.DownSubject("h-0123456789"), Receive: func([]byte) {},
		Changed: func(up bool, _ string, err error) {
			if up {
				err = nil
			}
			select {
			case connected <- err:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	select {
	case err := <-connected:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it did not connect")
	}
}

func TestNamesOfTheCertificate(t *testing.T) {
	w := newWorld(t)
	base, ca, _ := w.secure("banto.example.org", "*.sites.example.org", "192.0.2.7")
	trust := auth.TrustTLS(ca.CAPEM())
	http1 := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
	for host, want := range map[string]int{
		"banto.example.org":        http.StatusOK,
		"banto.example.org:8600":   http.StatusOK,
		"tokyo.sites.example.org":  http.StatusOK,
		"192.0.2.7:8600":           http.StatusOK,
		"localhost:1":              http.StatusOK,
		"banto.example.com":        http.StatusForbidden, // only allowed without TLS here
		"evil.example":             http.StatusForbidden,
		"192.0.2.8":                http.StatusForbidden,
		"a.b.sites.example.org":    http.StatusForbidden,
		"banto.example.org.evil:1": http.StatusForbidden,
	} {
		for path, other := range map[string]int{"/healthz": http.StatusOK, "/fabric": http.StatusUpgradeRequired} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			res, err := http1.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			good := want
			if want == http.StatusOK {
				good = other
			}
			if res.StatusCode != good {
				t.Errorf("%s%s: %d, want %d: %s", host, path, res.StatusCode, good, body)
			}
			if good == http.StatusForbidden && !isProblem(t, res.Header, string(body), banto.KindDenied) {
				t.Errorf("%s%s: %s", host, path, body)
			}
		}
	}
	// Without TLS, and without a fabric, there is nothing at that path.
	if status, header, body := w.call(http.MethodGet, "/fabric", ""); status != http.StatusNotFound || !isProblem(t, header, body, banto.KindNotFound) {
		t.Errorf("%d %s", status, body)
	}
}

// The address in a token is the one under which the manager was called, unless
// that is this machine's own.
func TestTokenHasAnAddressThatMachinesReach(t *testing.T) {
	w := newWorld(t)
	base, ca, _ := w.secure()
	c := client.New(base, w.admin, client.WithTLS(auth.PinnedTLS(ca.Fingerprint())))
	given, err := c.Enrol(t.Context(), banto.EnrolRequest{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.ParseJoinToken(given.Token)
	if err != nil || token.URL != "https://banto.example.com:8600" || token.Fingerprint != ca.Fingerprint() {
		t.Errorf("%+v, %v", token, err)
	}
	status, _, body := w.call(http.MethodPost, "/api/v1/hosts/enrolments", "{}", "Host", "banto.example.com")
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "in the clear") {
		t.Errorf("from another machine, without TLS: %d %s", status, body)
	}
}
