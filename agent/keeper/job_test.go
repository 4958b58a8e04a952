//go:build unix

package keeper

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

func TestStartOnce(t *testing.T) {
	b := setUp(t)
	spec := banto.Spec{Script: `echo x >> "$BANTO_WORK/ran"; cat "$BANTO_WORK/ran"`}
	one := Start{Attempt: try(1), Spec: spec}
	b.send(Request{Start: []Start{one, one}})
	b.send(Request{Start: []Start{one}})
	wantExit(t, b.ended(1), 0)
	b.hear = Event{}
	b.send(Request{Start: []Start{one}}) // known and ended: told again
	wantExit(t, b.ended(1), 0)
	b.send(Request{Ack: []banto.AttemptID{try(1), try(1), try(9)}})
	b.hear = Event{}
	b.send(Request{Start: []Start{one}, Kill: []Kill{{Attempt: try(1)}}}) // acknowledged: nothing at all
	wantExit(t, b.run(2, spec), 0)
	if got := b.output(2); got != "x\nx\n" || len(b.hear.Ended) != 1 {
		t.Fatalf("%q %+v", got, b.hear)
	}
	// What is no attempt leaves no trace: nobody could be told its result.
	b.send(Request{Start: []Start{{Attempt: "../../etc", Spec: spec}}, Kill: []Kill{{Attempt: ""}, {Attempt: "x"}}})
	wantExit(t, b.run(3, spec), 0)
	if len(b.hear.Ended) != 2 {
		t.Fatalf("%+v", b.hear.Ended)
	}
	if journal, err := os.ReadFile(filepath.Join(b.dir, journalName)); err != nil || strings.Contains(string(journal), "etc") {
		t.Errorf("the journal holds %s (%v)", journal, err)
	}
}

// Work directories that somebody removed are made again.
func TestWorkRemoved(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, banto.Spec{Script: `rm -rf "$BANTO_WORK"`}), 0)
	wantExit(t, b.run(2, banto.Spec{Script: `pwd && touch here`}), 0)
	if err := os.RemoveAll(filepath.Join(b.dir, workName)); err != nil {
		t.Fatal(err)
	}
	wantExit(t, b.run(3, banto.Spec{Script: `touch here`}), 0)
}

// A request is answered by its number once it is on disk.
func TestDone(t *testing.T) {
	b := setUp(t)
	b.send(Request{Seq: 1})
	b.send(Request{Seq: 2, Start: []Start{{Attempt: try(1), Spec: banto.Spec{Script: "sleep 300"}}}})
	b.send(Request{Seq: 3, Kill: []Kill{{Attempt: try(1)}, {Attempt: try(2)}}})
	b.await(func() bool { return b.hear.Done == 3 })
	b.killKeeper()
	b.connect()
	if b.hear.Done != 0 {
		t.Fatalf("%+v", b.hear)
	}
	for n := 1; n <= 2; n++ {
		if e := b.ended(n); e.Reason != banto.ReasonKilled && e.Reason != banto.ReasonKeeperDied {
			t.Fatalf("%+v", e)
		}
	}
}

func TestKillBeforeStart(t *testing.T) {
	b := setUp(t)
	spec := banto.Spec{Script: `echo ran`}
	b.send(Request{Kill: []Kill{{Attempt: try(1), Reason: banto.ReasonKilled}}})
	if e := b.ended(1); e.Reason != banto.ReasonKilled || e.StartedAt != nil || e.Exit != nil {
		t.Fatalf("%+v", e)
	}
	b.start(1, spec)
	b.send(Request{Start: []Start{{Attempt: try(2), Spec: spec}}, Kill: []Kill{{Attempt: try(2)}}})
	if e := b.ended(2); e.Reason != banto.ReasonKilled || e.StartedAt != nil {
		t.Fatalf("%+v", e)
	}
	b.killKeeper()
	b.connect()
	b.start(1, spec)
	b.start(2, spec)
	b.run(3, spec)
	if b.output(1)+b.output(2) != "" || b.output(3) != "ran\n" {
		t.Fatal("a killed attempt ran")
	}
}

