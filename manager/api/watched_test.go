package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/notice"
)

func TestWhoMayReadTheFigures(t *testing.T) {
	w := newWorld(t)
	if status, _, body := w.call(http.MethodGet, "/metrics", "", "Authorization", "Bearer "+w.reader); status != http.StatusOK || !strings.Contains(body, "banto_submissions_total 0") {
		t.Errorf("a reader: %d %s", status, body)
	}
	if status, _, _ := w.call(http.MethodGet, "/metrics", "", "Authorization", ""); status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", status)
	}
	w.server.OpenMetrics = true
	if status, _, _ := w.call(http.MethodGet, "/metrics", "", "Authorization", ""); status != http.StatusOK {
		t.Errorf("nobody, from this machine, when it is open: %d", status)
	}
	for _, header := range [][2]string{{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}, {"Via", "1.1 proxy"}, {"X-Real-IP", "192.0.2.1"}, {"X-Forwarded-Proto", "https"}} {
		if status, _, _ := w.call(http.MethodGet, "/metrics", "", "Authorization", "", header[0], header[1]); status != http.StatusUnauthorized {
			t.Errorf("by way of a proxy (%s): %d", header[0], status)
		}
	}
	if status, _, _ := w.call(http.MethodGet, "/metrics", "", "Authorization", "Bearer wrong"); status != http.StatusUnauthorized {
		t.Errorf("a token that is not known: %d", status)
	}
	if status, _, _ := w.call(http.MethodGet, "/metrics", "", "Authorization", "", "Host", "evil.example.com"); status == http.StatusOK {
		t.Error("a name that is none of the manager's")
	}
	if status, _, _ := w.call(http.MethodGet, "/api/v1/trackers", "", "Authorization", ""); status != http.StatusUnauthorized {
		t.Errorf("another route: %d", status)
	}
}

