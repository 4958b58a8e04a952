//go:build unix

package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// TestVersionsTooFarApart lets an agent work for a manager that is too many
// versions ahead: the doctor names the version, and what to do, until the agent
// is brought near enough.
func TestVersionsTooFarApart(t *testing.T) {
	dir := t.TempDir()
	w := &world{t: t, dir: dir, config: filepath.Join(dir, "config.json")}
	data := filepath.Join(dir, "data")
	manager := w.startPart(buildAs(t, "1.9.0"), "server", "--data", data, "--http", "127.0.0.1:0", "--fabric", "127.0.0.1:0")
	defer w.stopPart(manager)
	for _, c := range []struct{ version, wrong string }{{"1.6.3", "version"}, {"1.7.0", ""}} {
		old := buildAs(t, c.version)
		agent := w.startPart(old, "agent", "--data", data, "--allow-root")
		w.until("the host is there as "+c.version, func() bool {
			hosts, err := w.client().Hosts(t.Context())
			return err == nil && len(hosts) == 1 && hosts[0].State == banto.HostConnected && hosts[0].Version == c.version
		})
		// An agent that has just started has not said yet how it stands.
		w.until(fmt.Sprintf("the doctor finds of %s that this is wrong: %q", c.version, c.wrong), func() bool {
			cmd := exec.Command(old, "doctor", "--data", data, "--json")
			cmd.Env = append(os.Environ(), "BANTO_CONFIG="+w.config, "BANTO_URL=", "BANTO_TOKEN=")
			out, _ := cmd.Output() // it ends with 1 when it finds something
			var d struct{ Items []banto.Finding }
			if err := json.Unmarshal(out, &d); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var wrong []string
			for _, f := range d.Items {
				if f.OK {
					continue
				}
				wrong = append(wrong, f.Check)
				if f.Check == "version" && (!strings.Contains(f.Found, c.version) || !strings.Contains(f.Found, "1.9.0") || f.Advice == "") {
					t.Errorf("it says %+v", f)
				}
			}
			return strings.Join(wrong, " ") == c.wrong
		})
		w.stopPart(agent)
	}
	w.until("the keeper ends with its agent", w.noKeeper)
}
