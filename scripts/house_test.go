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

	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait; nothing is expected to take that long.
const patience = time.Minute

// house is the `banto up` of one story.
type house struct {
	dir   string
	cmd   *exec.Cmd // nil when it is not up
	ended chan struct{}
	bound bool // to be cleared at the end of the story
}

func houseOf(ts *testscript.TestScript) *house { return ts.Value("house").(*house) }

// up starts `banto up` and waits until it answers.
func up(ts *testscript.TestScript, neg bool, args []string) {
	h := houseOf(ts)
	if neg || h.cmd != nil {
		ts.Fatalf("usage: up [FLAG…], when it is not up")
	}
	if !h.bound {
		h.bound = true
		ts.Defer(func() { h.clear(ts) })
	}
	// A configuration of an earlier start must not be taken for the new one.
	os.Remove(ts.Getenv("BANTO_CONFIG"))
	log, err := os.OpenFile(filepath.Join(h.dir, "up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	cmd := exec.Command(filepath.Join(bin, "banto"), append([]string{"up", "--data", filepath.Join(h.dir, "data"),
		"--http", "127.0.0.1:0", "--fabric", "127.0.0.1:0", "--name", "here"}, args...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, h.dir
	for _, name := range []string{"PATH", "HOME", "BANTO_CONFIG", "BANTO_LANG", "TZ", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	h.cmd, h.ended = cmd, ended
	go func() {
		cmd.Wait()
		close(ended)
	}()
	if !within(func() bool { return h.gone() || answers(ts.Getenv("BANTO_CONFIG")) }) || h.gone() {
		ts.Fatalf("banto up does not answer:\n%s", h.log())
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

// within polls a condition until it holds or patience is over.
func within(holds func() bool) bool {
	over := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-over:
			return false
		}
	}
	return true
}

func (h *house) gone() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}

func (h *house) log() string {
	text, _ := os.ReadFile(filepath.Join(h.dir, "up.log"))
	return string(text)
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
	if neg || len(args) > 0 || h.cmd == nil {
		ts.Fatalf("usage: down or kill9, when it is up")
	}
	if !h.stop(sig) {
		ts.Fatalf("banto up does not end:\n%s", h.log())
	}
}

func (h *house) stop(sig syscall.Signal) bool {
	// A process that has ended already cannot be signalled, which is fine.
	h.cmd.Process.Signal(sig)
	ok := within(h.gone)
	if !ok {
		h.cmd.Process.Kill()
		<-h.ended
	}
	h.cmd = nil
	return ok
}

// clear ends everything that the story has started.
func (h *house) clear(ts *testscript.TestScript) {
	if h.cmd != nil && !h.stop(syscall.SIGTERM) {
		ts.Logf("banto up did not end by itself:\n%s", h.log())
	}
	pid := h.keeper()
	if pid == 0 {
		return
	}
	deadline := time.After(2 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-deadline:
			// A job of a story that broke off may still run under it.
			syscall.Kill(pid, syscall.SIGKILL)
			return
		}
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