func TestCallsAreCounted(t *testing.T) {
	w := newWorld(t)
	w.call(http.MethodGet, "/api/v1/trackers", "")
	w.call(http.MethodGet, "/api/v1/trackers/none", "")
	w.call(http.MethodGet, "/api/v1/trackers/20260101-aaaaaaa", "")
	w.call(http.MethodGet, "/nothing/"+strings.Repeat("x", 100), "")
	w.call(http.MethodGet, "/openapi.json", "")
	_, _, page := w.call(http.MethodGet, "/metrics", "")
	for _, line := range []string{
		`banto_http_requests_total{class="2xx",route="list-trackers"} 1`, `banto_http_requests_total{class="4xx",route="get-tracker"} 2`,
		`banto_http_requests_total{class="4xx",route="unknown"} 1`, `banto_http_requests_total{class="2xx",route="docs"} 1`,
		`banto_http_request_seconds_count{route="get-tracker"} 2`,
	} {
		if !strings.Contains(page, line) {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestProfilesAreForAdministratorsAndOnRecord(t *testing.T) {
	w := newWorld(t)
	w.server.Notices = notice.New(notice.Options{})
	for _, path := range []string{"heap?gc=1", "allocs", "goroutine", "threadcreate", "block?seconds=1", "mutex?seconds=1", "profile?seconds=1", "trace?seconds=1"} {
		if status, _, body := w.call(http.MethodGet, "/debug/pprof/"+path, ""); status != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %d, %d bytes", path, status, len(body))
		}
	}
	if status, _, body := w.call(http.MethodGet, "/debug/pprof/block?debug=1&seconds=1", ""); status != http.StatusOK || !strings.Contains(body, " @ ") {
		t.Errorf("nobody has waited: %d %s", status, body)
	}
	if status, header, body := w.call(http.MethodGet, "/debug/pprof/goroutine?debug=2", ""); status != http.StatusOK ||
		!strings.HasPrefix(body, "goroutine ") || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Errorf("as text: %d %q", status, header.Get("Content-Type"))
	}
	if status, _, _ := w.call(http.MethodHead, "/debug/pprof/heap", ""); status != http.StatusOK {
		t.Errorf("only the headers: %d", status)
	}
	for path, want := range map[string]int{"heap": http.StatusForbidden, "profile?seconds=1": http.StatusForbidden} {
		if status, _, _ := w.call(http.MethodGet, "/debug/pprof/"+path, "", "Authorization", "Bearer "+w.reader); status != want {
			t.Errorf("a reader: %s: %d", path, status)
		}
	}
	for _, path := range []string{"cmdline", "heap?seconds=100000", "heap?what=1", ""} {
		if status, _, _ := w.call(http.MethodGet, "/debug/pprof/"+path, ""); status/100 != 4 {
			t.Errorf("%q: %d", path, status)
		}
	}
	rows, err := w.store.ListAudit(t.Context(), "", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range rows {
		if row.Action == "manager.profile" && row.Principal == "root" && row.Outcome == "done" {
			n++
		}
	}
	if counted := w.server.Notices.Counts()[notice.ProfileTaken]; n != 11 || counted != 11 {
		t.Errorf("%d rows, %d notices", n, counted)
	}
	w.server.profiles <- struct{}{}
	if status, _, _ := w.call(http.MethodGet, "/debug/pprof/heap", ""); status != http.StatusTooManyRequests {
		t.Errorf("a second at once: %d", status)
	}
	<-w.server.profiles
}

// TestAProfileEndsWithItsCaller: who goes away does not hold the turn.
func TestAProfileEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := take(ctx, &out, &profileIn{Profile: "trace", Seconds: 300}); err != nil || out.Len() == 0 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
	if err := take(ctx, &out, &profileIn{Profile: "none"}); err == nil {
		t.Error("a profile that there is not")
	}
}

func TestDoctorJudgesTheFigures(t *testing.T) {
	now := time.Now()
	idle := runner.Figures{Turned: now}
	well := metrics.Recent{For: 5 * time.Minute, Commits: 100, Total: time.Second, Worst: 20 * time.Millisecond, Starts: 5, Sent: 5}
	for _, c := range []struct {
		name        string
		figures     runner.Figures
		recent      metrics.Recent
		check, want string // of what is wrong; empty: all is well
	}{
		{"all is well", idle, well, "", ""},
		{"nothing has happened yet", runner.Figures{}, metrics.Recent{}, "", ""},
		{"a manager that was idle for long", runner.Figures{Turned: now.Add(-time.Hour)}, well, "", ""},
		{"much waits", runner.Figures{Calls: 400, Reports: 300, Turned: now}, well, "queue", "400 calls and 300 reports of hosts wait"},
		{"a transaction hangs", runner.Figures{Calls: 1, Turned: now.Add(-2 * time.Minute)}, well, "queue", "not got on for 2 min"},
		{"slow commits", idle, metrics.Recent{For: time.Minute, Commits: 60, Slow: 15, Total: 12 * time.Second, Worst: 900 * time.Millisecond}, "commits", "200ms on average, 900ms at most"},
		{"few commits, as at a start, half of them slow", idle, metrics.Recent{For: time.Minute, Commits: 40, Slow: 20, Total: 10 * time.Second, Worst: time.Second}, "", ""},
		{"no place for anybody", runner.Figures{Ready: 7, Attempts: 3, Turned: now}, metrics.Recent{For: time.Minute}, "places", "7 parts want a place"},
		{"places come late", runner.Figures{Ready: 7, Turned: now}, metrics.Recent{For: time.Minute, Sent: 4, Held: 2 * time.Minute}, "places", "7 parts"},
		{"places come", runner.Figures{Ready: 7, Turned: now}, well, "", ""},
		{"late trackers", idle, metrics.Recent{For: 5 * time.Minute, Starts: 9, Late: 2, Latest: 75 * time.Second}, "lateness", "2 of 9 trackers of the last 5 min"},
		{"lost attempts", runner.Figures{Lost: 3, Turned: now}, well, "lost", "3 attempts are lost"},
		{"refusals", idle, metrics.Recent{For: 30 * time.Second, Refused: 12}, "limits", "12 calls were turned away in the last 30 s"},
	} {
		d := &doctor{s: &server{}, now: now}
		d.judge(c.figures, c.recent)
		var bad []banto.Finding
		for _, f := range d.found {
			if !f.OK {
				bad = append(bad, f)
			}
		}
		switch {
		case c.check == "" && len(bad) > 0:
			t.Errorf("%s: %+v", c.name, bad)
		case c.check != "" && (len(bad) != 1 || bad[0].Check != c.check || !strings.Contains(bad[0].Found, c.want) || bad[0].Advice == ""):
			t.Errorf("%s: %+v", c.name, bad)
		}
	}
}
