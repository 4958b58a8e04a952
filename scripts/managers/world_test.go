//go:build unix

package managers_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/internal/config"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/scripts/words"
)

// patience bounds every wait; nothing is expected to take that long.
const patience = 45 * time.Second

// world is what runs in one story.
type world struct {
	t     *testing.T
	ts    *testscript.TestScript
	dir   string
	procs map[string]*words.Process
	ports map[string][2]string // of managers: the API's and the fabric's address
	since time.Time

	server  *pgtest.Server
	standby *pgtest.Server // that follows server
	second  *pgtest.Server // of a second site
	name    string         // of the database
	wire    *wire
	disk    string
	stream  *stream
}

// binary is what the stories run.
func binary(ts *testscript.TestScript) string {
	return filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "banto")
}

// environment is that of what runs aside.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "BANTO_LANG", "BANTO_CONFIG", "BANTO_URL", "BANTO_TOKEN", "WORK"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	for name := range worldOf(ts).ports {
		env = append(env, "URL_"+name+"="+ts.Getenv("URL_"+name))
	}
	return env
}

// run starts something in the background and waits until it says that it is up.
func (w *world) run(name string, env, args []string) {
	if p := w.procs[name]; p != nil && !p.Gone() {
		w.ts.Fatalf("%s runs already", name)
	}
	cmd := exec.Command(binary(w.ts), args...)
	cmd.Dir, cmd.Env = w.dir, append(environment(w.ts), env...)
	p, err := words.Start(cmd, w.ts.MkAbs(name+".log"))
	w.ts.Check(err)
	w.procs[name] = p
	spoke := words.Within(patience, func() bool { return p.Gone() || strings.Contains(p.Said(), " is up.") })
	if !spoke || p.Gone() {
		w.ts.Fatalf("%s does not come up:\n%s", name, p.Said())
	}
}

// manager starts one, on $STORE or with a store of its own. The token that the
// first one writes is what the story's commands have.
func (w *world) manager(name string, flags []string) {
	ports, known := w.ports[name]
	if !known {
		ports = [2]string{w.free(), w.free()}
		w.ports[name] = ports
		w.ts.Setenv("URL_"+name, "http://"+ports[0])
		w.ts.Setenv("BANTO_URL", strings.TrimPrefix(w.ts.Getenv("BANTO_URL")+",http://"+ports[0], ","))
	}
	kept := w.ts.MkAbs(name + ".json")
	args := []string{"server", "--data", w.ts.MkAbs(name), "--name", name, "--http", ports[0], "--fabric", ports[1]}
	if url := w.ts.Getenv("STORE"); url != "" {
		args = append(args, "--store", url)
	}
	w.run(name, []string{"BANTO_CONFIG=" + kept, "BANTO_URL=", "BANTO_TOKEN="}, append(args, flags...))
	if w.ts.Getenv("BANTO_TOKEN") == "" {
		c, err := config.Load(kept)
		w.ts.Check(err)
		w.ts.Setenv("BANTO_TOKEN", c.Token)
	}
}

var joinToken = regexp.MustCompile(`banto-join-1\.[A-Za-z0-9_-]+`)

// agent lets a host join, or starts its agent again.
func (w *world) agent(name string, flags []string) {
	args := append([]string{"agent", "--data", w.ts.MkAbs(name), "--allow-root"}, flags...)
	if _, err := os.Stat(filepath.Join(w.ts.MkAbs(name), "agent", "host.json")); err != nil {
		token := joinToken.Find(said(w.ts, []string{"banto", "host", "enrol", "--name", name, "--label", "role=work"}))
		if token == nil {
			w.ts.Fatalf("no token to join with")
		}
		args = append(args, "--join", string(token))
	}
	w.run(name, nil, args)
}

// signal sends one, and waits for the end of what it ends.
func (w *world) signal(name string, sig syscall.Signal, ends bool) {
	p := w.procs[name]
	if p == nil {
		w.ts.Fatalf("%s does not run", name)
	}
	if p.Gone() {
		w.ts.Fatalf("%s has ended by itself:\n%s", name, p.Said())
	}
	p.Cmd.Process.Signal(sig)
	if !ends {
		return
	}
	delete(w.procs, name)
	if !words.Within(patience, p.Gone) {
		p.Kill()
		w.ts.Fatalf("%s does not end:\n%s", name, p.Said())
	}
}

func (w *world) free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.ts.Check(err)
	defer l.Close()
	return l.Addr().String()
}

var keeperPID = regexp.MustCompile(`serves" pid=(\d+)`)

// clear ends what the story has started, keepers and jobs too.
func (w *world) clear() {
	w.endStream()
	for name, p := range w.procs {
		if !p.Gone() {
			p.Cmd.Process.Signal(syscall.SIGCONT)
			p.Kill()
		}
		p.Show(w.ts, name)
	}
	logs, _ := filepath.Glob(filepath.Join(w.dir, "*", "agent", "keeper", "keeper.log"))
	for _, path := range logs {
		text, _ := os.ReadFile(path)
		all := keeperPID.FindAllSubmatch(text, -1)
		if len(all) == 0 {
			continue
		}
		pid, _ := strconv.Atoi(string(all[len(all)-1][1]))
		if name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); err == nil && strings.Contains(string(name), "keeper") {
			endChildren(pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if w.wire != nil {
		w.wire.close()
	}
	if w.disk != "" {
		w.server.Stop(false)
		unmount(w.disk)
	}
}

// endChildren ends the jobs of a keeper.
func endChildren(pid int) {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				syscall.Kill(-n, syscall.SIGKILL)
				syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
}
