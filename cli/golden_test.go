package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./cli -update rewrites it):\n%s", path, got)
	}
}

// at is a fixed moment of the night, some seconds on.
func at(seconds float64) *time.Time {
	m := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
	return &m
}

// someEnv is an env whose output goes to a builder and whose clock stands.
func someEnv(lang language, columns int, out io.Writer) *env {
	return &env{lang: lang, words: catalogue(lang), std: Streams{
		Out: out, Err: out, Local: time.FixedZone("JST", 9*3600), Version: "1.0",
		Now: func() time.Time { return *at(90) },
		Env: func(name string) string {
			if name == "COLUMNS" && columns > 0 {
				return fmt.Sprint(columns)
			}
			return ""
		},
	}}
}

func exitOf(code int) *int { return &code }

func someParts() []banto.PartView {
	part := func(key string, state banto.PartState, after ...string) banto.PartView {
		return banto.PartView{Part: banto.Part{Key: banto.PartKey(key), State: state}, After: after, Kind: "job"}
	}
	ran := func(p banto.PartView, from, to float64) banto.PartView {
		p.Host, p.Attempt, p.StartedAt, p.EndedAt = "db01", 1, at(from), at(to)
		return p
	}
	failed := ran(part("照合", banto.PartError, "restore", "checksum"), 30, 42.5)
	failed.Reason, failed.Exit, failed.Attempt = banto.ReasonExit, exitOf(2), 3
	live := part("レポート作成", banto.PartRunning, "checksum")
	live.Host, live.Attempt, live.StartedAt, live.Progress = "batch-east-001.example.com", 1, at(20), "100% 完了\x1b[2J しました"
	retry := part("send", banto.PartRetrying, "checksum.warning")
	retry.Attempt, retry.RetryAt = 2, at(120)
	return []banto.PartView{
		ran(part("archive", banto.PartOK), 0, 3.25),
		ran(part("checksum", banto.PartWarning), 0, 0.05),
		part("damage", banto.PartNotTaken, "archive"),
		ran(part("restore", banto.PartOK, "archive", "damage"), 4, 29),
		failed,
		part("keep", banto.PartUnreached, "照合"),
		part("rescue", banto.PartReady, "照合.error"),
		part("report", banto.PartWaiting, "keep", "rescue.ended"),
		live,
		retry,
	}
}

func someTracker(parts []banto.PartView) banto.Tracker {
	t := banto.Tracker{ID: "20261121-7k3mq0x", Jobnet: "backup/nightly", Title: "夜間バックアップ", Version: 3, Flow: "f",
		State: banto.TrackerRunning, Params: map[string]string{"source": "/srv", "generations": "7"},
		Date: banto.Date{Year: 2026, Month: 11, Day: 21}, Parts: len(parts), SubmittedBy: "田中", Reason: "月末",
		SubmittedAt: *at(-1), StartedAt: at(0), Counts: map[banto.PartState]int{}, WaitsFor: []string{"part レポート作成 (running)"}}
	for _, p := range parts {
		t.Counts[p.State]++
	}
	return t
}

// someRecovery has one of everything that can be found.
func someRecovery() banto.Recovery {
	r := banto.Recovery{Held: true, Mode: "restore", Since: *at(-3600), StartedAt: *at(0), Counts: map[banto.RecoveryFound]int{},
		Hosts: []banto.RecoveryHost{{Name: "db01", Answered: true, Whole: true}, {Name: "db02", Answered: true},
			{Name: "東京バッチ", Why: "it is not connected since 2026-11-21 12:00:00 UTC"}}}
	then := map[banto.RecoveryFound]string{banto.FoundAfter: "its tracker is held: skip, force-end or release it", banto.FoundUnknown: "it stays lost"}
	for n, found := range allFound() {
		i := banto.RecoveryItem{Tracker: banto.TrackerID(fmt.Sprintf("20261121-7k3mq%02d", n)), Jobnet: "backup/nightly", Part: "アーカイブ作成", Host: "db01",
			Attempt: banto.AttemptID(fmt.Sprintf("20261121-7k3mq%02d.1", n)), Found: found, Then: then[found]}
		if found == banto.FoundTold || found == banto.FoundEnded {
			i.Exit = exitOf(n)
		} else {
			i.At = at(float64(n))
		}
		r.Items, r.Counts[found] = append(r.Items, i), n+1
	}
	return r
}

