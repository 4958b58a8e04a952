package keeper

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// otherVersion makes a binary that is a keeper of another version.
func otherVersion(t *testing.T, version string) string {
	t.Helper()
	return script(t, "banto-"+version, "#!/bin/sh\n"+versionEnv+"="+version+" exec "+testBinary(t)+` "$@"`+"\n", 0o700)
}

func testBinary(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func script(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// reconnect connects as an agent of a version, with its binary.
func (b *bench) reconnect(version, exe string) {
	b.Helper()
	b.c.Close()
	c, err := Connect(b.ctx, ClientOptions{Dir: b.dir, Exe: exe, Version: version, Allow: b.allow})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	b.c, b.hear = c, Event{}
	b.await(func() bool { return b.hear.Hello != nil })
	b.last = b.hear.Hello
}

// 50 jobs go on while their keeper becomes another binary, twice: no output is
// lost, torn or doubled, and every exit status is known.
func TestReplace(t *testing.T) {
	b := setUp(t)
	const jobs = 50
	var req Request
	for n := range jobs {
		// Half of them write all the time, some more than is kept; each ends by its
		// own word, one in five within the replacements.
		text := fmt.Sprintf(`mkfifo gate%[1]d; i=0; while [ $i -lt 2000 ]; do echo line $i of %[1]d; i=$((i+1)); done; echo waiting; `, n)
		if n%5 != 4 {
			text += fmt.Sprintf(`read -r x < gate%d; echo read $x; `, n)
		}
		spec := banto.Spec{Script: text + fmt.Sprintf("echo n=%d > $BANTO_VARS; exit %d", n, n), WantOutput: true}
		if n%10 == 3 {
			spec.OutputLimit = 10 << 10
		}
		req.Start = append(req.Start, Start{Attempt: try(n + 1), Spec: spec})
	}
	b.send(req)
	for n := range jobs {
		if n%5 != 4 { // the others may have ended already
			b.started(n + 1)
		}
	}
	pid := b.pid
	for _, version := range []string{"two", "three"} {
		b.reconnect(version, otherVersion(t, version))
		if b.last.PID != pid || b.last.Version != version || b.c.NotReplaced() != "" {
			t.Fatalf("%+v, want process %d and version %s: %s", b.last, pid, version, b.c.NotReplaced())
		}
	}
	for n := range jobs {
		if n%5 != 4 {
			go func() {
				f, err := os.OpenFile(filepath.Join(b.dir, workName, string(testTracker), fmt.Sprintf("gate%d", n)), os.O_WRONLY, 0)
				if err == nil {
					f.WriteString("word\n")
					f.Close()
				}
			}()
		}
	}
	for n := range jobs {
		e := b.ended(n + 1)
		if e.Exit == nil || *e.Exit != n || e.Reason != "" || e.Message != "" || e.Vars != fmt.Sprintf("n=%d\n", n) || !strings.HasPrefix(e.OutputHead, "line 0 of") {
			t.Fatalf("%d: %+v", n, e)
		}
		var want strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&want, "line %d of %d\n", i, n)
		}
		want.WriteString("waiting\n")
		if n%5 != 4 {
			want.WriteString("read word\n")
		}
		if n%10 == 3 { // its head and its end, which together are all of it
			if e.OutputLost != 0 {
				t.Errorf("%d: %+v", n, e)
			}
		}
		if got := b.output(n + 1); got != want.String() {
			t.Fatalf("%d: output of %d bytes, want %d: …%q", n, len(got), want.Len(), got[max(0, len(got)-100):])
		}
	}
	// It is a keeper like any other.
	wantExit(t, b.run(jobs+1, banto.Spec{Script: "exit 3"}), 3)
	b.start(jobs+2, banto.Spec{Script: "trap '' TERM; echo on; while :; do sleep 0.1; done"})
	b.started(jobs + 2)
	b.wrote(jobs+2, "on")
	b.send(Request{Kill: []Kill{{Attempt: try(jobs + 2), Reason: banto.ReasonKilled, GraceMS: 300}}})
	b.reconnect("four", otherVersion(t, "four")) // between TERM and KILL
	if e := b.ended(jobs + 2); e.Reason != banto.ReasonKilled || e.Signal != "SIGKILL" {
		t.Fatalf("%+v", e)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "handover-*")); len(left) > 0 {
		t.Fatal(left)
	}
}

// Starts that wait for their turn, and time-outs, go over as well.
func TestReplaceWaiting(t *testing.T) {
	b := setUp(t)
	var req Request
	for n := range 300 {
		req.Start = append(req.Start, Start{Attempt: try(n + 1), Spec: banto.Spec{Script: "echo $BANTO_ATTEMPT >> all"}})
	}
	req.Start = append(req.Start, Start{Attempt: try(301), Spec: banto.Spec{Script: "while :; do sleep 0.1; done", TimeoutMS: 800}})
	req.Replace = otherVersion(t, "two")
	b.send(req)
	for range b.c.Events() { // until it has gone over
	}
	b.connect()
	if b.last.Version != "two" {
		t.Fatalf("%+v", b.last)
	}
	for n := range 300 {
		wantExit(t, b.ended(n+1), 0)
	}
	if e := b.ended(301); e.Reason != banto.ReasonTimeout {
		t.Fatalf("%+v", e)
	}
	all, err := os.ReadFile(filepath.Join(b.dir, workName, string(testTracker), "all"))
	if err != nil || strings.Count(string(all), "\n") != 300 {
		t.Fatalf("%d ran, %v", strings.Count(string(all), "\n"), err)
	}
}

