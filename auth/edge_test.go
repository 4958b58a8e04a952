package auth_test

import (
	"net"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
)

func TestCheckHost(t *testing.T) {
	names := []string{"banto.example.com", "ops.example.com:8443", "192.0.2.7", "*.sites.example.com"}
	for host, want := range map[string]bool{
		"localhost:8600":           true,
		"LocalHost.:8600":          true,
		"127.0.0.1:8600":           true,
		"127.0.0.53:8600":          true,
		"[::1]:8600":               true,
		"[0:0:0:0:0:0:0:1]:8600":   true,
		"[::ffff:127.0.0.1]:8600":  true,
		"banto.example.com":        true,
		"BANTO.example.COM:443":    true,
		"ops.example.com:8443":     true,
		"192.0.2.7:8600":           true,
		"a.sites.example.com":      true,
		"A.sites.example.com:8600": true,
		"a.b.sites.example.com":    false,
		"sites.example.com":        false,
		".sites.example.com":       false,
		"localhost":                true,
		"localhost:8601":           true,
		"[::1]":                    true,
		"ops.example.com":          false,
		"ops.example.com:443":      false,
		"evil.example:8600":        false,
		"localhost.evil:8600":      false,
		"127.0.0.1.evil:8600":      false,
		"xbanto.example.com":       false,
		"banto.example.com.evil":   false,
		"192.0.2.8:8600":           false,
		"0.0.0.0:8600":             false,
		"":                         false,
		":8600":                    false,
		".:8600":                   false,
		"localhost:":               false,
		"localhost:08600":          false,
		"localhost:8600:8600":      false,
		"localhost:+8600":          false,
		"user@localhost:8600":      false,
		"localhost/:8600":          false,
		"local host:8600":          false,
		"localhost\x00:8600":       false,
		"[localhost]:8600":         true, // means the name and nothing else
		"2130706433:8600":          false,
		"[::1%25lo]:8600":          false,
		"banto.example.com:abc":    false,
		"banto.example.com:999999": false,
	} {
		err := auth.CheckHost(host, names)
		if (err == nil) != want {
			t.Errorf("%q: got %v, want good: %v", host, err, want)
		}
		if err != nil && banto.KindOf(err) != banto.KindDenied {
			t.Errorf("%q: %v is not KindDenied", host, err)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for _, c := range []struct {
		origin, host string
		want         bool
	}{
		{"", "localhost:8600", true},
		{"http://localhost:8600", "localhost:8600", true},
		{"https://banto.example.com", "banto.example.com", true},
		{"https://banto.example.com", "banto.example.com:443", true},
		{"https://Banto.example.com:443", "banto.example.com", true},
		{"http://banto.example.com", "banto.example.com", true},
		{"http://[::1]:8600", "[::1]:8600", true},
		{"null", "localhost:8600", false},
		{"http://127.0.0.1:8600", "localhost:8600", false},
		{"http://localhost:3000", "localhost:8600", false},
		{"http://localhost", "localhost:8600", false},
		{"http://evil.example", "localhost:8600", false},
		{"http://localhost:8600.evil.example", "localhost:8600", false},
		{"http://localhost:8600@evil.example", "localhost:8600", false},
		{"http://evil@localhost:8600", "localhost:8600", false},
		{"http://localhost:8600/", "localhost:8600", false},
		{"http://localhost:8600?x", "localhost:8600", false},
		{"ftp://localhost:8600", "localhost:8600", false},
		{"localhost:8600", "localhost:8600", false},
		{"//localhost:8600", "localhost:8600", false},
		{"http://", "", false},
		{"http://localhost:8600 http://evil.example", "localhost:8600", false},
	} {
		err := auth.CheckOrigin(c.origin, c.host)
		if (err == nil) != c.want {
			t.Errorf("origin %q, host %q: got %v, want good: %v", c.origin, c.host, err, c.want)
		}
		if err != nil && banto.KindOf(err) != banto.KindDenied {
			t.Errorf("%q: %v is not KindDenied", c.origin, err)
		}
	}
}

// FuzzCheckHost holds that a host that passes with no names configured is a
// loopback one, as another reading of the text sees it.
func FuzzCheckHost(f *testing.F) {
	for _, s := range []string{"localhost:8600", "[::1]:8600", "127.0.0.1:8600", "evil:8600", "[::1%25lo]:8600", "LOCALHOST.:8600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if auth.CheckHost(host, nil) != nil {
			return
		}
		name, port, err := net.SplitHostPort(host)
		if err != nil || port != "8600" {
			t.Fatalf("%q passed", host)
		}
		ip := net.ParseIP(name)
		if (ip == nil || !ip.IsLoopback()) && !strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
			t.Fatalf("%q passed", host)
		}
	})
}

// FuzzCheckOrigin holds that an origin that passes is the host behind a scheme.
func FuzzCheckOrigin(f *testing.F) {
	f.Add("http://localhost:8600", "localhost:8600")
	f.Add("https://a.example", "a.example:443")
	f.Add("http://a@b", "b")
	f.Fuzz(func(t *testing.T, origin, host string) {
		if origin == "" || auth.CheckOrigin(origin, host) != nil {
			return
		}
		scheme, rest, _ := strings.Cut(origin, "://")
		scheme = strings.ToLower(scheme)
		if (scheme != "http" && scheme != "https") || strings.ContainsAny(rest, "/@?#\\ ") {
			t.Fatalf("%q passed for %q", origin, host)
		}
	})
}