func TestKill(t *testing.T) {
	b := setUp(t)
	ids := []string{
		1: `echo ready; sleep 300`,                                                         // ends on TERM
		2: `trap "" TERM; echo ready; while :; do sleep 60; done`,                          // ends on KILL
		3: `trap "echo bye; exit 4" TERM; echo ready; while :; do sleep 0.01; done`,        // its trap works
		4: `sh -c 'trap "" TERM; echo ready; while :; do sleep 60; done' & wait`,           // a grandchild ignores TERM
		5: `exec sh -c 'trap "echo bye" EXIT; trap "exit 0" TERM; echo ready; read x < g'`, // exec keeps traps
	}
	b.send(Request{Start: []Start{{Attempt: try(9), Spec: banto.Spec{Script: `mkfifo g`}}}})
	b.ended(9)
	for n := 1; n < len(ids); n++ {
		b.start(n, banto.Spec{Script: ids[n]})
		b.wrote(n, "ready")
		b.send(Request{Kill: []Kill{{Attempt: try(n), Reason: banto.ReasonKilled, GraceMS: 100}}})
		b.send(Request{Kill: []Kill{{Attempt: try(n), Reason: banto.ReasonLost}}}) // once is enough
	}
	for n := 1; n < len(ids); n++ {
		e := b.ended(n)
		if e.Reason != banto.ReasonKilled || e.StartedAt == nil || strings.Contains(e.Message, "left behind") {
			t.Errorf("%d: %+v", n, e)
		}
		if hard := strings.Contains(e.Message, "KILL"); n == 2 && !hard {
			t.Errorf("%d: %+v", n, e)
		}
	}
	if e := b.ended(3); e.Exit == nil || *e.Exit != 4 || !strings.HasSuffix(b.output(3), "bye\n") {
		t.Errorf("%+v %q", e, b.output(3))
	}
	if !strings.HasSuffix(b.output(5), "bye\n") {
		t.Errorf("%q", b.output(5))
	}
}

func TestTimeout(t *testing.T) {
	b := setUp(t)
	b.start(1, banto.Spec{Script: `sleep 300`, TimeoutMS: 50})
	b.start(2, banto.Spec{Script: `trap "" TERM; while :; do sleep 60; done`, TimeoutMS: 50})
	b.start(3, banto.Spec{Script: `echo quick`, TimeoutMS: 60_000})
	for n := 1; n <= 2; n++ {
		if e := b.ended(n); e.Reason != banto.ReasonTimeout || e.Exit != nil || !strings.Contains(e.Message, "50ms") {
			t.Errorf("%d: %+v", n, e)
		}
	}
	wantExit(t, b.ended(3), 0)
}

func TestSignal(t *testing.T) {
	b := setUp(t)
	if e := b.run(1, banto.Spec{Script: `kill -SEGV $$`}); e.Reason != banto.ReasonSignal || e.Signal != "SIGSEGV" || e.Exit != nil {
		t.Fatalf("%+v", e)
	}
	// The job itself hears the signals that the keeper drops.
	if e := b.run(2, banto.Spec{Script: `kill -HUP $$`}); e.Signal != "SIGHUP" {
		t.Fatalf("%+v", e)
	}
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE} {
		syscall.Kill(b.pid, sig)
	}
	wantExit(t, b.run(3, banto.Spec{Args: []string{"true"}}), 0)
}

// A process that the job left behind holds the output: the job ends anyway.
func TestDaemon(t *testing.T) {
	b := setUp(t)
	e := b.run(1, banto.Spec{Script: `setsid sh -c 'echo $$; exec sleep 300' & sleep 0.1; echo done`, TimeoutMS: 10_000})
	if e.Exit == nil || *e.Exit != 0 || e.Reason != "" || !strings.Contains(e.Message, "left behind") {
		t.Errorf("%+v", e)
	}
	out := strings.Fields(b.output(1))
	if len(out) != 2 || out[1] != "done" {
		t.Fatal(out)
	}
	pid, _ := strconv.Atoi(out[0])
	syscall.Kill(pid, syscall.SIGKILL)
	// The keeper took the orphan in: it takes its status, too.
	gone := time.NewTicker(time.Millisecond)
	defer gone.Stop()
	for ; syscall.Kill(pid, 0) == nil; <-gone.C {
		if b.ctx.Err() != nil {
			t.Fatal("a zombie is left")
		}
	}
}

