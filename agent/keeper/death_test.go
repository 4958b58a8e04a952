//go:build unix

package keeper

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// A job outlives the agent, killed with its whole process group.
func TestAgentKilled(t *testing.T) {
	t.Setenv(asKeeperEnv, "1")
	dir := filepath.Join(t.TempDir(), "k")
	agent := exec.Command(os.Args[0])
	agent.Env = append(os.Environ(), asAgentEnv+"="+dir)
	agent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "started\n" {
		t.Fatal(line)
	}
	syscall.Kill(-agent.Process.Pid, syscall.SIGKILL)
	agent.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	b := &bench{T: t, ctx: ctx, dir: dir, allow: Allow{Root: true}}
	t.Cleanup(func() { b.killKeeper() })
	b.connect()
	if !slices.Contains(b.last.Running, try(1)) {
		t.Fatalf("%+v", b.last)
	}
	b.wrote(1, "waiting")
	b.open("both")
	wantExit(t, b.ended(1), 0)
	if got := b.output(1); got != "waiting\nsurvived both\n" {
		t.Fatal(got)
	}
}

// A job outlives its keeper: the next one finds it, goes on with its output
// and sees its end, but cannot know its exit code.
func TestKeeperKilled(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: gateScript, WantOutput: true})
	b.start(2, banto.Spec{Args: []string{"true"}})
	b.started(1)
	wantExit(t, b.ended(2), 0)
	b.wrote(1, "waiting")
	generation := b.last.Generation
	b.killKeeper()
	b.connect()
	if b.last.Generation != generation || !slices.Equal(b.last.Running, []banto.AttemptID{try(1)}) {
		t.Fatalf("%+v", b.last)
	}
	wantExit(t, b.ended(2), 0) // not acknowledged: told again
	b.open("it")
	e := b.ended(1)
	if e.Reason != banto.ReasonKeeperDied || e.Exit != nil || e.StartedAt == nil || e.Message == "" {
		t.Fatalf("%+v", e)
	}
	if want := "waiting\nsurvived it\n"; runtime.GOOS == "linux" && (b.output(1) != want || e.OutputHead != want) {
		t.Fatalf("%q %+v", b.output(1), e)
	}
	// Neither comes again, and neither can be started again.
	b.send(Request{Ack: []banto.AttemptID{try(1), try(2)}})
	b.start(1, banto.Spec{Script: "echo again"})
	b.run(3, banto.Spec{Args: []string{"true"}})
	b.killKeeper()
	b.connect()
	b.ended(3)
	if len(b.hear.Ended) != 1 || strings.Contains(b.output(1), "again") {
		t.Fatalf("%+v", b.hear)
	}
}

// A job of a keeper that died can be killed, however it resists.
func TestKillAdopted(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: `trap "" TERM; echo ready; while :; do sleep 60; done`})
	b.start(2, banto.Spec{Script: "echo ready; sleep 300"})
	b.started(1)
	b.started(2)
	b.wrote(1, "ready")
	b.wrote(2, "ready")
	b.killKeeper()
	b.connect()
	b.send(Request{Kill: []Kill{{Attempt: try(1), Reason: banto.ReasonKilled, GraceMS: 30}, {Attempt: try(2)}}})
	if e := b.ended(1); e.Reason != banto.ReasonKilled || !strings.Contains(e.Message, "KILL") {
		t.Fatalf("%+v", e)
	}
	if e := b.ended(2); e.Reason != banto.ReasonKilled {
		t.Fatalf("%+v", e)
	}
}

// A timeout counts on through the keeper's death.
func TestTimeoutAdopted(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: "echo ready; sleep 300", TimeoutMS: 1000})
	b.wrote(1, "ready")
	b.killKeeper()
	b.connect()
	if e := b.ended(1); e.Reason != banto.ReasonTimeout {
		t.Fatalf("%+v", e)
	}
}

