//go:build linux

package wine_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/scripts/words"
)

// binariesEnv names the directory with banto.exe, keeper.test.exe and
// notice.test.exe.
const binariesEnv = "BANTO_WINE_BINARIES"

// patience bounds every wait; nothing is expected to take that long.
const patience = 30 * time.Second

// windows gives a Windows and the directory of the binaries, or says why not.
func windows(t *testing.T) (*prefix, string) {
	t.Helper()
	binaries := os.Getenv(binariesEnv)
	if binaries == "" {
		t.Skip("no Windows binaries to run: `make wine` builds them and sets " + binariesEnv)
	}
	wine := findWine()
	if wine == "" {
		t.Fatal("Wine is not there: apt-get install wine64")
	}
	p, err := newPrefix(wine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.remove)
	return p, binaries
}

func TestUnderWine(t *testing.T) {
	p, binaries := windows(t)
	t.Run("keeper", func(t *testing.T) { runTests(t, p, binaries, "keeper", ".") })
	t.Run("event log", func(t *testing.T) { runTests(t, p, binaries, "notice", "^TestEvents") })
	t.Run("stories", func(t *testing.T) { runStories(t, p, binaries) })
}

// runTests runs tests of a package that were built for Windows.
func runTests(t *testing.T, p *prefix, binaries, name, which string) {
	cmd := p.command(p.wine, filepath.Join(binaries, name+".test.exe"), "-test.v", "-test.run="+which, "-test.timeout=150s")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
		return
	}
	n := bytes.Count(out, []byte("--- PASS: Test"))
	if n == 0 {
		t.Errorf("no test of %s has run:\n%s", name, out)
	}
	t.Logf("%d tests of %s passed", n, name)
}

func runStories(t *testing.T, p *prefix, binaries string) {
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, pair := range p.environ() {
				name, value, _ := strings.Cut(pair, "=")
				env.Setenv(name, value)
			}
			env.Setenv("BANTO_CONFIG", onDrive(filepath.Join(env.WorkDir, "config.json")))
			env.Setenv("BANTO_LANG", "en")
			env.Setenv("SYSTEM32", filepath.Join(p.dir, "prefix", "drive_c", "windows", "system32"))
			env.Setenv("HERE", onDrive(env.WorkDir))
			env.Values["house"] = &house{p: p, dir: env.WorkDir, exe: filepath.Join(binaries, "banto.exe")}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": up, "kill9": kill9, "banto": banto, "exits": words.Exits(run), "keep": words.Keep, "wait-for": waitFor,
		},
	})
}

// onDrive gives the name that Windows has for a file of this machine.
func onDrive(path string) string { return `Z:` + strings.ReplaceAll(path, "/", `\`) }

// house is the processes of one story.
type house struct {
	p        *prefix
	dir, exe string
	running  []*words.Process
}

func houseOf(ts *testscript.TestScript) *house { return ts.Value("house").(*house) }

// up starts `banto up`, or another process that is named, and waits until it
// says that it is there.
func up(ts *testscript.TestScript, neg bool, args []string) {
	role := "up"
	if len(args) == 1 {
		role = args[0]
	}
	if neg || len(args) > 1 {
		ts.Fatalf("usage: up [server|agent]")
	}
	h := houseOf(ts)
	args = []string{h.exe, role, "--data", onDrive(filepath.Join(h.dir, "data"))}
	if role != "agent" {
		args = append(args, "--http", "127.0.0.1:0", "--fabric", "127.0.0.1:0")
	}
	if role == "up" {
		args = append(args, "--name", "here")
	}
	cmd := h.p.command(h.p.wine, args...)
	cmd.Dir, cmd.Env = h.dir, append(cmd.Env, "BANTO_CONFIG="+ts.Getenv("BANTO_CONFIG"), "BANTO_LANG=en")
	p, err := words.Start(cmd, filepath.Join(h.dir, role+".log"))
	ts.Check(err)
	ts.Defer(p.Kill) // the keeper and the jobs go with the prefix, or by themselves
	h.running = append(h.running, p)
	if !words.Within(patience, func() bool { return p.Gone() || strings.Contains(p.Said(), " is up.\n") }) || p.Gone() {
		ts.Fatalf("banto %s does not come up:\n%s", role, p.Said())
	}
}

func kill9(ts *testscript.TestScript, neg bool, args []string) {
	h := houseOf(ts)
	if neg || len(args) > 0 || len(h.running) == 0 {
		ts.Fatalf("usage: kill9, when something is up")
	}
	for _, p := range h.running {
		p.Kill()
	}
	h.running = nil
}

// banto runs a command of the Windows binary.
func banto(ts *testscript.TestScript, neg bool, args []string) {
	code := run(ts, args)
	if neg == (code == 0) {
		ts.Fatalf("exit code %d", code)
	}
}

func run(ts *testscript.TestScript, args []string) int {
	h := houseOf(ts)
	return words.Exec(ts, append([]string{h.p.wine, h.exe}, args...))
}

// waitFor waits until a file is there.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: wait-for FILE")
	}
	if !words.Within(patience, func() bool { _, err := os.Stat(ts.MkAbs(args[0])); return err == nil }) {
		ts.Fatalf("%s", fmt.Sprintf("%s does not come", args[0]))
	}
}