func TestOutput(t *testing.T) {
	b := setUp(t)
	// Far beyond the limit, without a line end.
	const mib = 1 << 20
	e := b.run(1, banto.Spec{Script: `head -c 200M /dev/zero | tr '\0' x; printf end`, OutputLimit: mib, WantOutput: true})
	got := b.output(1)
	if int64(len(got)) != e.OutputSize || e.OutputSize > mib+tailKept+100 || e.OutputLost != 200*mib+3-mib-tailKept {
		t.Errorf("%d bytes kept, %d lost", e.OutputSize, e.OutputLost)
	}
	if !strings.HasSuffix(got, "xend") || !strings.Contains(got, fmt.Sprintf("x\n[… %d bytes cut …]\nx", e.OutputLost)) {
		t.Errorf("…%q", got[len(got)-100:])
	}
	if e.OutputHead != strings.Repeat("x", banto.MaxOutputHead) {
		t.Errorf("head of %d bytes", len(e.OutputHead))
	}
	// A little beyond the limit: nothing is cut.
	e = b.run(2, banto.Spec{Script: `head -c 5000 /dev/zero | tr '\0' y`, OutputLimit: 100})
	if b.output(2) != strings.Repeat("y", 5000) || e.OutputLost != 0 {
		t.Errorf("%d bytes, %+v", len(b.output(2)), e)
	}
	// Anything passes as it is.
	e = b.run(3, banto.Spec{Script: `printf 'a\000b\377\346\227'`, WantOutput: true})
	if b.output(3) != "a\x00b\xff\xe6\x97" || !utf8.ValidString(e.OutputHead) || !strings.HasPrefix(e.OutputHead, "a\uFFFDb\uFFFD") {
		t.Errorf("%q %+v", b.output(3), e)
	}
	// Closing it early is the job's own affair.
	wantExit(t, b.run(4, banto.Spec{Script: `exec >&- 2>&-; sleep 0.05; exit 7`}), 7)
}

func TestNotStarted(t *testing.T) {
	b := setUp(t)
	at := t.TempDir()
	file := filepath.Join(at, "file")
	bad := filepath.Join(at, "bad")
	os.WriteFile(file, []byte("text"), 0o644)
	os.WriteFile(bad, []byte("#!/no/such/interpreter\n"), 0o755)
	text := filepath.Join(at, "text")
	os.WriteFile(text, []byte("neither\n"), 0o755)
	for n, c := range []struct {
		spec   banto.Spec
		reason banto.Reason
		say    string
	}{
		{banto.Spec{Args: []string{"no-such-program"}}, banto.ReasonNoProgram, "not found in PATH"},
		{banto.Spec{Args: []string{"true"}, Env: []string{"PATH=/nowhere"}}, banto.ReasonNoProgram, "/nowhere"},
		{banto.Spec{Args: []string{"/no/such/program"}}, banto.ReasonNoProgram, "does not exist"},
		{banto.Spec{Args: []string{"./none"}}, banto.ReasonNoProgram, "does not exist"},
		{banto.Spec{Args: []string{at}}, banto.ReasonNoProgram, "a directory"},
		{banto.Spec{Args: []string{file}}, banto.ReasonNoRight, "permission denied"},
		{banto.Spec{Args: []string{"file"}, Env: []string{"PATH=" + at}}, banto.ReasonNoRight, "permission denied"},
		{banto.Spec{Args: []string{bad}}, banto.ReasonNoProgram, "interpreter"},
		{banto.Spec{Args: []string{text}}, banto.ReasonNotStarted, "#!"},
		{banto.Spec{Args: []string{""}}, banto.ReasonNoProgram, "empty"},
		{banto.Spec{Args: []string{"echo", "a\x00b"}}, banto.ReasonNotStarted, "NUL"},
		{banto.Spec{Args: []string{"echo", strings.Repeat("x", 4<<20)}}, banto.ReasonNotStarted, "larger"},
		{banto.Spec{Script: "true", Shell: "no-such-shell"}, banto.ReasonNoProgram, "no-such-shell"},
		{banto.Spec{Script: "true", Dir: "/no/such/dir"}, banto.ReasonNoDirectory, "does not exist"},
		{banto.Spec{Script: "true", Dir: "sub"}, banto.ReasonNoDirectory, "does not exist"},
		{banto.Spec{Script: "true", Dir: file}, banto.ReasonNoDirectory, "not a directory"},
		{banto.Spec{Script: "true", Dir: file + "/x"}, banto.ReasonNoDirectory, "does not exist"},
		{banto.Spec{Script: "true", Account: "no-such-user"}, banto.ReasonNoAccount, "no-such-user"},
	} {
		e := b.run(n+1, c.spec)
		if e.Reason != c.reason || e.StartedAt != nil || e.Exit != nil || !strings.Contains(e.Message, c.say) {
			t.Errorf("%d: want %s with %q, got %+v", n, c.reason, c.say, e)
		}
	}
}

