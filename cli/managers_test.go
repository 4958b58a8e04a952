package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bantoops/banto"
)

// run runs a command against managers at some URLs.
func run(t *testing.T, urls string, args ...string) (code int, out, told string) {
	t.Helper()
	var stdout, stderr strings.Builder
	std := someEnv(english, 0, &stdout).std
	std.Out, std.Err = &stdout, &stderr
	std.In = strings.NewReader("")
	std.Env = func(name string) string {
		return map[string]string{"BANTO_CONFIG": filepath.Join(t.TempDir(), "config.json"), "BANTO_URL": urls, "BANTO_TOKEN": "secret"}[name]
	}
	code = Run(context.Background(), args, std)
	return code, stdout.String(), stderr.String()
}

// manages plays a manager: an answer for each path.
func manages(t *testing.T, answers map[string]any) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1")]
		switch a := a.(type) {
		case func() any:
			_ = json.NewEncoder(w).Encode(a())
		case string:
			_, _ = io.WriteString(w, a)
		case int:
			w.WriteHeader(a)
		default:
			if !ok {
				t.Errorf("nobody answers %s %s", r.Method, r.URL)
			}
			_ = json.NewEncoder(w).Encode(a)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// The token that is kept for the managers of one store goes to all of them, and
// to no other.
func TestTokenStaysWithItsManagers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"url": "http://127.0.0.1:1, http://127.0.0.1:2/", "token": "secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]struct {
		url   string
		token bool
	}{
		"":                                       {"http://127.0.0.1:1,http://127.0.0.1:2", true},
		"http://127.0.0.1:2":                     {"http://127.0.0.1:2", true},
		"http://127.0.0.1:2/ http://127.0.0.1:1": {"http://127.0.0.1:2,http://127.0.0.1:1", true},
		"http://127.0.0.1:2,http://127.0.0.1:3":  {"http://127.0.0.1:2,http://127.0.0.1:3", false},
	} {
		e := someEnv(english, 0, io.Discard)
		e.std.Env = func(name string) string { return map[string]string{"BANTO_CONFIG": path, "BANTO_URL": said}[name] }
		got, err := e.address()
		if err != nil || got.URL != want.url || (got.Token == "secret") != want.token {
			t.Errorf("%q: got %+v, %v", said, got, err)
		}
	}
}

func TestHandOverTellsWhoFollows(t *testing.T) {
	var asked atomic.Int32
	all := func() any {
		second := asked.Add(1) > 2
		return []banto.ManagerState{{Name: "m1", Active: !second}, {Name: "m2", Active: second}}
	}
	url := manages(t, map[string]any{"GET /managers": all, "POST /managers/handover": http.StatusNoContent})
	if code, out, told := run(t, url, "server", "handover", "--to", "m2"); code != 0 || !strings.HasPrefix(out, "m2 is the active manager now, after ") {
		t.Errorf("%d %q %q", code, out, told)
	}
	asked.Store(0)
	code, out, _ := run(t, url, "server", "handover", "--json")
	var d handOverDocument
	if err := json.Unmarshal([]byte(out), &d); code != 0 || err != nil || d.From != "m1" || d.To != "m2" {
		t.Errorf("%d %q %v", code, out, err)
	}
}

// What comes and is no whole backup gets no name.
func TestABackupThatIsNone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.backup")
	url := manages(t, map[string]any{"GET /backup": "half of something"})
	if code, _, told := run(t, url, "backup", "-o", file); code != 2 || !strings.Contains(told, "cannot read the backup") {
		t.Errorf("%d %q", code, told)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if code, out, _ := run(t, url, "backup"); code != 2 || out != "half of something" {
		t.Errorf("to standard output: %d %q", code, out)
	}
}

func TestNamed(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	final := filepath.Join(dir, "final")
	if err := named(write("a"), final, false); err != nil {
		t.Fatal(err)
	}
	if err := named(write("b"), final, false); !os.IsExist(err) {
		t.Errorf("over another: %v", err)
	}
	if text, _ := os.ReadFile(final); string(text) != "a" {
		t.Errorf("it was %q", text)
	}
	if err := named(write("c"), final, true); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(final); string(text) != "c" {
		t.Errorf("it was %q", text)
	}
}

