package metrics

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/runner"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// full gives metrics of which each has a value.
func full(now func() time.Time) *Metrics {
	m := New(Options{Version: "1.2.3", Now: now, Sources: Sources{
		Loop: func() (runner.Figures, bool) {
			return runner.Figures{Calls: 1, Submissions: 1, Reports: 2, Ready: 3, Trackers: 4, Attempts: 5, Lost: 1, Outbox: 6, Connected: 7, Gone: 1, Turned: now()}, true
		},
		Lead:            func() Lead { return Lead{Active: true, Epoch: 7, Proved: 1500 * time.Millisecond} },
		Room:            func() Room { return Room{Store: 1 << 20, Free: 1 << 30, Disk: 1 << 40} },
		Connections:     func() int { return 7 },
		Notices:         func() map[string]int64 { return map[string]int64{"BANTO0301W": 3} },
		SyslogDropped:   func() int64 { return 4 },
		CertificateEnds: func() time.Time { return now().Add(time.Hour) },
	}})
	m.Committed(&runner.Commit{
		Inputs: 3, Wrote: true, Took: 20 * time.Millisecond, Audits: 1, Submitted: 1,
		Sent: []time.Duration{time.Millisecond}, Started: []time.Duration{2 * time.Millisecond}, First: []time.Duration{6 * time.Second},
		Ended: []banto.AttemptState{banto.AttemptOK, banto.AttemptError}, Trackers: []banto.TrackerState{banto.TrackerOK},
		Events: []runner.Event{{Kind: runner.AttemptLost}, {Kind: runner.AttemptFound}, {Kind: runner.HostLost}},
	})
	m.Committed(&runner.Commit{Inputs: 1})
	m.Ailing(errors.New("full"))
	m.Ailing(nil)
	m.Refused(runner.RefusedRate)
	m.Called("submit", http.StatusCreated, time.Millisecond, false)
	m.Called("watch-tracker", http.StatusOK, time.Hour, true)
	m.Called("submit", 0, time.Millisecond, false)
	m.Activated()
	m.Profiled()
	m.Streaming(1)
	return m
}

func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func fixed() time.Time { return time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC) }

func TestThePagePassesTheLinter(t *testing.T) {
	page := scrape(t, full(fixed))
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestPromtoolTakesThePage(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		promtool, err = exec.LookPath("../../.tools/prometheus/usr/bin/promtool") // .ci/run unpacks it there
	}
	if err != nil {
		t.Skip("promtool is not here (Debian: prometheus): promlint has looked at the page all the same")
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(scrape(t, full(fixed)))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	rules := exec.CommandContext(t.Context(), promtool, "check", "rules", "../../examples/monitoring/banto.rules.yaml")
	if out, err := rules.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	tests := exec.CommandContext(t.Context(), promtool, "test", "rules", "../../examples/monitoring/banto.rules.test.yaml")
	if out, err := tests.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNamesStay holds the names, types and labels of what is ours: alerts and
// graphs are made of them.
func TestNamesStay(t *testing.T) {
	families, err := full(fixed).Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "banto_") {
			continue
		}
		fmt.Fprintf(&out, "%s %s", f.GetName(), strings.ToLower(f.GetType().String()))
		for _, l := range f.GetMetric()[0].GetLabel() {
			out.WriteString(" " + l.GetName())
		}
		out.WriteString("\n")
	}
	const golden = "testdata/names.txt"
	want, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if out.String() == string(want) {
		return
	}
	if !*update {
		t.Fatalf("the metrics are not those of %s (run with -update):\n%s", golden, out.String())
	}
	if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTheGuideNamesAll holds that the guides say of each metric what it is.
func TestTheGuideNamesAll(t *testing.T) {
	names, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range []string{"../../docs/guide/monitoring.md", "../../docs/guide/monitoring.ja.md"} {
		body, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(names)) {
			if name, _, _ := strings.Cut(line, " "); !strings.Contains(string(body), "`"+name+"`") {
				t.Errorf("%s does not name %s", guide, name)
			}
		}
	}
}

