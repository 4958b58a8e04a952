package client_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
)

// secure serves with a certificate of a CA of its own.
func secure(t *testing.T, h http.HandlerFunc) (*auth.Authority, string) {
	t.Helper()
	a, err := auth.OpenAuthority(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := auth.NewCertificates(auth.CertificateOptions{Authority: a})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who do not trust it
	srv.Listener = tls.NewListener(srv.Listener, c.TLSConfig())
	srv.Start()
	t.Cleanup(srv.Close)
	return a, "https" + strings.TrimPrefix(srv.URL, "http")
}

func TestTLS(t *testing.T) {
	var calls atomic.Int32
	a, base := secure(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		answer(t, w, banto.Output{})
	})
	_, elsewhere := secure(t, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	t.Cleanup(plain.Close)
	trust := client.WithTLS(auth.TrustTLS(a.CAPEM()))
	pin := client.WithTLS(auth.PinnedTLS(a.Fingerprint()))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		url  string
		opt  client.Option
		want string
	}{
		"trusted":                   {base, trust, ""},
		"pinned":                    {base, pin, ""},
		"the system's CAs":          {base, client.WithTLS(nil), "banto login " + base + " pins its certificate"},
		"another CA":                {elsewhere, trust, "pins its certificate"},
		"another CA than pinned":    {elsewhere, pin, "not the one with the fingerprint"},
		"another name of it":        {strings.Replace(base, "127.0.0.1", "localhost", 1), trust, ""},
		"TLS where there is none":   {"https" + strings.TrimPrefix(plain.URL, "http"), trust, "it speaks no TLS there (call it at " + plain.URL},
		"none where there is TLS":   {"http" + strings.TrimPrefix(base, "https"), trust, "it speaks TLS there, and was called without (call it at " + base},
		"a proxy that is none":      {base, client.WithProxy("proxy:1"), "--proxy"},
		"a proxy that is not there": {base, client.WithProxy("http://127.0.0.1:1"), "connection refused"},
	} {
		// Output is sent again when the connection fails: not when it is not trusted.
		begun := time.Hour
		if tt.want != "connection refused" {
			tt.opt = with(tt.opt, client.WithBackoff(begun))
		} else {
			tt.opt = with(tt.opt, client.WithBackoff(time.Millisecond))
		}
		_, err := client.New(tt.url, "", tt.opt).Output(ctx, "20261121-7k3mq0x.1", 0, 0)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls came through, want 3", calls.Load())
	}
	err := client.New(elsewhere, "", pin, client.WithBackoff(time.Hour)).Watch(ctx, trackerID, func(banto.TrackerEvent) error { return nil })
	if banto.KindOf(err) != banto.KindUnreachable || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("watch: %v", err)
	}
}

func with(opts ...client.Option) client.Option {
	return func(c *client.Client) {
		for _, o := range opts {
			o(c)
		}
	}
}

// What leaves the client for the routes of hosts, groups and moves.
func TestNewCalls(t *testing.T) {
	var got []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		query, _ := url.QueryUnescape(r.URL.RawQuery)
		got = append(got, strings.TrimRight(r.Method+" "+strings.TrimPrefix(r.URL.EscapedPath(), "/api/v1")+" "+query+" "+string(body), " "))
		if strings.HasSuffix(r.URL.Path, "/doctor") {
			answer(t, w, []banto.Finding{{Check: "clock", OK: true}})
			return
		}
		answer(t, w, map[string]any{})
	})
	ctx := t.Context()
	value := "b"
	for _, call := range []func() error{
		func() error {
			_, err := c.Move(ctx, trackerID, banto.MoveRequest{Move: banto.MoveHold, DryRun: true})
			return err
		},
		func() error { _, err := c.TrackerHistory(ctx, trackerID); return err },
		func() error { _, err := c.Enrol(ctx, banto.EnrolRequest{Name: "db01"}); return err },
		func() error {
			_, err := c.Join(ctx, banto.JoinRequest{Secret: "s", Name: "n", PublicKey: "U"})
			return err
		},
		func() error {
			_, err := c.ChangeHost(ctx, "a/b", banto.HostChange{Labels: map[string]*string{"a": &value, "c": nil}})
			return err
		},
		func() error { _, err := c.RemoveHost(ctx, "db01", true, "sold"); return err },
		func() error { _, err := c.RemoveHost(ctx, "db01", false, ""); return err },
		func() error {
			_, err := c.FindHosts(ctx, client.HostQuery{Labels: map[string]string{"role": "batch"}, States: []banto.HostState{banto.HostLost}})
			return err
		},
		func() error { _, err := c.Groups(ctx); return err },
		func() error { _, err := c.Group(ctx, "g"); return err },
		func() error { _, err := c.Accounts(ctx); return err },
		func() error { _, err := c.Account(ctx, "a"); return err },
		func() error { return c.ReleaseAccount(ctx, "a") },
		func() error { _, err := c.Manager(ctx); return err },
		func() error {
			f, err := c.Doctor(ctx)
			if len(f) != 1 {
				t.Error(f)
			}
			return err
		},
		func() error { _, err := c.OutputText(ctx, "20261121-7k3mq0x.1", 7, 0); return err },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		`POST /trackers/20261121-7k3mq0x/moves  {"move":"hold","dry_run":true}`,
		`GET /trackers/20261121-7k3mq0x/history limit=500`,
		`POST /hosts/enrolments  {"name":"db01"}`,
		`POST /join  {"secret":"s","name":"n","public_key":"U"}`,
		`PATCH /hosts/a%2Fb  {"labels":{"a":"b","c":null}}`,
		`DELETE /hosts/db01 force=true&reason=sold`,
		`DELETE /hosts/db01`,
		`GET /hosts label=role=batch&limit=500&state=lost`,
		`GET /groups limit=500`, `GET /groups/g`, `GET /accounts limit=500`, `GET /accounts/a`, `POST /accounts/a/release`,
		`GET /manager`, `GET /doctor`, `GET /attempts/20261121-7k3mq0x.1/output offset=7&text=true`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