// A recovery is shown before it is confirmed, and confirmed only by a yes.
func TestRecoveryIsConfirmed(t *testing.T) {
	r := someRecovery()
	var confirmed atomic.Int32
	url := manages(t, map[string]any{"GET /manager": banto.ManagerInfo{}, "GET /recovery": r, "POST /recovery/confirm": func() any { confirmed.Add(1); return r }})
	if code, out, _ := run(t, url, "recovery", "--help"); code != 0 || !strings.Contains(out, "confirm") {
		t.Errorf("help: %d %q", code, out)
	}
	if code, out, _ := run(t, url, "recovery", "show", "--found", "after"); code != 0 || !strings.Contains(out, "started later") || strings.Contains(out, "never started   ") {
		t.Errorf("show: %d %q", code, out)
	}
	if code, _, told := run(t, url, "recovery", "confirm"); code != 2 || confirmed.Load() != 1 || !strings.Contains(told, "--yes") {
		t.Errorf("nobody to ask: %d %q after %d", code, told, confirmed.Load())
	}
	if code, out, _ := run(t, url, "recovery", "confirm", "--yes"); code != 0 || confirmed.Load() != 3 || !strings.Contains(out, "tracker list --state held") {
		t.Errorf("yes: %d %q after %d", code, out, confirmed.Load())
	}
	if code, out, _ := run(t, url, "recovery", "confirm", "--dry-run"); code != 0 || confirmed.Load() != 4 || !strings.Contains(out, "nothing was changed") {
		t.Errorf("dry run: %d %q after %d", code, out, confirmed.Load())
	}
}

// A tracker of which an attempt is lost is not one that simply runs.
func TestLostIsSeenInTheList(t *testing.T) {
	for lang, want := range map[language]string{english: "running, 2 lost", japanese: "実行中、応答なし 2"} {
		var out strings.Builder
		e := someEnv(lang, 80, &out)
		one := banto.Tracker{ID: "20261121-7k3mq0x", State: banto.TrackerRunning, Jobnet: "a", Parts: 3, Counts: map[banto.PartState]int{banto.PartLost: 2}}
		other := one
		other.State = banto.TrackerCancelled
		if err := e.writeTrackers(banto.Page[banto.Tracker]{Items: []banto.Tracker{one, other}}); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("%s: %s", lang, out.String())
		}
	}
}

// A manager that would use the database of the environment gets no store in a
// directory by mistake.
func TestRestoreWantsOnePlace(t *testing.T) {
	e := someEnv(english, 80, &strings.Builder{})
	e.std.Env = func(name string) string { return map[string]string{"BANTO_STORE": "postgres://db/banto"}[name] }
	cmd := newRestoreCommand(e)
	cmd.SetArgs([]string{"b.backup", "--data", t.TempDir()})
	if err := cmd.Execute(); banto.KindOf(err) != banto.KindInvalid || !strings.Contains(err.Error(), "$BANTO_STORE") {
		t.Errorf("got %v", err)
	}
}

// What nobody has answered is not told as if it were known.
func TestNobodyHasAnsweredYet(t *testing.T) {
	for want, hosts := range map[string][]banto.RecoveryHost{
		"no host has answered yet":                                 {{Name: "a"}, {Name: "b"}},
		"the store and the hosts that have answered know the same": {{Name: "a", Answered: true}, {Name: "b"}},
		"the store and the hosts know the same":                    {{Name: "a", Answered: true, Whole: true}},
	} {
		var out strings.Builder
		if err := someEnv(english, 120, &out).writeRecovery(banto.Recovery{Mode: "restore", Held: true, Hosts: hosts}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%q: %s %v", want, out.String(), err)
		}
	}
}

func TestFlagsOfManagers(t *testing.T) {
	for want, args := range map[string][]string{
		"--max-trackers wants a number from 1 on":         {"server", "--max-trackers", "0"},
		"--submit-rate wants a number above 0":            {"server", "--submit-rate", "-1"},
		"--max-trackers wants a number from 1":            {"up", "--max-trackers", "0"},
		"--submit-rate wants a number above":              {"up", "--submit-rate", "0"},
		`--submit-rate wants a number, not "many"`:        {"server", "--submit-rate", "many"},
		"those are cold, warm, held":                      {"server", "--recover-site", "hot"},
		"either --data DIRECTORY or --store URL":          {"restore", "x"},
		"--verify looks at a file that is there":          {"backup", "--verify", "x", "-o", "y"},
		"the reason is longer than 1000 characters":       {"server", "handover", "--reason", strings.Repeat("x", 1001)},
		`"x" is not the URL of a manager; one looks like`: {"login", "https://a:1", "x"},
	} {
		if code, _, told := run(t, "http://127.0.0.1:1", args...); code != 2 || !strings.Contains(told, want) {
			t.Errorf("%q: %d %q", args, code, told)
		}
	}
}
