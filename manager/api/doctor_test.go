package api

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/store"
)

// diagnose gives the doctor's findings, a line each, without what differs from
// run to run.
func (w *world) diagnose() (good, bad map[string]string) {
	w.t.Helper()
	found, err := client.New(w.url, w.reader).Doctor(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	good, bad = map[string]string{}, map[string]string{}
	for _, f := range found {
		switch {
		case f.OK:
			good[f.Check] = f.Found
		case f.Advice == "":
			w.t.Errorf("no advice: %+v", f)
		default:
			bad[strings.TrimSpace(f.Check+" "+f.Object)] = f.Found
		}
	}
	return good, bad
}

func TestDoctorOfAGoodDay(t *testing.T) {
	w := newWorld(t)
	w.server.Certificate = func() *x509.Certificate { return &x509.Certificate{NotAfter: time.Now().Add(300 * 24 * time.Hour)} }
	w.write(func(tx store.Tx) error {
		return tx.PutHost(banto.Host{
			ID: localHost, Name: "local", State: banto.HostConnected, Slots: 1, Version: "1.4.2", ClockMS: -1500, Since: time.Now(), EnrolledAt: time.Now(),
		})
	})
	good, bad := w.diagnose()
	for check, want := range map[string]string{
		"store": "answers", "disk": "GiB are free", "tls": "holds until", "fabric": "tls://banto.example.com:8601, then wss://",
		"host": "all hosts are connected (1)", "clock": "within 2s", "version": "1.4.0",
	} {
		if !strings.Contains(good[check], want) {
			t.Errorf("%s: %q, want %q", check, good[check], want)
		}
	}
	if len(bad) != 0 {
		t.Errorf("bad: %v", bad)
	}
}

// A store that takes nothing is not said to be well besides.
func TestDoctorOfAFullStore(t *testing.T) {
	w := newWorld(t)
	full, held := errors.New("the disk is full"), false
	w.server.Runner = ailing{w.runner, &full, &held}
	good, bad := w.diagnose()
	if !strings.Contains(bad["store"], "no work is taken") || good["store"] != "" {
		t.Errorf("good %q, bad %q", good["store"], bad["store"])
	}
}

func TestSmallDisksAreTold(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 MiB", 40 << 20: "40 MiB", 1 << 30: "1.0 GiB", 250 << 30: "250.0 GiB"} {
		if got := gigabytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	since := time.Date(2026, 11, 20, 1, 2, 3, 0, time.UTC)
	for _, h := range []banto.Host{
		{Name: "db01", State: banto.HostLost, Why: "no heartbeat for 10 s", Endpoint: "wss://m:8600/fabric"},
		{Name: "new01", State: banto.HostNever},
		{Name: "twin", State: banto.HostConnected, ClockMS: 3500},
		{Name: "late", State: banto.HostConnected, ClockMS: -90_000},
		{Name: "old", State: banto.HostConnected, Version: "1.1.9"},
		{Name: "next", State: banto.HostConnected, Version: "v2.4.0"},
		{Name: "dev", State: banto.HostConnected, Version: "devel"},
		{Name: "near", State: banto.HostConnected, Version: "v1.2.0-rc1"},
	} {
		h.Since = since
		w.addHost(h)
	}
	w.problems["h-twin"] = "a second agent with its identity connects from 192.0.2.9"
	w.problems["h-db01"] = "its agent speaks protocol 9"
	w.enrol(banto.EnrolRequest{Name: "db02", Expires: 60})
	used := w.enrol(banto.EnrolRequest{Name: "db03", Expires: 60})
	if _, err := client.New(w.url, "").Join(t.Context(), banto.JoinRequest{Secret: used.Secret, Name: "x", PublicKey: newKey(t)}); err != nil {
		t.Fatal(err)
	}
	w.server.Data = "/nowhere"
	w.server.Certificate = func() *x509.Certificate {
		return &x509.Certificate{NotAfter: time.Now().Add(10*24*time.Hour + time.Hour)}
	}
	w.clock.ahead.Store(int64(2 * time.Minute))
	good, bad := w.diagnose()
	for object, want := range map[string]string{
		"host db01":     "it is not connected since 2026-11-20 01:02:03 UTC, last by wss://m:8600/fabric: no heartbeat for 10 s: its agent speaks protocol 9",
		"host new01":    "it has not connected since it was enrolled, 2026-11-20 01:02:03 UTC",
		"identity twin": "it is connected, but: a second agent with its identity connects from 192.0.2.9",
		"clock twin":    "its clock is 3.5s ahead of the manager's",
		"clock late":    "its clock is 1m30s behind the manager's",
		"version old":   "its agent is 1.1.9, and the manager 1.4.0",
		"version next":  "its agent is v2.4.0, and the manager 1.4.0",
		"tls":           "ends on " + time.Now().Add(10*24*time.Hour+time.Hour).UTC().Format("2006-01-02") + ", in 10 days",
		"disk /nowhere": "its free space cannot be read",
		"token db02":    "a join token for db02 ended at",
	} {
		if !strings.Contains(bad[object], want) {
			t.Errorf("%s: %q, want %q", object, bad[object], want)
		}
		delete(bad, object)
	}
	delete(bad, "host local")
	delete(bad, "host db03")
	if len(bad) != 0 {
		t.Errorf("bad too: %v", bad)
	}
	if good["host"] != "" || good["clock"] != "" || good["version"] != "" || good["tls"] != "" {
		t.Errorf("good: %v", good)
	}
	w.clock.ahead.Store(int64(26 * time.Hour))
	w.server.Enrol = nil
	if good, bad := w.diagnose(); bad["token db02"] != "" || !strings.Contains(good["fabric"], "takes no hosts in") {
		t.Errorf("a day later: %v, %v", good, bad)
	}
	w.server.Enrol = noEndpoints{}
	w.clock.ahead.Store(int64(20 * 24 * time.Hour))
	if _, bad := w.diagnose(); bad["fabric"] == "" || !strings.Contains(bad["tls"], "ended on") {
		t.Errorf("no endpoints, an old certificate: %v", bad)
	}
}

type noEndpoints struct{}

func (noEndpoints) Issue(banto.HostID, string) (string, error) { return "", errors.New("no") }
func (noEndpoints) Endpoints(string) []string                  { return nil }
func (noEndpoints) CA() string                                 { return "" }

// A manager alone has a host beside it that never had an agent.
func TestDoctorOfAManagerAlone(t *testing.T) {
	w := newWorld(t)
	w.server.Local = localHost
	w.write(func(tx store.Tx) error {
		return tx.PutHost(banto.Host{ID: localHost, Name: "local", State: banto.HostNever, Since: time.Now(), EnrolledAt: time.Now()})
	})
	if good, bad := w.diagnose(); bad["host local"] != "" || good["host"] != "all hosts are connected (0)" {
		t.Errorf("good %v, bad %v", good, bad)
	}
}

// A site whose switch is dead has many hosts to tell of.
func TestDoctorOfManyHosts(t *testing.T) {
	w := newWorld(t)
	w.write(func(tx store.Tx) error {
		for i := range 1500 {
			name := fmt.Sprintf("m%04d", i)
			if err := tx.PutHost(banto.Host{ID: banto.HostID("h-" + name), Name: name, State: banto.HostLost, Since: time.Now(), EnrolledAt: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	_, bad := w.diagnose()
	if len(bad) < 900 || len(bad) > 1010 || !strings.Contains(bad["host"], "more") {
		t.Errorf("%d findings, %q", len(bad), bad["host"])
	}
}

func TestManager(t *testing.T) {
	w := newWorld(t)
	m, err := client.New(w.url, w.reader).Manager(t.Context())
	if err != nil || m.Environment != "production" || m.Colour != "red" || !m.Guarded || m.Version != "1.4.0" {
		t.Errorf("%+v, %v", m, err)
	}
}
