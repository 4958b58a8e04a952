package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
)

// A manager's clock is told by the Date of its answers.
func TestClocksApart(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration // of the manager
		found string        // empty: nothing is wrong
	}{
		"right":      {0, ""},
		"a day off":  {-24 * time.Hour, "ahead of the manager's"},
		"behind":     {time.Hour, "behind the manager's"},
		"a second":   {time.Second, ""},
		"a year off": {365 * 24 * time.Hour, "behind the manager's"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
				json.NewEncoder(w).Encode(banto.VersionInfo{Version: "1.0.0", API: "v1"})
			}))
			defer s.Close()
			var clock *banto.Finding
			for _, f := range askManager(context.Background(), Options{Proxy: "direct", Version: "1.0.0"}, "", s.URL) {
				if f.Check == "clock" {
					clock = &f
				}
			}
			switch {
			case clock == nil:
				t.Fatal("nothing is said of the clock")
			case c.found == "" && !clock.OK, c.found != "" && (clock.OK || !strings.Contains(clock.Found, c.found) || clock.Advice == ""):
				t.Errorf("it says %+v", *clock)
			}
		})
	}
}

// A clock that is years off makes the manager's certificate look too old or too
// new: that it is the clock is found all the same. A certificate that has really
// ended says nothing of the clock.
func TestClockBehindTLS(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		made, tells time.Duration // when the certificate was made, and what time the manager tells
		clock       string        // what is found of the clock; empty: nothing
	}{
		"years ahead":  {-3 * year, -3 * year, "ahead of the manager's"},
		"years behind": {3 * year, 3 * year, "behind the manager's"},
		"it has ended": {-3 * year, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := func() time.Time { return time.Now().Add(c.made) }
			ca, err := auth.OpenAuthority(t.TempDir(), now)
			if err != nil {
				t.Fatal(err)
			}
			certs, err := auth.NewCertificates(auth.CertificateOptions{Authority: ca, Names: []string{"127.0.0.1"}, Now: now, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(c.tells).UTC().Format(http.TimeFormat))
				json.NewEncoder(w).Encode(banto.VersionInfo{Version: "1.0.0", API: "v1"})
			}))
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			leaf, err := certs.TLSConfig().GetCertificate(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*leaf}}
			s.StartTLS()
			defer s.Close()
			found := askManager(context.Background(), Options{Proxy: "direct", Version: "1.0.0"}, ca.CAPEM(), s.URL)
			if len(found) == 0 || found[0].OK {
				t.Fatalf("%+v: the certificate does not hold", found)
			}
			var clock string
			for _, f := range found[1:] {
				clock = f.Check + ": " + f.Found
			}
			if c.clock == "" && clock != "" || c.clock != "" && (!strings.HasPrefix(clock, "clock: ") || !strings.HasSuffix(clock, c.clock)) {
				t.Errorf("%q, want %q", clock, c.clock)
			}
		})
	}
}

// The doctor at the agent's end judges versions as the manager's does.
func TestVersionFinding(t *testing.T) {
	if f := versionFinding("m", "v1.4.0", "v1.6.2"); !f.OK || f.Advice != "" || f.Found != "manager v1.4.0, this binary v1.6.2" {
		t.Errorf("%+v", f)
	}
	if f := versionFinding("m", "v1.4.0", "v1.7.0"); f.OK || !strings.Contains(f.Advice, "two minor versions") {
		t.Errorf("%+v", f)
	}
}

// A manager takes its own machine in, without an agent on it: nothing is amiss.
func TestHasAgent(t *testing.T) {
	data := t.TempDir()
	if HasAgent(data) {
		t.Error("an empty directory")
	}
	dir := agentDir(data)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := (fabric.Credentials{Host: "h-1", Name: "vm"}).Save(dir); err != nil {
		t.Fatal(err)
	}
	if !HasAgent(data) {
		t.Error("a machine that has joined")
	}
	if err := os.Mkdir(filepath.Join(data, "ca"), 0o700); err != nil {
		t.Fatal(err)
	}
	if HasAgent(data) {
		t.Error("a manager without an agent")
	}
	if err := os.Mkdir(filepath.Join(dir, "keeper"), 0o700); err != nil {
		t.Fatal(err)
	}
	if !HasAgent(data) {
		t.Error("a manager with an agent beside it")
	}
}
