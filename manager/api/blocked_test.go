package api

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// While nobody renews the lease a standby is not ready, and says that somebody holds it up,
// and to those who show a token who it is; what that session does is for the doctor.
func TestNobodyHoldsTheLease(t *testing.T) {
	w := newWorld(t)
	psql := store.Blocker{PID: 4711, User: "ops", Application: "psql", Address: "192.0.2.7", Since: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC), Query: "SELECT secret"}
	for name, tt := range map[string]struct {
		lease   store.Lease
		blocker *store.Blocker
		ready   string // what /readyz is to say; empty: it is ready
		known   string // and who shows a token
		doctor  string
		advice  string
	}{
		"renewed":   {lease: store.Lease{Epoch: 3, Holder: "m1/7", Age: time.Second}, blocker: &psql},
		"never had": {lease: store.Lease{}, doctor: "no manager is the active one", advice: "wait"},
		"old": {
			lease: store.Lease{Epoch: 3, Holder: "m1/7", Age: 9 * time.Second}, ready: "the lease was last renewed 9s ago: no manager has taken over yet",
			doctor: "it was last renewed 9s ago", advice: "does the active manager run",
		},
		"blocked": {
			lease: store.Lease{Epoch: 3, Holder: "m1/7", Age: time.Minute}, blocker: &psql,
			ready: "1m0s ago: the store's lease is locked by another session", known: "session 4711 of the database (user ops, application psql, from 192.0.2.7) holds the lease since 2026-11-22 01:02:03 UTC",
			doctor: "its last statement: SELECT secret", advice: "end that session: SELECT pg_terminate_backend(4711)",
		},
		"prepared": {
			lease: store.Lease{Epoch: 3, Holder: "m1/7", Age: time.Minute}, blocker: &store.Blocker{},
			ready: "ago: the store's lease is locked by another session", known: "a prepared transaction of the database holds the lease", doctor: "prepared", advice: "pg_prepared_xacts",
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := w.standby(func() string { return "" }, func(o *Options) {
				o.Store = sharing{w.store, tt.lease, 0}
				o.Blocker = func() (store.Blocker, bool) {
					if tt.blocker == nil {
						return store.Blocker{}, false
					}
					return *tt.blocker, true
				}
			})
			status, _, body := w.callAt(url, "GET", "/readyz", "", "Authorization", "")
			var r readiness
			decodeInto(t, body, &r)
			switch {
			case tt.ready == "" && (status != http.StatusOK || r.Status != "ok"):
				t.Errorf("ready: %d %+v", status, r)
			case tt.ready != "" && (status != http.StatusServiceUnavailable || len(r.Reasons) != 1 || r.Reasons[0].Check != "lease" || !strings.Contains(r.Reasons[0].Why, tt.ready)):
				t.Errorf("ready: %d %+v", status, r)
			}
			if strings.Contains(body, "secret") || strings.Contains(body, "ops") || strings.Contains(body, "192.0.2.7") {
				t.Errorf("told to anybody: %s", body)
			}
			_, _, wrong := w.callAt(url, "GET", "/readyz", "", "Authorization", "Bearer banto_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
			if wrong != body {
				t.Errorf("told to who shows a token that nobody made: %s, not %s", wrong, body)
			}
			if _, _, body = w.callAt(url, "GET", "/readyz", ""); !strings.Contains(body, tt.known) || strings.Contains(body, "secret") {
				t.Errorf("told to who shows a token: %s", body)
			}
			_, _, body = w.callAt(url, "GET", "/api/v1/doctor", "")
			var found []banto.Finding
			decodeInto(t, body, &found)
			for _, f := range found {
				if f.Check == "lease" && (f.OK != (tt.doctor == "") || !strings.Contains(f.Found, tt.doctor) || !strings.Contains(f.Advice, tt.advice)) {
					t.Errorf("doctor: %+v", f)
				}
			}
		})
	}
}

// What would have to be passed on to an active manager that was stopped is
// refused at once, as not done; what was passed on before is broken off.
func TestTheActiveManagerHangs(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  one: {job: wait}\n")
	came := make(chan struct{}, 1)
	leader := played(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the caller has gone
		came <- struct{}{}
		<-r.Context().Done()
	})
	var age atomic.Int64
	url := w.standby(func() string { return leader }, func(o *Options) {
		o.Unrenewed = func() time.Duration { return time.Duration(age.Load()) }
	})
	go func() {
		<-came
		age.Store(int64(leaderHangs))
	}()
	for _, want := range []string{banto.StandbyBrokeOff, banto.StandbyNotTaken} {
		status, header, body := w.callAt(url, "POST", "/api/v1/trackers", `{"jobnet":"a"}`)
		if status != http.StatusServiceUnavailable || header.Get(standbyHeader) != want || !strings.Contains(body, "not renew its lease") {
			t.Errorf("want %s: %d %s %s", want, status, header.Get(standbyHeader), body)
		}
	}
	if len(came) != 0 {
		t.Error("it was asked again")
	}
	if status, _, body := w.callAt(url, "GET", "/api/v1/trackers", ""); status != http.StatusOK {
		t.Errorf("what a standby answers by itself: %d %s", status, body)
	}
}
