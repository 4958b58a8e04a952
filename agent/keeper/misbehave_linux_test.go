package keeper

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// memory looks at the most that the keeper has ever held.
func (b *bench) memory() {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.last.PID))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	b.Logf("the keeper has held %d MiB at most", kib>>10)
	if err != nil || kib<<10 > memoryMost {
		b.Fatal("that is too much", err)
	}
}

func TestGigabyte(t *testing.T) {
	b := setUp(t)
	e := b.run(1, banto.Spec{Script: "head -c 1073741824 /dev/zero; printf end; exit 3", OutputLimit: 1 << 20, WantOutput: true})
	wantExit(t, e, 3)
	out := b.output(1)
	if !strings.HasSuffix(out, "end") || e.OutputSize > 2<<20 || e.OutputLost+e.OutputSize < 1<<30 || e.OutputSize != int64(len(out)) {
		t.Fatalf("%d bytes, lost %d, %q", e.OutputSize, e.OutputLost, out[max(0, len(out)-10):])
	}
	b.memory()
}

// Thousands of children, daemons and zombies: the result comes, and nothing
// stays but what has made itself a daemon.
func TestChildren(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, banto.Spec{Script: `i=0; while [ $i -lt 3000 ]; do (exit 1) & i=$((i+1)); done; wait; exit 4`}), 4)
	// Zombies of a program that never waits, and orphans that end later.
	wantExit(t, b.run(2, banto.Spec{Script: `i=0; while [ $i -lt 1000 ]; do true & i=$((i+1)); done; exec sleep 0.3`}), 0)
	wantExit(t, b.run(3, banto.Spec{Script: `i=0; while [ $i -lt 500 ]; do (sleep 0.2 > /dev/null 2>&1 &); i=$((i+1)); done; exit 0`}), 0)
	// A daemon by the book holds neither the result nor the output.
	e := b.run(4, banto.Spec{Script: `(setsid sh -c 'sleep 1000 & echo $! > daemon; exec sleep 1000' &); while [ ! -s daemon ]; do sleep 0.01; done; cat daemon; exit 5`})
	if e.Exit == nil || *e.Exit != 5 || e.Message != "a process that was left behind still holds the output" {
		t.Fatalf("%+v", e)
	}
	for pid := range startedBy(t, try(4)) {
		process, _ := os.FindProcess(pid)
		process.Kill()
	}
	for seq := uint64(1); len(zombiesOf(b.last.PID)) > 0; seq++ { // they are taken as they end
		b.send(Request{Seq: seq})
		b.await(func() bool { return b.hear.Done == seq })
	}
	b.memory()
}

func zombiesOf(parent int) (found []string) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[0] == "Z" && f[1] == strconv.Itoa(parent) {
			found = append(found, path)
		}
	}
	return found
}

