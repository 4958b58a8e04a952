//go:build unix

package scripts_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
	"github.com/bantoops/banto/scripts/words"
)

// patience bounds every wait; nothing is expected to take that long.
const patience = time.Minute

// house is the `banto up` of one story.
type house struct {
	dir   string
	up    *words.Process // nil when it is not up
	bound bool           // to be cleared at the end of the story
}

func houseOf(ts *testscript.TestScript) *house { return ts.Value("house").(*house) }

// up starts `banto up` and waits until it answers.
func up(ts *testscript.TestScript, neg bool, args []string) {
	h := houseOf(ts)
	if neg || h.up != nil {
		ts.Fatalf("usage: up [FLAG…], when it is not up")
	}
	if !h.bound {
		h.bound = true
		ts.Defer(func() { h.clear(ts) })
	}
	// A configuration of an earlier start must not be taken for the new one.
	os.Remove(ts.Getenv("BANTO_CONFIG"))
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	cmd := exec.Command(filepath.Join(bin, "banto"), append([]string{"up", "--data", filepath.Join(h.dir, "data"),
		"--http", "127.0.0.1:0", "--fabric", "127.0.0.1:0", "--name", "here"}, args...)...)
	cmd.Dir = h.dir
	for _, name := range []string{"PATH", "HOME", "BANTO_CONFIG", "BANTO_LANG", "TZ", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	p, err := words.Start(cmd, filepath.Join(h.dir, "up.log"))
	ts.Check(err)
	h.up = p
	if !words.Within(patience, func() bool { return h.up.Gone() || answers(ts.Getenv("BANTO_CONFIG")) }) || h.up.Gone() {
		ts.Fatalf("banto up does not answer:\n%s", h.up.Said())
	}
}

// answers says whether the manager of a configuration answers.
func answers(path string) bool {
	c, err := config.Load(path)
	if err != nil {
		return false
	}
	trust, err := c.TLS()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = client.New(c.URL, c.Token, client.WithTLS(trust)).Version(ctx)
	return err == nil
}

// down stops `banto up` as Ctrl-C does.
func down(ts *testscript.TestScript, neg bool, args []string) {
	houseOf(ts).end(ts, neg, args, syscall.SIGTERM)
}

// kill9 kills `banto up` as a crash does.
func kill9(ts *testscript.TestScript, neg bool, args []string) {
	houseOf(ts).end(ts, neg, args, syscall.SIGKILL)
}

func (h *house) end(ts *testscript.TestScript, neg bool, args []string, sig syscall.Signal) {
	if neg || len(args) > 0 || h.up == nil {
		ts.Fatalf("usage: down or kill9, when it is up")
	}
	if up := h.up; !h.stop(sig) {
		ts.Fatalf("banto up does not end:\n%s", up.Said())
	}
}

func (h *house) stop(sig syscall.Signal) bool {
	// A process that has ended already cannot be signalled, which is fine.
	h.up.Cmd.Process.Signal(sig)
	ok := words.Within(patience, h.up.Gone)
	if !ok {
		h.up.Kill()
	}
	h.up = nil
	return ok
}

// clear ends everything that the story has started.
func (h *house) clear(ts *testscript.TestScript) {
	if up := h.up; up != nil && !h.stop(syscall.SIGTERM) {
		ts.Logf("banto up did not end by itself:\n%s", up.Said())
	}
	pid := h.keeper()
	if pid == 0 {
		return
	}
	if !words.Within(2*time.Second, func() bool { return !alive(pid) }) {
		syscall.Kill(pid, syscall.SIGKILL) // a job of a story that broke off may still run under it
	}
}

// keeper gives the process of the story's keeper, 0 if there was none.
func (h *house) keeper() int {
	log, _ := os.ReadFile(filepath.Join(h.dir, "data", "agent", "keeper", "keeper.log"))
	all := regexp.MustCompile(`serves" pid=(\d+)`).FindAllSubmatch(log, -1)
	if len(all) == 0 {
		return 0
	}
	pid, _ := strconv.Atoi(string(all[len(all)-1][1]))
	return pid
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