// TestGolden shows everything that is laid out in columns, in both languages,
// on a wide and a narrow terminal.
func TestGolden(t *testing.T) {
	parts := someParts()
	tracker := someTracker(parts)
	ended := tracker
	ended.ID, ended.State, ended.EndedAt, ended.Message = "20261121-0000001", banto.TrackerError, at(3700), "照合 ended with exit code 2"
	seen := *at(-86400 * 40)
	shows := map[string]func(e *env) error{
		"tracker-show": func(e *env) error { return e.writeTracker(trackerDocument{Tracker: tracker, Parts: parts}) },
		"tracker-list": func(e *env) error {
			return e.writeTrackers(banto.Page[banto.Tracker]{Items: []banto.Tracker{tracker, ended}, Next: "c1"})
		},
		"attempts": func(e *env) error {
			var b strings.Builder
			e.writeAttempts(&b, []banto.Attempt{{ID: "20261121-7k3mq0x.12", Part: "照合", Number: 3, State: banto.AttemptError,
				Reason: banto.ReasonTimeout, Host: "db01", OutputSize: 12345, StartedAt: at(0), EndedAt: at(61)}}, e.pen(), e.width())
			return e.print(b.String())
		},
		"jobnet-list": func(e *env) error {
			return e.writeJobnets([]banto.JobnetInfo{
				{Path: "backup/nightly", Title: "夜間バックアップ", Version: 12, Parts: 10, AppliedAt: *at(0), AppliedBy: "田中"},
				{Path: "sales/close/month", Title: "Close of the month, with all that belongs to it", Version: 3, Parts: 1200, AppliedAt: seen, AppliedBy: "sato"}})
		},
		"host-list": func(e *env) error {
			return e.writeHosts([]banto.Host{
				{Name: "db01", State: banto.HostConnected, Since: *at(0), Slots: 64, Running: 3, OS: "linux", Arch: "amd64", Version: "1.0"},
				{Name: "東京バッチ", State: banto.HostLost, Since: seen, Slots: 8, Why: "heard nothing for 45 s"}})
		},
		"host-show": func(e *env) error {
			return e.writeHost(banto.Host{ID: "h-1", Name: "db01", State: banto.HostLost, Since: *at(0), Why: "heard nothing for 8 s", Slots: 64, Running: 2,
				Labels: map[string]string{"role": "db", "area": "east"}, OS: "linux", Arch: "amd64", Version: "1.0", Admission: banto.AdmissionDraining,
				AdmissionBy: "田中", AdmissionWhy: "月次のパッチ", AdmissionSince: at(-60), Endpoint: "tls://manager.example.com:8601", ClockMS: -86_400_000,
				Claims: 1234, Problem: "a second agent with this identity", PublicKey: "UABC", EnrolledAt: seen, ConnectedAt: at(-3600)})
		},
		"group-list": func(e *env) error {
			return e.writeGroups([]banto.GroupInfo{{Name: "batch-east", Title: "東のバッチ", Labels: map[string]string{"role": "batch"}, Pick: "least-loaded",
				Hosts: []string{"db01", "db02"}, AppliedAt: *at(0), AppliedBy: "田中"}})
		},
		"account-list": func(e *env) error {
			return e.writeAccounts([]banto.AccountInfo{
				{Name: "nightly", Users: []banto.AccountUser{{User: "nightly"}, {Hosts: "winbatch", User: `DOM\nightly`}}},
				{Name: "locked", Users: []banto.AccountUser{{User: "x"}}, Failures: 3, Blocked: at(0), BlockedBy: "the password has expired"}})
		},
		"doctor-list": func(e *env) error {
			return e.writeFindings([]banto.Finding{
				{Check: "name", OK: true, Object: "manager.example.com", Found: "10.0.0.1"},
				{Check: "clock", Object: "db01", Found: "this machine's clock is 24h0m0s behind the manager's", Advice: "set the clock (NTP); jobs run all the same, with the manager's times"}})
		},
		"changes-list": func(e *env) error {
			var b strings.Builder
			e.writeChanges(&b, []banto.MoveChange{{Part: "照合", From: banto.PartRunning, To: banto.PartRunning, Note: "its process on db01 is killed"},
				{Part: "report", From: banto.PartWaiting, To: banto.PartCancelled}}, e.pen(), e.width())
			return e.print(b.String())
		},
		"history-list": func(e *env) error {
			var b strings.Builder
			e.writeHistory(&b, trackerDocument{Tracker: tracker, earlier: 3, History: []banto.AuditEntry{
				{At: *at(0), Principal: "田中", Action: "tracker.force-end", Detail: "backup/nightly; 照合: 手で確認した", Outcome: "done"},
				{At: *at(5), Principal: "sato", Action: "tracker.kill", Detail: "it has ended", Outcome: "refused"}}}, e.pen(), e.width())
			return e.print(b.String())
		},
		"audit-list": func(e *env) error {
			return e.writeAudit(banto.Page[banto.AuditEntry]{Items: []banto.AuditEntry{
				{At: *at(0), Principal: "田中", Action: "tracker.cancel", Object: "20261121-7k3mq0x", Outcome: "refused", Detail: "it has ended"}}})
		},
		"server-list": func(e *env) error {
			return e.writeManagers([]banto.ManagerState{
				{Name: "manager1", URL: "https://manager1.example.com:8600", Active: true, Version: "1.0", StartedAt: *at(-3600), SeenAt: *at(89)},
				{Name: "東京管理2", URL: "https://manager2.example.com:8600", Version: "1.0", StartedAt: seen, SeenAt: *at(88)},
				{Name: "m3", Version: "1.0", StartedAt: seen, SeenAt: seen, Silent: 3_000_000}})
		},
		"recovery-list": func(e *env) error { return e.writeRecovery(someRecovery()) },
		"backup-list": func(e *env) error {
			return e.tellBackup("backup", backupDocument{File: "b", Size: 123_456_789, Info: banto.BackupInfo{Version: "1.0", At: *at(0), Rows: 98765, Trackers: 4321, Jobnets: 12, Hosts: 7}}, false)
		},
		"frame": func(e *env) error {
			return e.print(strings.Join(e.frame(newView(tracker, parts), e.width(), 24, "one thing to say"), "\n") + "\n")
		},
		"frame-small": func(e *env) error {
			return e.print(strings.Join(e.frame(newView(tracker, parts), e.width(), 7, ""), "\n") + "\n")
		},
		"help-tracker-rerun": func(e *env) error {
			cmd, _, err := newRoot(e).Find([]string{"tracker", "rerun"})
			if err != nil {
				return err
			}
			e.help(cmd, nil)
			return nil
		},
	}
	for name, show := range shows {
		for _, lang := range []language{english, japanese} {
			for _, columns := range []int{80, 40} {
				file := fmt.Sprintf("%s.%s.%d.txt", name, lang, columns)
				t.Run(file, func(t *testing.T) {
					var b strings.Builder
					if err := show(someEnv(lang, columns, &b)); err != nil {
						t.Fatal(err)
					}
					for _, line := range strings.Split(b.String(), "\n") {
						if strings.HasPrefix(line, "  banto ") || (!strings.Contains(name, "list") || strings.HasPrefix(line, "… ")) && !strings.Contains(name, "frame") {
							continue // sentences and examples may be longer
						}
						if textWidth(line) > columns {
							t.Errorf("%d columns: %q", textWidth(line), line)
						}
					}
					golden(t, file, b.String())
				})
			}
		}
	}
}