// What jobs do to themselves and to each other.
func TestMisbehave(t *testing.T) {
	b := setUp(t)
	for n, c := range []struct {
		name   string
		spec   banto.Spec
		exit   int
		reason banto.Reason
		says   string // part of the message
		prints string
	}{
		{name: "closed stdin", spec: banto.Spec{Script: "read -r x; echo $?; exit 2"}, exit: 2, prints: "1\n"},
		{name: "closes everything", spec: banto.Spec{Script: "exec <&- >&- 2>&-; sleep 0.3; exit 6"}, exit: 6},
		{name: "ignores signals", spec: banto.Spec{Script: "trap '' HUP INT QUIT TERM USR1 USR2 PIPE ALRM TSTP; while :; do sleep 0.05; done", TimeoutMS: 100},
			reason: banto.ReasonTimeout, says: "ended with KILL"},
		{name: "stops itself", spec: banto.Spec{Script: "kill -STOP $$; exit 1", TimeoutMS: 200}, reason: banto.ReasonTimeout},
		{name: "huge environment", spec: banto.Spec{Script: "true", Env: hugeEnvironment()}, reason: banto.ReasonNotStarted,
			says: "the arguments and the environment are larger than the system allows"},
		{name: "huge value", spec: banto.Spec{Script: "true", Env: []string{"A=" + strings.Repeat("x", 200<<10)}}, reason: banto.ReasonNotStarted,
			says: "larger than the system allows"},
		{name: "long script", spec: banto.Spec{Script: strings.Repeat("# a line that says nothing at all\n", 5<<20/34) + "echo long; exit 7"}, exit: 7, prints: "long\n"},
		{name: "removes its work", spec: banto.Spec{Script: `cd /; rm -rf "$BANTO_WORK"; echo n=1 > "$BANTO_VARS"; exit 8`}, exit: 8},
		{name: "finds it again", spec: banto.Spec{Script: `cd "$BANTO_WORK" && exit 9`}, exit: 9},
		{name: "removes all work", spec: banto.Spec{Script: `cd /; rm -rf "$BANTO_WORK/.."; exit 10`}, exit: 10},
		{name: "finds that again", spec: banto.Spec{Script: `cd "$BANTO_WORK" && exit 11`}, exit: 11},
		{name: "replaces a running program", spec: banto.Spec{Script: `cp "$(command -v sleep)" p; ./p 1 & until case $(readlink /proc/$!/exe) in */p) ;; *) false;; esac; do :; done; rm p; printf '#!/bin/sh\nexit 12\n' > p; chmod 700 p; wait $!; echo $?; exec ./p`}, exit: 12, prints: "0\n"},
	} {
		e := b.run(n+1, c.spec)
		if e.Reason != c.reason || c.reason == "" && (e.Exit == nil || *e.Exit != c.exit) || !strings.Contains(e.Message, c.says) || c.prints != b.output(n+1) && c.prints != "" {
			e.OutputHead = b.output(n + 1)
			t.Errorf("%s: %+v", c.name, e)
		}
	}
	b.memory()
}

func hugeEnvironment() (env []string) {
	for n := range 60 {
		env = append(env, fmt.Sprintf("V%d=%s", n, strings.Repeat("x", 100<<10)))
	}
	return env
}

// A job that kills all children of its keeper, itself among them, costs just
// those.
func TestKillsSiblings(t *testing.T) {
	b := setUp(t)
	for n := range 5 {
		b.start(n+1, banto.Spec{Script: "exec sleep 1000"})
		b.started(n + 1)
	}
	b.start(6, banto.Spec{Script: "for p in $(cat /proc/$PPID/task/*/children); do [ $p = $$ ] || kill -9 $p; done; kill -9 $$"})
	for n := range 6 {
		if e := b.ended(n + 1); e.Reason != banto.ReasonSignal || e.Signal != "SIGKILL" {
			t.Fatalf("%+v", e)
		}
	}
	wantExit(t, b.run(7, banto.Spec{Script: "true"}), 0)
}

// Permissions that change under way are told by name.
func TestPermissionsChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: nobody else can start jobs as another user")
	}
	b := setUp(t)
	b.allowing(Allow{Accounts: []string{"nobody"}, Root: true})
	if err := os.Chmod(filepath.Dir(filepath.Dir(b.dir)), 0o711); err != nil { // of the test's own directories
		t.Fatal(err)
	}
	e := b.run(1, banto.Spec{Script: `echo n=1 > "$BANTO_VARS"; chmod 0 "$BANTO_WORK" "$BANTO_VARS" "$(dirname "$BANTO_VARS")"; exit 3`, Account: "nobody"})
	if e.Exit == nil || *e.Exit != 3 || e.Vars != "n=1\n" {
		t.Fatalf("%+v", e)
	}
	if e := b.run(2, banto.Spec{Script: "true", Account: "nobody"}); e.Reason != banto.ReasonNoRight || !strings.Contains(e.Message, "nobody may not enter "+b.dir) {
		t.Fatalf("%+v", e)
	}
	wantExit(t, b.run(3, banto.Spec{Script: "true"}), 0)
}

// A line without an end costs no more than the longest that is read.
func TestEndlessLine(t *testing.T) {
	b := setUp(t)
	conn, err := dial(b.ctx, b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.Copy(io.Discard, conn)
	piece := []byte(strings.Repeat("x", 1<<20))
	sent := 0
	for ; err == nil && sent < 64; sent++ {
		_, err = conn.Write(piece)
	}
	if err == nil || sent > maxFrame>>20+2 {
		t.Fatalf("%d MiB were taken: %v", sent, err)
	}
	wantExit(t, b.run(1, banto.Spec{Script: "true"}), 0)
	b.memory()
}
