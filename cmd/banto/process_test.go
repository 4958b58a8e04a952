//go:build unix

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
)

// binary is the real binary, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "banto-binary-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "banto")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the binary: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// world is a data directory, and the `banto up` that runs on it now.
type world struct {
	t      *testing.T
	dir    string
	config string
	cmd    *exec.Cmd
	log    *bytes.Buffer
	ended  chan struct{}
}

// patience bounds every wait; nothing is expected to take that long.
const patience = 2 * time.Minute

func newWorld(t *testing.T) *world {
	dir := t.TempDir()
	w := &world{t: t, dir: dir, config: filepath.Join(dir, "config.json")}
	w.up()
	t.Cleanup(w.down)
	return w
}

// up starts `banto up` and waits until it answers.
func (w *world) up() {
	w.t.Helper()
	w.log = &bytes.Buffer{}
	cmd := exec.Command(binary, "up", "--data", filepath.Join(w.dir, "data"), "--http", "127.0.0.1:0", "--fabric", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "BANTO_CONFIG="+w.config, "BANTO_URL=", "BANTO_TOKEN=")
	cmd.Stderr = w.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.cmd, w.ended = cmd, make(chan struct{})
	ready := make(chan struct{})
	go func() {
		// The first line says that it answers; the rest is read so that the
		// process never blocks on a full pipe.
		buf := make([]byte, 4096)
		if n, _ := out.Read(buf); n > 0 {
			close(ready)
		}
		for {
			if _, err := out.Read(buf); err != nil {
				break
			}
		}
		cmd.Wait()
		close(w.ended)
	}()
	select {
	case <-ready:
	case <-w.ended:
		w.t.Fatalf("banto up ended at once:\n%s", w.log)
	case <-time.After(patience):
		w.t.Fatalf("banto up does not answer:\n%s", w.log)
	}
}

// kill9 kills `banto up`; its keeper and jobs live on.
func (w *world) kill9() {
	w.cmd.Process.Kill()
	<-w.ended
}

// down ends `banto up` and its keeper in good order.
func (w *world) down() {
	w.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.ended:
	case <-time.After(patience):
		w.t.Errorf("banto up does not end:\n%s", w.log)
		w.kill9()
	}
	w.until("the keeper ends with its agent", w.noKeeper)
	if w.t.Failed() {
		w.t.Logf("log of banto up:\n%s", w.log)
	}
}

// noKeeper says whether no keeper holds the lock of its directory any more.
func (w *world) noKeeper() bool {
	f, err := os.Open(filepath.Join(w.dir, "data", "agent", "keeper", "keeper.lock"))
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// client is a client of the manager that runs now.
func (w *world) client() *client.Client {
	w.t.Helper()
	c, err := config.Load(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return client.New(c.URL, c.Token)
}

// run runs a command and gives its exit code and output.
func (w *world) run(args ...string) (int, string, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "BANTO_CONFIG="+w.config, "BANTO_URL=", "BANTO_TOKEN=", "LC_ALL=C.UTF-8")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// must runs a command that has to end with 0.
func (w *world) must(args ...string) string {
	w.t.Helper()
	code, out, errs := w.run(args...)
	if code != 0 {
		w.t.Fatalf("banto %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// write puts a file into the world and gives its path.
func (w *world) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// lines reads a file that jobs have appended to.
func (w *world) lines(name string) []string {
	w.t.Helper()
	body, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return strings.Fields(string(body))
}

// submitted reads the answer of `banto submit --json`.
func submitted(t *testing.T, out string) (tracker, state string) {
	t.Helper()
	var answer struct{ Tracker, State string }
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return answer.Tracker, answer.State
}
