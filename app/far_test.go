//go:build unix

package app_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
)

// admin is a client of the manager whose start wrote the configuration.
func admin(t *testing.T, path string) *client.Client {
	t.Helper()
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := c.TLS()
	if err != nil {
		t.Fatal(err)
	}
	return client.New(c.URL, c.Token, client.WithTLS(trust))
}

// agent runs an agent in this process until the test ends.
func agent(t *testing.T, o app.Options) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.RunAgent(ctx, o, func(app.Running) error { close(ready); return nil })
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the agent did not start: %v", err)
	}
	return stop
}

// takenInAgain has the same machine join again, as one whose key has leaked:
// it is the same host with another key.
func takenInAgain(t *testing.T, c *client.Client, url string, o *app.Options) {
	t.Helper()
	before, err := c.Host(t.Context(), "far01")
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Enrol(t.Context(), banto.EnrolRequest{Again: "far01", URL: url})
	if err != nil {
		t.Fatal(err)
	}
	o.Join = token.Token
	for range 2 { // the second time the token has been used here, which is fine
		stop := agent(t, *o)
		until(t, "far01 is connected with another key", func() bool {
			h, err := c.Host(t.Context(), "far01")
			return err == nil && h.State == banto.HostConnected && h.ID == before.ID && h.PublicKey != before.PublicKey
		})
		stop()
		until(t, "far01 is gone", func() bool {
			h, err := c.Host(t.Context(), "far01")
			return err == nil && h.State == banto.HostLost
		})
	}
	agent(t, *o)
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	over := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("it does not come: %s", what)
		}
	}
}

// TestAMachineJoinsOverTLS has a machine join with a token, run a job on its
// labels, be looked at by the doctor, and be shut out.
func TestAMachineJoinsOverTLS(t *testing.T) {
	o := options(t, t.TempDir())
	o.HTTP, o.Fabric, o.SAN = "0.0.0.0:0", "0.0.0.0:0", []string{"localhost"}
	r, stop := up(t, o)
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	if !strings.HasPrefix(r.URL, "https://127.0.0.1:") || !strings.HasPrefix(r.FabricURL, "tls://") {
		t.Fatalf("it answers at %s and %s", r.URL, r.FabricURL)
	}
	c, ctx := admin(t, o.Config), t.Context()
	until(t, "the host beside the manager is connected", func() bool {
		h, err := c.Host(ctx, r.Host)
		return err == nil && h.State == banto.HostConnected
	})
	token, err := c.Enrol(ctx, banto.EnrolRequest{Name: "far01", Labels: map[string]string{"area": "east"}, URL: localhost(t, r.URL)})
	if err != nil {
		t.Fatal(err)
	}
	far := options(t, t.TempDir())
	far.Config, far.Join, far.AllowRoot = "", token.Token, true
	stopFar := agent(t, far)
	until(t, "far01 is connected", func() bool {
		h, err := c.Host(ctx, "far01")
		return err == nil && h.State == banto.HostConnected
	})
	text := "jobnet: try/far\nparts:\n  a: {job: echo hello, host: {area: east}}\n"
	if _, err := c.Apply(ctx, banto.ApplyRequest{Files: []banto.File{{Name: "far.yaml", Text: text}}}); err != nil {
		t.Fatal(err)
	}
	tracker, _, err := c.Submit(ctx, banto.SubmitRequest{Jobnet: "try/far"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var last banto.TrackerEvent
	if err := c.Watch(ctx, tracker.ID, func(e banto.TrackerEvent) error { last = e; return nil }); err != nil || last.Tracker.State != banto.TrackerOK {
		t.Fatalf("the tracker ended %+v, %v", last.Tracker, err)
	}
	until(t, "the doctor finds nothing", func() bool {
		return !slices.ContainsFunc(findings(t, far), func(f banto.Finding) bool { return !f.OK })
	})
	key := filepath.Join(far.Data, "agent", "host.nk")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if found := findings(t, far); found[0].Check != "key" || found[0].OK {
		t.Errorf("without its key: %+v", found)
	}
	if err := os.Rename(key+".away", key); err != nil { // nothing was made in its place
		t.Fatal(err)
	}
	stopFar()
	takenInAgain(t, c, localhost(t, r.URL), &far)
	if _, err := c.RemoveHost(ctx, "far01", false, "it was only a try"); err != nil {
		t.Fatal(err)
	}
	until(t, "the doctor says that the host was removed", func() bool {
		return slices.ContainsFunc(findings(t, far), func(f banto.Finding) bool { return !f.OK && f.Check == "key" })
	})
}

// findings asks the doctor of an agent's machine.
func findings(t *testing.T, o app.Options) []banto.Finding {
	t.Helper()
	found, err := app.DoctorAgent(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// localhost calls a manager by name.
func localhost(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = net.JoinHostPort("localhost", u.Port())
	return u.String()
}
