package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/internal/boottime"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// waitedFor is a runner of which a test says what waits for which host.
type waitedFor struct {
	Runner
	live map[banto.HostID]runner.HostLive
}

func (r waitedFor) Hosts(context.Context) map[banto.HostID]runner.HostLive { return r.live }

// Every manager enrols the host beside it: without an agent there, and with
// nothing that waits for one, that is nothing bad.
func TestDoctorOfManagersWithoutAgents(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"m1", "m2", "web"} {
		w.addHost(banto.Host{Name: name, State: banto.HostNever})
	}
	live := map[banto.HostID]runner.HostLive{}
	s := build(Options{
		Store: sharing{w.store, store.Lease{Holder: "m1/7", Age: time.Second}, boottime.Now()}, Runner: waitedFor{w.runner, live},
		Designs: w.designs, Outputs: w.outputs, Auth: auth.Authenticator{Tokens: w.store}, Local: localHost, Name: "m1",
		Managers: func(context.Context) ([]banto.ManagerState, error) {
			return []banto.ManagerState{{Name: "m1", Active: true}, {Name: "m2", Unreached: "it cannot be reached at https://m2:8600: no route"}}, nil
		},
	})
	srv := httptest.NewServer(s.handler())
	defer srv.Close()
	hosts := func() (text string) {
		_, _, body := w.callAt(srv.URL, "GET", "/api/v1/doctor", "")
		var found []banto.Finding
		decodeInto(t, body, &found)
		for _, f := range found {
			if f.Check == "host" || f.Check == "managers" && !f.OK {
				text += fmt.Sprintf("%v %s %s\n", f.OK, f.Object, f.Found)
			}
		}
		return text
	}
	if got := hosts(); strings.Contains(got, "false m1") || !strings.Contains(got, "false web") || !strings.Contains(got, "false m2 from m1, it cannot be reached at https://m2:8600") {
		t.Errorf("one host and one manager are bad:\n%s", got)
	}
	if err := w.store.Write(t.Context(), func(tx store.Tx) error { return tx.DeleteHost("h-web") }); err != nil {
		t.Fatal(err)
	}
	if got := hosts(); !strings.Contains(got, "no agent has run yet beside") || !strings.Contains(got, "m1, m2, and nothing waits for one there") {
		t.Errorf("all is well:\n%s", got)
	}
	live["h-m2"] = runner.HostLive{Waiting: 1}
	if got := hosts(); !strings.Contains(got, "false m2 it has not connected since") {
		t.Errorf("a part waits for m2:\n%s", got)
	}
}
