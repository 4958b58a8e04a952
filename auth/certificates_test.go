package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
)

// clock is one that the test turns.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const dayLong = 24 * time.Hour

func open(t *testing.T, dir string, c *clock) *auth.Authority {
	t.Helper()
	a, err := auth.OpenAuthority(dir, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func certificates(t *testing.T, o auth.CertificateOptions) *auth.Certificates {
	t.Helper()
	c, err := auth.NewCertificates(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shake makes one connection and gives what the client thinks of it.
func shake(t *testing.T, server, client *tls.Config, name string, now time.Time) (tls.ConnectionState, error) {
	t.Helper()
	client.ServerName, client.Time = name, func() time.Time { return now }
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := tls.Server(far, server)
		_ = s.HandshakeContext(context.Background()) // what it gets is the client's to tell
		_ = far.Close()
	}()
	c := tls.Client(near, client)
	err := c.HandshakeContext(t.Context())
	_ = near.Close()
	<-done
	return c.ConnectionState(), err
}

func TestOwnCertificateIsTrustedByWhoTrustsTheCA(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	a := open(t, filepath.Join(dir, "ca"), at)
	c := certificates(t, auth.CertificateOptions{Authority: a, Names: []string{"Banto.example.com", "192.0.2.7", "2001:DB8::7", "*.sites.example.com"}, Now: at.Now})
	for _, name := range []string{"banto.example.com", "192.0.2.7", "2001:db8::7", "a.sites.example.com", "localhost", "127.0.0.1", "::1"} {
		if _, err := shake(t, c.TLSConfig(), auth.TrustTLS(a.CAPEM()), name, at.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	state, err := shake(t, c.TLSConfig(), auth.PinnedTLS(a.Fingerprint()), "banto.example.com", at.Now())
	if err != nil || state.Version != tls.VersionTLS13 || len(state.PeerCertificates) != 2 {
		t.Errorf("pinned: %v, version %x, %d certificates", err, state.Version, len(state.PeerCertificates))
	}
	if _, err := shake(t, c.TLSConfig(), auth.PinnedTLS(a.Fingerprint()), "192.0.2.99", at.Now()); err != nil {
		t.Errorf("pinned, by an address: %v", err)
	}
	old := auth.TrustTLS(a.CAPEM())
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if _, err := shake(t, c.TLSConfig(), old, "localhost", at.Now()); err == nil {
		t.Error("TLS 1.1 was taken")
	}
	again := open(t, filepath.Join(dir, "ca"), at)
	if again.Fingerprint() != a.Fingerprint() || again.CAPEM() != a.CAPEM() {
		t.Error("another CA after a restart")
	}
	for _, file := range []string{"ca.key", "server.pem"} {
		info, err := os.Stat(filepath.Join(dir, "ca", file))
		if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestWhoIsNotTrusted(t *testing.T) {
	at := newClock()
	a, other := open(t, t.TempDir(), at), open(t, t.TempDir(), at)
	mine := certificates(t, auth.CertificateOptions{Authority: a, Now: at.Now})
	theirs := certificates(t, auth.CertificateOptions{Authority: other, Now: at.Now})
	// One that shows the right CA behind a certificate that it did not sign.
	forged := theirs.TLSConfig()
	real, err := mine.TLSConfig().GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	forged.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := theirs.TLSConfig().GetCertificate(h)
		if err != nil {
			return nil, err
		}
		f := *c
		f.Certificate = [][]byte{c.Certificate[0], real.Certificate[1]}
		return &f, nil
	}
	short := strings.TrimSuffix(a.Fingerprint(), a.Fingerprint()[len(a.Fingerprint())-1:])
	for _, tt := range []struct {
		name   string
		server *tls.Config
		client *tls.Config
		host   string
		want   string
	}{
		{"another CA", theirs.TLSConfig(), auth.PinnedTLS(a.Fingerprint()), "localhost", "not the one with the fingerprint"},
		{"another CA, trusted by its text", theirs.TLSConfig(), auth.TrustTLS(a.CAPEM()), "localhost", "unknown authority"},
		{"a forged chain", forged, auth.PinnedTLS(a.Fingerprint()), "localhost", "unknown authority"},
		{"the certificate pinned in place of the CA", mine.TLSConfig(), auth.PinnedTLS("sha256:" + strings.Repeat("0", 64)), "localhost", "not the one with the fingerprint"},
		{"another name", mine.TLSConfig(), auth.PinnedTLS(a.Fingerprint()), "evil.example", "not for evil.example"},
		{"half a fingerprint", mine.TLSConfig(), auth.PinnedTLS(short), "localhost", "fingerprint is none"},
		{"no fingerprint", mine.TLSConfig(), auth.PinnedTLS(""), "localhost", "fingerprint is none"},
		{"a CA that is none", mine.TLSConfig(), auth.TrustTLS("-----BEGIN"), "localhost", "not a certificate in PEM"},
		{"the system's CAs", mine.TLSConfig(), auth.TrustTLS(""), "localhost", "unknown authority"},
	} {
		if _, err := shake(t, tt.server, tt.client, tt.host, at.Now()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestClocksThatAreWrong(t *testing.T) {
	at := newClock()
	a := open(t, t.TempDir(), at)
	c := certificates(t, auth.CertificateOptions{Authority: a, Now: at.Now})
	for name, client := range map[string]func() *tls.Config{
		"trusted": func() *tls.Config { return auth.TrustTLS(a.CAPEM()) },
		"pinned":  func() *tls.Config { return auth.PinnedTLS(a.Fingerprint()) },
	} {
		for _, off := range []time.Duration{-47 * time.Hour, -dayLong, dayLong, 100 * dayLong} {
			if _, err := shake(t, c.TLSConfig(), client(), "localhost", at.Now().Add(off)); err != nil {
				t.Errorf("%s, a clock that is off by %v: %v", name, off, err)
			}
		}
		if _, err := shake(t, c.TLSConfig(), client(), "localhost", at.Now().Add(-72*time.Hour)); err == nil {
			t.Errorf("%s: three days behind passed", name)
		}
	}
	_, err := shake(t, c.TLSConfig(), auth.PinnedTLS(a.Fingerprint()), "localhost", at.Now().Add(-72*time.Hour))
	if banto.KindOf(err) != banto.KindUnauthenticated || !strings.Contains(err.Error(), "by this machine's clock") {
		t.Errorf("in words: %v", err)
	}
}

func TestRenewalWhileConnectionsAreServed(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	a := open(t, dir, at)
	c := certificates(t, auth.CertificateOptions{Authority: a, Now: at.Now})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	srv.Listener = tls.NewListener(srv.Listener, c.TLSConfig())
	srv.Start()
	defer srv.Close()
	url := "https" + strings.TrimPrefix(srv.URL, "http")
	trust := auth.TrustTLS(a.CAPEM())
	trust.Time = at.Now
	get := func(client *http.Client) string {
		res, err := client.Get(url)
		if err != nil {
			t.Errorf("%v", err)
			return ""
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return fmt.Sprint(res.TLS.PeerCertificates[0].SerialNumber)
	}
	fresh := func() *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), DisableKeepAlives: true}}
	}
	kept := &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone()}}
	defer kept.CloseIdleConnections()
	first := get(kept)
	at.add(243 * dayLong)
	if got := get(fresh()); got != first {
		t.Error("renewed before two thirds of its life")
	}
	at.add(dayLong)
	// Many come at once: all are served, and one certificate is made.
	var wg sync.WaitGroup
	serials := make([]string, 8)
	for i := range serials {
		wg.Go(func() { serials[i] = get(fresh()) })
	}
	wg.Wait()
	if serials[0] == first || len(slices.Compact(slices.Clone(serials))) != 1 {
		t.Errorf("after two thirds: %v, before %s", serials, first)
	}
	if got := get(kept); got != first {
		t.Error("the open connection was cut")
	}
	restarted := certificates(t, auth.CertificateOptions{Authority: open(t, dir, at), Now: at.Now})
	if fmt.Sprint(restarted.Leaf().SerialNumber) != serials[0] {
		t.Error("the renewed certificate was not kept")
	}
	// Off for years: a new one is there at once.
	at.add(5 * 365 * dayLong)
	if _, err := shake(t, restarted.TLSConfig(), auth.TrustTLS(a.CAPEM()), "localhost", at.Now()); err != nil {
		t.Errorf("years later: %v", err)
	}
}

func TestRenewalThatFailsKeepsTheOld(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open folder cannot be taken away on Windows")
	}
	dir, at := filepath.Join(t.TempDir(), "ca"), newClock()
	var log bytes.Buffer
	a := open(t, dir, at)
	c := certificates(t, auth.CertificateOptions{Authority: a, Now: at.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := os.Rename(dir, dir+"-gone"); err != nil {
		t.Fatal(err)
	}
	before := c.Leaf().SerialNumber
	at.add(300 * dayLong)
	c.Leaf()
	if c.Leaf().SerialNumber.Cmp(before) == 0 || strings.Count(log.String(), "cannot keep") != 1 {
		t.Errorf("it is used though it cannot be kept, and that is said once: %s", &log)
	}
	at.add(25 * 365 * dayLong) // the CA has ended too
	for range 3 {
		c.Leaf()
	}
	if n := strings.Count(log.String(), "it ended on"); n != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
}

func TestNamesThatChange(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	a := open(t, dir, at)
	serial := func(names ...string) string {
		return fmt.Sprint(certificates(t, auth.CertificateOptions{Authority: a, Names: names, Now: at.Now}).Leaf().SerialNumber)
	}
	first := serial("a.example", "b.example")
	if serial("b.example", "A.example", "127.0.0.1") != first {
		t.Error("the same names in another order made a new certificate")
	}
	second := serial("a.example")
	if second == first {
		t.Error("a name less, and the same certificate")
	}
	if serial("a.example", "192.0.2.1") == second {
		t.Error("a name more, and the same certificate")
	}
	if err := os.WriteFile(filepath.Join(dir, "server.pem"), []byte("half of i"), 0o600); err != nil {
		t.Fatal(err)
	}
	serial("a.example") // is made anew
	for _, bad := range []string{"", "a b", "a:80", "https://a", "[::1]:80", "*", "*.com", "*.1.2.3.4", "a..b", ".a", "fe80::1%eth0", "a\x00b", "-a", strings.Repeat("a", 300)} {
		_, err := auth.NewCertificates(auth.CertificateOptions{Authority: a, Names: []string{bad}, Now: at.Now})
		if banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestAuthorityThatCannotBeUsed(t *testing.T) {
	at := newClock()
	made := func() string {
		dir := t.TempDir()
		open(t, dir, at)
		return dir
	}
	refused := func(name, dir, want string) {
		t.Helper()
		if _, err := auth.OpenAuthority(dir, at.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	dir := made()
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	refused("no key", dir, "its key ca.key is not")
	dir, other := made(), made()
	copyFile(t, filepath.Join(other, "ca.key"), filepath.Join(dir, "ca.key"))
	refused("another key", dir, "not that of the certificate")
	dir = made()
	for _, file := range []string{"ca.crt", "ca.key"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		refused("half of "+file, dir, "damaged")
	}
	if runtime.GOOS != "windows" {
		dir = made()
		if err := os.Chmod(filepath.Join(dir, "ca.key"), 0o640); err != nil {
			t.Fatal(err)
		}
		refused("a key that others read", dir, "chmod 600")
	}
	// Killed between its two files: nobody ever saw that CA.
	dir = made()
	if err := os.Remove(filepath.Join(dir, "ca.crt")); err != nil {
		t.Fatal(err)
	}
	open(t, dir, at)
	dir = made()
	at.add(-100 * dayLong)
	refused("a clock far behind", dir, "is this machine's clock right?")
	at.add(21 * 365 * dayLong)
	refused("an old CA", dir, "it ended on 2046-11-17")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	body, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// issue makes a self-signed pair, as an administrator brings one.
func issue(t *testing.T, name string, until time.Time) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(until.Unix()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-90 * dayLong), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

func TestGivenFilesAreReadAgain(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	var log bytes.Buffer
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	put := func(file string, body []byte) { // as careful people do
		t.Helper()
		if err := os.WriteFile(file+".new", body, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	c1, k1 := issue(t, "one.example", at.Now().Add(30*dayLong))
	c2, k2 := issue(t, "two.example", at.Now().Add(60*dayLong))
	c3, k3 := issue(t, "old.example", at.Now().Add(-dayLong))
	put(cert, c1)
	put(key, k1)
	c := certificates(t, auth.CertificateOptions{CertFile: cert, KeyFile: key, Now: at.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	shows := func(what, name string, errorLines int) {
		t.Helper()
		for range 3 {
			if got := c.Leaf().Subject.CommonName; got != name {
				t.Errorf("%s: got %s, want %s", what, got, name)
			}
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != errorLines {
			t.Errorf("%s: %d lines of errors, want %d: %s", what, n, errorLines, &log)
		}
	}
	shows("at first", "one.example", 0)
	put(cert, c2) // the key follows
	shows("a certificate without its key", "one.example", 1)
	put(key, k2)
	shows("both", "two.example", 1)
	put(cert, c2[:len(c2)/2])
	shows("half written", "two.example", 2)
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	shows("gone", "two.example", 3)
	put(cert, c3)
	put(key, k3)
	shows("one that has ended", "two.example", 4)
	put(cert, c1)
	put(key, k1)
	shows("good again", "one.example", 4)
	for name, o := range map[string]auth.CertificateOptions{
		"half of the pair":   {CertFile: cert},
		"the other half":     {KeyFile: key},
		"files that are not": {CertFile: cert + "x", KeyFile: key},
		"a key that is none": {CertFile: cert, KeyFile: cert},
	} {
		if _, err := auth.NewCertificates(o); banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	put(cert, c3)
	put(key, k3)
	if _, err := auth.NewCertificates(auth.CertificateOptions{CertFile: cert, KeyFile: key, Now: at.Now}); err == nil || !strings.Contains(err.Error(), "it ended on 2026-11-21") {
		t.Errorf("one that has ended: %v", err)
	}
}

func TestOffered(t *testing.T) {
	at := &clock{now: time.Now()}
	a := open(t, t.TempDir(), at)
	c := certificates(t, auth.CertificateOptions{Authority: a, Now: at.Now})
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Listener = tls.NewListener(srv.Listener, c.TLSConfig())
	srv.Start()
	defer srv.Close()
	o, err := auth.Offered(t.Context(), srv.Listener.Addr().String())
	if err != nil || o.CA != a.CAPEM() || o.Fingerprint != a.Fingerprint() || o.Trusted {
		t.Errorf("got %+v, %v", o, err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for _, address := range []string{plain.Listener.Addr().String(), "nowhere", "127.0.0.1:1"} {
		if _, err := auth.Offered(t.Context(), address); err == nil {
			t.Errorf("%s: no error", address)
		}
	}
}
