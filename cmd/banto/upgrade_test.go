//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// part is one process of Banto that runs apart from the others.
type part struct {
	cmd   *exec.Cmd
	log   *bytes.Buffer
	ended chan struct{}
}

// startPart starts a process of a binary and waits until it has said that it runs.
func (w *world) startPart(binary string, args ...string) *part {
	w.t.Helper()
	p := &part{log: &bytes.Buffer{}, ended: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = append(os.Environ(), "BANTO_CONFIG="+w.config, "BANTO_URL=", "BANTO_TOKEN=")
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		buf := make([]byte, 4096)
		if n, _ := out.Read(buf); n > 0 {
			close(ready)
		}
		for {
			if _, err := out.Read(buf); err != nil {
				break
			}
		}
		p.cmd.Wait()
		close(p.ended)
	}()
	w.t.Cleanup(func() {
		p.cmd.Process.Kill() // what a test that failed has left
		<-p.ended
	})
	select {
	case <-ready:
	case <-p.ended:
		w.t.Fatalf("%v ended at once:\n%s", args, p.log)
	case <-time.After(patience):
		w.t.Fatalf("%v does not answer:\n%s", args, p.log)
	}
	return p
}

func (w *world) stopPart(p *part) {
	w.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.cmd.Process.Kill()
		w.t.Errorf("%v does not end:\n%s", p.cmd.Args, p.log)
	}
	if w.t.Failed() {
		w.t.Logf("log of %v:\n%s", p.cmd.Args, p.log)
	}
}

// buildAs builds the binary as another version.
func buildAs(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "banto-"+version)
	build := exec.Command("go", "build", "-ldflags", "-X main.version="+version, "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build version %s: %v\n%s", version, err, out)
	}
	return path
}

// TestUpgradeUnderRunningJobs puts a newer agent, keeper and manager in the
// place of those that run 50 jobs, twice: every job goes on, its output is
// whole, and its exit code is known.
func TestUpgradeUnderRunningJobs(t *testing.T) {
	const jobs = 50
	dir := t.TempDir()
	w := &world{t: t, dir: dir, config: filepath.Join(dir, "config.json")}
	data := filepath.Join(dir, "data")
	fabric := freeAddress(t) // the same through all restarts
	server := func(binary string) *part {
		return w.startPart(binary, "server", "--data", data, "--http", "127.0.0.1:0", "--fabric", fabric)
	}
	agent := func(binary string) *part {
		return w.startPart(binary, "agent", "--data", data, "--allow-root")
	}
	manager, worker := server(binary), agent(binary)

	var text strings.Builder
	fmt.Fprintf(&text, "jobnet: up/grade\nparts:\n")
	for i := range jobs {
		fmt.Fprintf(&text, "  p%d:\n    job: |\n      echo begins\n      until [ -e %s/go ]; do sleep 0.1; done\n      echo ends\n      echo p%d >> %s/history\n      exit %d\n    exit: {ok: [0, 1, 2]}\n",
			i, dir, i, dir, i%3)
	}
	w.must("apply", "-f", w.write("jobs.yaml", text.String()))
	id, _ := submitted(t, w.must("submit", "up/grade", "--json"))
	running := func() bool {
		tracker, err := w.client().Tracker(t.Context(), banto.TrackerID(id))
		return err == nil && tracker.Counts[banto.PartRunning] == jobs
	}
	w.until("all jobs run", running)
	for _, version := range []string{"99.1.0", "99.2.0"} {
		next := buildAs(t, version)
		w.stopPart(worker)
		worker = agent(next)
		w.until("the host is back as "+version, func() bool {
			hosts, err := w.client().Hosts(t.Context())
			if err != nil || len(hosts) != 1 {
				return false
			}
			h := hosts[0]
			return h.State == banto.HostConnected && h.Version == version
		})
		w.until("the keeper is of "+version, func() bool { return w.keeperVersion() == version })
		w.stopPart(manager)
		manager = server(next)
		w.until("all jobs still run", running)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if state := w.endOf(banto.TrackerID(id)); state != banto.TrackerOK {
		t.Errorf("the tracker ended %s\n%s", state, w.must("tracker", "show", id))
	}
	history := w.lines("history")
	slices.Sort(history)
	if once := slices.Compact(slices.Clone(history)); len(history) != jobs || len(once) != jobs {
		t.Errorf("%d jobs ran to their end, %d different ones, of %d", len(history), len(once), jobs)
	}
	for i := range jobs {
		if out := w.must("tracker", "output", id, fmt.Sprintf("p%d", i)); out != "begins\nends\n" {
			t.Errorf("p%d printed %q", i, out)
		}
	}
	w.stopPart(worker)
	w.stopPart(manager)
	w.until("the keeper ends with its agent", w.noKeeper)
}

// freeAddress gives a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// keeperVersion gives the version of the binary that is the keeper now.
func (w *world) keeperVersion() string {
	out, err := exec.Command("pgrep", "-f", "keeper --dir "+filepath.Join(w.dir, "data", "agent", "keeper")).Output()
	pid := strings.TrimSpace(string(out))
	if err != nil || pid == "" || strings.Contains(pid, "\n") {
		return ""
	}
	exe, err := os.Readlink("/proc/" + pid + "/exe")
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(filepath.Base(exe), "banto-")
}
