package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

func TestUnit(t *testing.T) {
	unit := ServiceOptions{Exe: "/usr/local/bin/banto", Data: "/var/lib/my banto", Settings: "/etc/banto/100%.yaml", User: "root"}.Unit()
	for _, want := range []string{
		`ExecStart=/usr/local/bin/banto agent --data "/var/lib/my banto" --settings /etc/banto/100%%.yaml` + "\n",
		"User=root\n", "KillMode=process\n", "Delegate=yes\n", "WantedBy=multi-user.target\n",
	} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %q:\n%s", want, unit)
		}
	}
}

// What systemd itself says of the unit.
func TestUnitIsVerified(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: the unit is not verified by systemd")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), serviceName+".service")
	unit := ServiceOptions{Exe: exe, Data: t.TempDir(), User: "root"}.Unit()
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(verify, "verify", "--man=no", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, serviceName) {
			t.Errorf("systemd says: %s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Error(err)
	}
}

func TestInstallNeedsAUser(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows a service has an account by itself")
	}
	err := InstallAgent(ServiceOptions{Exe: "/bin/banto", Data: "/var/lib/banto"})
	if k := banto.KindOf(err); k != banto.KindInvalid && k != banto.KindDenied {
		t.Errorf("an install without a user: %v", err)
	}
}