// A job that ended while there was no keeper ends with a reason that says so,
// as does one of an earlier life of the host.
func TestEndedUnseen(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: gateScript})
	pid := b.started(1).PID
	b.wrote(1, "waiting")
	b.killKeeper()
	syscall.Kill(-pid, syscall.SIGKILL)
	gone := time.NewTicker(time.Millisecond)
	defer gone.Stop()
	for syscall.Kill(pid, 0) == nil { // its new parent takes its status some time
		if (&startedRecord{PID: pid, After: 0, Before: 1 << 62}).alive() {
			<-gone.C
			continue
		}
		break
	}
	f, err := os.OpenFile(filepath.Join(b.dir, journalName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := appendRecord(nil, record{Claim: &claimRecord{Attempt: try(2), BootID: "another"}})
	if err != nil {
		t.Fatal(err)
	}
	text, _ = appendRecord(text, record{Claim: &claimRecord{Attempt: try(3), BootID: bootID()}})
	f.Write(text)
	f.WriteString("0bad0bad 000000") // a torn tail
	f.Close()
	generation := b.last.Generation
	b.connect()
	if b.last.Generation != generation || len(b.last.Running) > 0 {
		t.Fatalf("%+v", b.last)
	}
	if e := b.ended(1); e.Reason != banto.ReasonKeeperDied || e.StartedAt == nil || e.OutputSize != int64(len("waiting\n")) {
		t.Fatalf("%+v", e)
	}
	if e := b.ended(2); e.Reason != banto.ReasonHostRestarted || e.StartedAt != nil {
		t.Fatalf("%+v", e)
	}
	if e := b.ended(3); e.Reason != banto.ReasonKeeperDied || e.StartedAt != nil || !strings.Contains(e.Message, "may not have run") {
		t.Fatalf("%+v", e)
	}
}

// A keeper that died between making a process and writing that down leaves a
// claim without a process: the next one knows it by its environment.
func TestStartNotRecorded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows the environment of a process")
	}
	b := setUp(t)
	b.start(1, banto.Spec{Script: gateScript})
	b.started(1)
	b.wrote(1, "waiting")
	b.killKeeper()
	path := filepath.Join(b.dir, journalName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	for _, r := range readRecords(text).records {
		if r.Started == nil {
			kept, _ = appendRecord(kept, r)
		}
	}
	if err := os.WriteFile(path, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	b.connect()
	if !slices.Contains(b.last.Running, try(1)) {
		t.Fatalf("%+v", b.last)
	}
	b.open("it")
	if e := b.ended(1); e.Reason != banto.ReasonKeeperDied || e.StartedAt == nil {
		t.Fatalf("%+v", e)
	}
}

// Of many who want a keeper at once, all get the same one.
func TestOneKeeper(t *testing.T) {
	b := setUp(t)
	b.killKeeper()
	pids := make(chan int, 8)
	var all sync.WaitGroup
	for range cap(pids) {
		all.Go(func() {
			c, err := Connect(b.ctx, ClientOptions{Dir: b.dir, Allow: b.allow})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if e := <-c.Events(); e.Hello != nil {
				pids <- e.Hello.PID
			}
		})
	}
	all.Wait()
	close(pids)
	b.connect()
	for pid := range pids {
		if pid != b.pid {
			t.Errorf("a second keeper: %d and %d", pid, b.pid)
		}
	}
	second := exec.Command(os.Args[0], "keeper", "--dir", b.dir)
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), ErrBusy.Error()) {
		t.Fatalf("%v %s", err, out)
	}
}

// Stop ends the keeper once nothing runs; results wait for the next one.
func TestStop(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: gateScript})
	b.wrote(1, "waiting")
	b.send(Request{Stop: true})
	b.open("stop")
	wantExit(t, b.ended(1), 0)
	for range b.c.Events() {
	}
	first := b.pid
	b.connect()
	if b.pid == first {
		t.Fatal("the keeper did not end")
	}
	wantExit(t, b.ended(1), 0)
	b.send(Request{Seq: 1, Ack: []banto.AttemptID{try(1)}})
	b.await(func() bool { return b.hear.Done == 1 })
	syscall.Kill(b.pid, syscall.SIGTERM) // as when the system goes down
	for range b.c.Events() {
	}
	b.pid = 0
}

// A directory whose socket path is too long for the system works all the same.
func TestLongPath(t *testing.T) {
	t.Setenv(asKeeperEnv, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	dir := filepath.Join(t.TempDir(), strings.Repeat("長い", 20), strings.Repeat("d", 100))
	b := &bench{T: t, ctx: ctx, dir: dir, allow: Allow{Root: true}}
	b.connect()
	t.Cleanup(func() { b.killKeeper() })
	wantExit(t, b.run(1, banto.Spec{Args: []string{"true"}}), 0)
	info, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
}

// A keeper that cannot serve says why to who started it.
func TestCannotServe(t *testing.T) {
	t.Setenv(asKeeperEnv, "1")
	dir := t.TempDir()
	text, _ := appendRecord(nil, record{Head: &headRecord{Format: 99, Generation: "x"}})
	if err := os.WriteFile(filepath.Join(dir, journalName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Connect(t.Context(), ClientOptions{Dir: dir})
	var info *banto.ErrorInfo
	if !errors.As(err, &info) || info.Kind != banto.KindUnavailable || !strings.Contains(info.Why, "newer version") {
		t.Fatal(err)
	}
	_, err = Connect(t.Context(), ClientOptions{Dir: filepath.Join(t.TempDir(), "k"), Exe: "/nowhere/banto"})
	if !errors.As(err, &info) || !strings.Contains(info.Why, "no such file") {
		t.Fatal(err)
	}
	_, err = Connect(t.Context(), ClientOptions{Dir: filepath.Join(t.TempDir(), "k"), Exe: "/bin/true"})
	if !errors.As(err, &info) || !strings.Contains(info.Why, "ended at once") {
		t.Fatal(err)
	}
}