func TestEnvironment(t *testing.T) {
	b := setUp(t)
	t.Setenv("LEAKED", "1")
	date := banto.Date{Year: 2026, Month: 11, Day: 21}
	wantExit(t, b.run(1, banto.Spec{Args: []string{"env"}, Env: []string{"LANG=ja_JP.UTF-8", "名前=値", "BANTO_WORK=/x", "A=1", "A=2"}, Date: date}), 0)
	own := ownAccount()
	want := []string{
		"PATH=" + defaultPath, "HOME=" + own.home, "LANG=ja_JP.UTF-8", "名前=値", "A=2",
		"BANTO_TRACKER=" + string(testTracker), "BANTO_PART=p", "BANTO_ATTEMPT=" + string(try(1)), "BANTO_DATE=2026-11-21",
		"BANTO_WORK=" + filepath.Join(b.dir, "work", string(testTracker)), "BANTO_VARS=" + filepath.Join(b.dir, "vars", string(try(1))),
	}
	if got := strings.TrimSpace(b.output(1)); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	// No open file is handed on, and a long script is no trouble.
	long := "ls /proc/self/fd | wc -l; cat /dev/stdin; trap 'echo end' EXIT\n" + strings.Repeat("# filler\n", 40_000) + "echo last"
	wantExit(t, b.run(2, banto.Spec{Script: long, Shell: "bash"}), 0)
	if got := b.output(2); got != "4\nlast\nend\n" { // ls has three and the directory
		t.Errorf("%q", got)
	}
}