func TestNotReplaced(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: gateScript})
	b.wrote(1, "waiting")
	older := script(t, "older", "#!/bin/sh\necho '{\"version\":\"0.1\",\"journal\":0,\"handover\":1}'\n", 0o700)
	dies := script(t, "dies", "#!/bin/sh\n[ \"$2\" = --check ] && exec "+testBinary(t)+" \"$@\"\nexit 1\n", 0o700)
	for _, c := range []struct{ exe, why string }{
		{"/nowhere/banto", "it cannot be run: no such file"},
		{"banto", "not absolute"},
		{script(t, "plain", "", 0o600), "it cannot be run"},
		{script(t, "strange", "\x7fELF\x02\x01\x01", 0o700), "it cannot be run: exec format error"},
		{script(t, "usage", "#!/bin/sh\necho unknown flag: --check >&2; exit 2\n", 0o700), "exit code 2: unknown flag: --check"},
		{"/bin/true", "its check failed"},
		{older, "version 0.1 is older and does not understand the records"},
		{t.TempDir(), "it cannot be run"},
	} {
		b.send(Request{Replace: c.exe})
		b.await(func() bool { return b.hear.NotReplaced != "" })
		if got := b.hear.NotReplaced; !strings.Contains(got, c.why) || !strings.HasPrefix(got, "the keeper stays version test, as it cannot become ") {
			t.Errorf("%s: %q, want %q", c.exe, got, c.why)
		}
		b.hear.NotReplaced = ""
	}
	// A client goes on with the keeper as it is, and knows why.
	b.reconnect("two", older)
	if b.last.Version != "test" || !strings.Contains(b.c.NotReplaced(), "version 0.1 is older") {
		t.Fatalf("%+v %q", b.last, b.c.NotReplaced())
	}
	b.open("it")
	wantExit(t, b.ended(1), 0)
	// One that passes its check and dies nevertheless costs what the death of a
	// keeper costs, and the next one finds what is left.
	b.start(2, banto.Spec{Script: "echo $$; exec sleep 100"})
	b.started(2)
	b.send(Request{Replace: dies})
	for range b.c.Events() {
	}
	b.pid = 0
	b.connect()
	if len(b.last.Running) != 1 {
		t.Fatalf("%+v", b.last)
	}
	b.send(Request{Kill: []Kill{{Attempt: try(2)}}})
	if e := b.ended(2); e.Reason != banto.ReasonKilled {
		t.Fatalf("%+v", e)
	}
}

// A keeper that is killed in the middle of becoming another one, at whatever
// moment, has started nothing twice and lost no job.
func TestKilledWhileReplaced(t *testing.T) {
	b := setUp(t)
	for round := range 6 {
		gate := fmt.Sprintf("gate%d", round)
		b.start(round+1, banto.Spec{Script: "echo run >> ran" + gate + "; mkfifo " + gate + "; echo waiting; read -r x < " + gate + "; echo survived"})
		b.started(round + 1)
		b.wrote(round+1, "waiting")
		// Even rounds: it has just begun; odd ones: the other binary has come up
		// and has not yet read what was left to it.
		other := otherVersion(t, fmt.Sprint("v", round))
		if round%2 == 1 {
			other = script(t, "killed", "#!/bin/sh\n[ \"$2\" = --check ] && exec "+testBinary(t)+" \"$@\"\nkill -9 $$\n", 0o700)
		}
		b.send(Request{Replace: other})
		if round%2 == 0 {
			b.killKeeper()
		} else {
			for range b.c.Events() {
			}
			b.pid = 0
		}
		b.connect()
		if len(b.last.Running) != 1 || b.last.Running[0] != try(round+1) {
			t.Fatalf("%+v", b.last)
		}
		if err := exec.CommandContext(b.ctx, "sh", "-c", "echo x > "+filepath.Join(b.dir, workName, string(testTracker), gate)).Run(); err != nil {
			t.Fatal(err)
		}
		if e := b.ended(round + 1); e.Reason != banto.ReasonKeeperDied {
			t.Fatalf("%+v", e)
		}
		if ran, err := os.ReadFile(filepath.Join(b.dir, workName, string(testTracker), "ran"+gate)); err != nil || string(ran) != "run\n" {
			t.Fatal(string(ran), err)
		}
		b.send(Request{Ack: []banto.AttemptID{try(round + 1)}})
	}
}