func TestValues(t *testing.T) {
	page := scrape(t, full(fixed))
	for _, line := range []string{
		`banto_build_info{goversion="go`, `version="1.2.3"} 1`, "banto_parts_ready 3", `banto_inbox_waiting{kind="reports"} 2`, `banto_hosts{state="lost"} 1`,
		"banto_manager_active 1", "banto_lease_epoch 7", "banto_lease_proof_age_seconds 1.5", "banto_store_size_bytes 1.048576e+06",
		"banto_commit_seconds_count 1", "banto_commit_inputs_sum 3", "banto_commit_failures_total 1", "banto_dispatch_seconds_count 1",
		`banto_lateness_seconds_bucket{le="5"} 0`, `banto_lateness_seconds_bucket{le="10"} 1`, `banto_attempts_ended_total{outcome="error"} 1`,
		`banto_attempts_ended_total{outcome="cancelled"} 0`, `banto_trackers_ended_total{outcome="ok"} 1`, "banto_attempts_lost_total 1",
		`banto_refusals_total{reason="rate"} 1`, `banto_http_requests_total{class="2xx",route="submit"} 1`, `banto_http_requests_total{class="none",route="submit"} 1`,
		`banto_http_request_seconds_count{route="submit"} 2`, `banto_notices_total{id="BANTO0301W"} 3`, "banto_syslog_dropped_total 4", "go_goroutines ", "process_start_time_seconds ",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("the page does not hold %s", line)
		}
	}
	if strings.Contains(page, `banto_http_request_seconds_count{route="watch-tracker"}`) {
		t.Error("a stream is timed")
	}
}

func TestAStandbyShowsItsOwn(t *testing.T) {
	m := New(Options{Version: "1", Sources: Sources{
		Loop: func() (runner.Figures, bool) { return runner.Figures{}, false },
		Lead: func() Lead { return Lead{Proved: -1} },
	}})
	page := scrape(t, m)
	if !strings.Contains(page, "banto_manager_active 0") || strings.Contains(page, "banto_parts_ready") || strings.Contains(page, "banto_lease") {
		t.Error(page)
	}
	empty := scrape(t, New(Options{}))
	if !strings.Contains(empty, "banto_submissions_total 0") {
		t.Error(empty)
	}
}

func TestRecentForgets(t *testing.T) {
	now := fixed()
	m := full(func() time.Time { return now })
	want := Recent{For: 30 * time.Second, Commits: 1, Total: 20 * time.Millisecond, Worst: 20 * time.Millisecond, Starts: 1, Late: 1, Latest: 6 * time.Second,
		Sent: 1, Held: time.Millisecond, Lost: 1, Refused: 1, Done: 2}
	if got := m.Recent(); got != want {
		t.Errorf("%+v", got)
	}
	now = now.Add(2 * time.Minute)
	m.Committed(&runner.Commit{Wrote: true, Took: time.Second})
	if got := m.Recent(); got.Commits != 2 || got.Slow != 1 || got.Worst != time.Second || got.For != 150*time.Second {
		t.Errorf("%+v", got)
	}
	now = now.Add(3 * time.Minute)
	if got := m.Recent(); got.Commits != 1 || got.Starts != 0 {
		t.Errorf("later %+v", got)
	}
	now = now.Add(time.Hour)
	if got := m.Recent(); got != (Recent{}) {
		t.Errorf("much later %+v", got)
	}
	now = now.Add(-2 * time.Hour) // the clock was set
	if got := m.Recent(); got != (Recent{}) {
		t.Errorf("earlier %+v", got)
	}
}

// BenchmarkCommitted is what a batch of one job's end and another's start costs
// the loop.
func BenchmarkCommitted(b *testing.B) {
	m := New(Options{})
	c := &runner.Commit{
		Inputs: 2, Wrote: true, Took: time.Millisecond, Sent: []time.Duration{time.Millisecond}, Started: []time.Duration{time.Millisecond},
		Ended: []banto.AttemptState{banto.AttemptOK},
	}
	for b.Loop() {
		m.Committed(c)
	}
}

func BenchmarkScrape(b *testing.B) {
	m := full(fixed)
	for b.Loop() {
		scrape(b, m)
	}
}