func TestVars(t *testing.T) {
	b := setUp(t)
	for n, c := range []struct {
		script, vars string
		reason       banto.Reason
	}{
		{`printf 'a=1\r\nb=x\ny=\n' >> "$BANTO_VARS"`, "a=1\nb=x\ny=\n", ""},
		{`printf '\377\376a\000=\0001\000\r\000\n\000' > "$BANTO_VARS"`, "a=1\n", ""},
		{`head -c 65536 /dev/zero | tr '\0' v > "$BANTO_VARS"`, strings.Repeat("v", 65536), ""},
		{`head -c 65537 /dev/zero | tr '\0' v > "$BANTO_VARS"`, "", banto.ReasonVariables},
		{`printf 'a=\377\n' > "$BANTO_VARS"`, "", banto.ReasonVariables},
		{`printf 'a=\000\n' > "$BANTO_VARS"`, "", banto.ReasonVariables},
		{`mkfifo "$BANTO_VARS"`, "", banto.ReasonVariables},
		{`ln -s /etc/passwd "$BANTO_VARS"`, "", banto.ReasonVariables},
		{`true`, "", ""},
	} {
		e := b.run(n+1, banto.Spec{Script: c.script})
		if e.Vars != c.vars || e.Reason != c.reason || e.Exit == nil || *e.Exit != 0 {
			t.Errorf("%s: %+v", c.script, e)
		}
		b.send(Request{Ack: []banto.AttemptID{try(n + 1)}})
	}
	b.run(50, banto.Spec{Script: "true"}) // behind all of the above
	left, err := os.ReadDir(filepath.Join(b.dir, varsName))
	if err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

func TestOtherAccount(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("no user nobody on this host")
	}
	b := setUp(t)
	b.allowing(Allow{Accounts: []string{"nobody", "daemon"}, Root: true})
	spec := banto.Spec{Script: "true", Account: "nobody"}
	if e := b.run(9, spec); e.Reason != banto.ReasonNoRight || os.Geteuid() == 0 && !strings.Contains(e.Message, "may not enter "+filepath.Dir(filepath.Dir(b.dir))+",") {
		t.Fatalf("%+v", e)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(b.dir)), 0o711); err != nil { // of the test's own directories
		t.Fatal(err)
	}
	spec = banto.Spec{Script: `id -u; echo "$HOME"; touch "$BANTO_WORK/of-$(id -u)" && echo n=1 > "$BANTO_VARS"`, Account: "nobody"}
	e := b.run(1, spec)
	if os.Geteuid() != 0 {
		if e.Reason != banto.ReasonNoRight {
			t.Fatalf("%+v", e)
		}
		return
	}
	wantExit(t, e, 0)
	if got := b.output(1); got != nobody.Uid+"\n"+nobody.HomeDir+"\n" || e.Vars != "n=1\n" {
		t.Fatalf("%q %+v", got, e)
	}
	// Another account in the same tracker, and a link to what it may not read.
	spec.Account = "daemon"
	if e = b.run(2, spec); e.Vars != "n=1\n" && e.Reason != banto.ReasonNoAccount {
		t.Fatalf("%q %+v", b.output(2), e)
	}
	e = b.run(3, banto.Spec{Script: `ln -s /etc/shadow "$BANTO_VARS"; ls /root; cat ` + b.dir + `/journal`, Account: "nobody"})
	if e.Reason != banto.ReasonVariables || e.Vars != "" || strings.Count(b.output(3), "denied") != 2 {
		t.Fatalf("%q %+v", b.output(3), e)
	}
	if e = b.run(4, banto.Spec{Script: "true", Dir: "/root", Account: "nobody"}); e.Reason != banto.ReasonNoRight {
		t.Fatalf("%+v", e)
	}
	if e = b.run(5, banto.Spec{Script: "true; echo " + strings.Repeat("x", maxArg), Account: "nobody"}); e.Exit == nil {
		t.Fatalf("%+v", e)
	}
}

func TestClean(t *testing.T) {
	b := setUp(t)
	work := filepath.Join(b.dir, workName, string(testTracker))
	output := filepath.Join(b.dir, outputName, string(testTracker))
	b.run(1, banto.Spec{Script: `echo out; mkdir -p a/b; echo x > a/b/c`})
	b.send(Request{Clean: []Clean{{Tracker: testTracker}}}) // waits for the acknowledgement
	b.run(2, banto.Spec{Script: `cat a/b/c`})               // and is overtaken by a rerun
	b.await(func() bool { return len(b.hear.Cleaned) == 1 })
	b.send(Request{Ack: []banto.AttemptID{try(1), try(2)}, Clean: []Clean{{Tracker: testTracker, Keep: true}}})
	b.await(func() bool { return len(b.hear.Cleaned) == 2 })
	if _, err := os.Stat(output); !os.IsNotExist(err) {
		t.Error("output is left", err)
	}
	if text, err := os.ReadFile(work + "/a/b/c"); string(text) != "x\n" {
		t.Error("work was not kept", err)
	}
	b.send(Request{Clean: []Clean{{Tracker: testTracker}}})
	b.await(func() bool { return len(b.hear.Cleaned) == 3 })
	if _, err := os.Stat(work); !os.IsNotExist(err) {
		t.Error("work is left", err)
	}
	wantExit(t, b.run(3, banto.Spec{Args: []string{"true"}}), 0)
}
