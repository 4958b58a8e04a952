package settings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app/settings"
)

func TestWhole(t *testing.T) {
	got, problems := settings.Parse("agent.yaml", []byte(`
# an agent, and a manager
data: /var/lib/banto
name: db01
slots: 200
accounts: [nightly, "batch"]
allow-root: true
proxy: http://proxy:3128
http: 0.0.0.0:8600
fabric: 0.0.0.0:8601
san: [banto.example.com, 192.0.2.1]
cert: /etc/banto/cert.pem
key: /etc/banto/key.pem
environment: production
colour: red
guard: false
metrics: open
syslog: udp://loghost:514
event-log: true
alive-file: /run/banto/alive
alive-url: https://watch.example.com/1
alive-standby: true
log: {file: /var/log/banto/agent.log, size: 20M, keep: 3, debug: true, format: json}
`))
	if len(problems) > 0 {
		t.Fatalf("problems: %+v", problems)
	}
	want := settings.Settings{
		Data: "/var/lib/banto", Name: "db01", Slots: 200, Accounts: []string{"nightly", "batch"}, AllowRoot: true,
		Proxy: "http://proxy:3128", HTTP: "0.0.0.0:8600", Fabric: "0.0.0.0:8601",
		SAN: []string{"banto.example.com", "192.0.2.1"}, Cert: "/etc/banto/cert.pem", Key: "/etc/banto/key.pem",
		Environment: "production", Colour: "red", Guard: new(false),
		Metrics: "open", Syslog: "udp://loghost:514", EventLog: true, AliveFile: "/run/banto/alive", AliveURL: "https://watch.example.com/1", AliveStandby: true,
		Log: settings.Log{File: "/var/log/banto/agent.log", Size: 20 << 20, Keep: 3, Debug: true, JSON: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestNothingIsSaid(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n", "log:\n"} {
		got, problems := settings.Parse("f", []byte(text))
		if diff := cmp.Diff(settings.Settings{}, got); diff != "" || len(problems) > 0 {
			t.Errorf("%q: %s %+v", text, diff, problems)
		}
	}
}

// All faults of a file are told at once, each with its place.
func TestFaults(t *testing.T) {
	_, problems := settings.Parse("agent.yaml", []byte(strings.Join([]string{
		"slot: 4",
		"slots: many",
		"slots: 20000",
		"accounts: nightly",
		"allow-root: yes",
		"log: {file: [a], sise: 1M, size: 1Q}",
		"data: [/tmp]",
		"name: &n x",
		"proxy: *n",
		"colour:",
		"metrics: all",
	}, "\n")))
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d:%d %s (%s)", p.Line, p.Column, p.Message, p.Hint))
	}
	want := []string{
		`1:1 there is no setting "slot" (did you mean slots?)`,
		`2:8 slots: "many" is not a number from 1 to 10000 ()`,
		"3:1 slots is set twice (keep one of them)",
		"4:11 accounts wants a list of texts (write it as [one, two])",
		`5:13 allow-root: "yes" is neither true nor false ()`,
		"6:13 log.file wants a text ()",
		`6:18 there is no setting "log.sise" (did you mean size?)`,
		`6:34 log.size: "1Q" is not a size (write it as 10M)`,
		"7:7 data wants a text ()",
		"9:8 an alias cannot stand here (write the value out)",
		"10:8 colour wants a text ()",
		`11:10 metrics: "all" is not one of open, token ()`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := settings.Load(filepath.Join(dir, "none.yaml")); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("a file that is not there: %v", err)
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, []byte(strings.Repeat("# much\n", 1<<18)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := settings.Load(big); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a large file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"slots: 3\n", "log: {file: x}\n", "a: &a [*a]\n", "{{", "---\n---\n", "\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, problems := settings.Parse("f", body)
		for _, p := range problems {
			if p.Message == "" || p.File != "f" {
				t.Errorf("a problem without words or file: %+v", p)
			}
		}
	})
}
