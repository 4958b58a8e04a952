package keeper

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

func TestKillEndsTheTree(t *testing.T) {
	b, g := setUp(t), openGates(t)
	b.start(1, program("tree", g.Addr().String()))
	all := []*gate{g.next(), g.next(), g.next(), g.next()}
	b.send(Request{Kill: []Kill{{Attempt: try(1)}}})
	e := b.ended(1)
	if e.Reason != banto.ReasonKilled || !strings.Contains(e.Message, "it was asked to end") {
		t.Errorf("%+v", e)
	}
	for _, g := range all {
		g.gone()
	}
}

func TestKillThroughCmd(t *testing.T) {
	b, g := setUp(t), openGates(t)
	exe, _ := os.Executable()
	s := cmd(`"`+exe+`" gate `+g.Addr().String(), "echo not reached")
	s.Env = []string{asJobEnv + "=1"}
	b.start(1, s)
	below := g.next()
	b.send(Request{Kill: []Kill{{Attempt: try(1), Reason: banto.ReasonKilled}}})
	if e := b.ended(1); e.Reason != banto.ReasonKilled {
		t.Errorf("%+v", e)
	}
	below.gone()
}

func TestTimeout(t *testing.T) {
	b, g := setUp(t), openGates(t)
	s := program("gate", g.Addr().String())
	s.TimeoutMS = 500
	b.start(1, s)
	at := g.next()
	if e := b.ended(1); e.Reason != banto.ReasonTimeout || !strings.Contains(e.Message, "500ms") {
		t.Errorf("%+v", e)
	}
	at.gone()
}

// TestDaemonsAreLeftAlone has processes that keep the output open.
func TestDaemonsAreLeftAlone(t *testing.T) {
	b, g := setUp(t), openGates(t)
	e := b.run(1, program("daemon", g.Addr().String()))
	if e.Exit == nil || *e.Exit != 0 || e.Reason != "" || !strings.Contains(e.Message, "still holds the output") {
		t.Errorf("%+v", e)
	}
	for range 3 {
		g.next().exit(0)
	}
	if got := b.output(1); !strings.Contains(got, "daemons left behind") {
		t.Errorf("output %q", got)
	}
}

func TestOutputIsCut(t *testing.T) {
	b := setUp(t)
	s := program("spam", "2000000")
	s.OutputLimit = 100_000
	e := b.run(1, s)
	text := b.output(1)
	if e.OutputLost < 1_500_000 || int64(len(text)) != e.OutputSize || !strings.HasSuffix(text, "the last words") || !strings.Contains(text, "bytes cut") {
		t.Errorf("%d bytes, %+v", len(text), e)
	}
}

// TestKeeperDies shows what only Windows can: the exit code, and all output, of
// a job that outlived its keeper.
func TestKeeperDies(t *testing.T) {
	b, g := setUp(t), openGates(t)
	b.start(1, program("gate", g.Addr().String()))
	one := g.next()
	b.start(2, program("tree", g.Addr().String()))
	b.start(3, program("gate", g.Addr().String()))
	var others []*gate
	for range 5 {
		others = append(others, g.next())
	}
	for n := range 3 {
		b.started(n + 1)
	}
	b.killKeeper()
	one.say("while nobody listens")
	b.connect()
	one.say("to the next keeper")
	one.exit(5)
	wantExit(t, b.ended(1), 5)
	if got := b.output(1); got != "waiting\nwhile nobody listens\nto the next keeper\n" {
		t.Errorf("output %q", got)
	}
	for n := 2; n <= 3; n++ {
		b.send(Request{Kill: []Kill{{Attempt: try(n)}}})
		if e := b.ended(n); e.Reason != banto.ReasonKilled {
			t.Errorf("%+v", e)
		}
	}
	for _, at := range others {
		at.gone()
	}
}

// TestReplace has another binary take over under running jobs, some of which
// end just then.
func TestReplace(t *testing.T) {
	b, g := setUp(t), openGates(t)
	const jobs = 8
	for n := range jobs {
		b.start(n+1, program("gate", g.Addr().String()))
	}
	var gates []*gate
	for range jobs {
		gates = append(gates, g.next())
	}
	for n := range jobs {
		b.started(n + 1)
	}
	before := b.pid
	exe, _ := os.Executable()
	for _, bad := range []string{"banto.exe", `C:\no\such.exe`} {
		b.hear.NotReplaced = ""
		b.send(Request{Replace: bad})
		b.await(func() bool { return b.hear.NotReplaced != "" })
	}
	b.send(Request{Replace: exe})
	for range b.c.Events() { // until it has gone over
	}
	for _, at := range gates[:jobs/2] {
		at.exit(7)
	}
	b.connect()
	if b.pid == before {
		t.Error("the keeper is still the same process")
	}
	for _, at := range gates[jobs/2:] {
		at.say("to the next keeper")
		at.exit(7)
	}
	said := 0
	for n := range jobs {
		if e := b.ended(n + 1); e.Exit == nil || *e.Exit != 7 || e.Reason != "" || e.Message != "" {
			t.Errorf("%+v", e)
		}
		switch text := b.output(n + 1); text {
		case "waiting\nto the next keeper\n":
			said++
		case "waiting\n":
		default:
			t.Errorf("output %q", text)
		}
	}
	if said != jobs/2 {
		t.Errorf("%d jobs have spoken to the next keeper", said)
	}
}

// TestUnbegunDiesWithItsKeeper proves that what was never recorded as started
// has never run.
func TestUnbegunDiesWithItsKeeper(t *testing.T) {
	j := &job{started: startedRecord{Object: `Global\banto-job-` + newGeneration()}}
	r, w, err := streamPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(w)
	if j.pipe, err = newOutputEnd(r); err != nil {
		t.Fatal(err)
	}
	defer j.pipe.close()
	exe, _ := os.Executable()
	if no := j.make(&plan{program: exe, line: "x", dir: tempDir(t), env: []string{asJobEnv + "=1"}}, w); no != nil {
		t.Fatal(no)
	}
	windows.CloseHandle(j.object) // as the system does with a keeper's handles
	if what, err := windows.WaitForSingleObject(j.process, 10_000); what != windows.WAIT_OBJECT_0 {
		t.Fatalf("it lives: %v", err)
	}
	windows.CloseHandle(j.process)
	windows.CloseHandle(j.thread)
}

// TestCleanWaitsForOpenFiles has a person looking at an output.
func TestCleanWaitsForOpenFiles(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, cmd("echo text")), 0)
	path, _ := outputPath(b.dir, try(1))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b.send(Request{Ack: []banto.AttemptID{try(1)}, Clean: []Clean{{Tracker: testTracker}}})
	f.Close()
	b.await(func() bool { return len(b.hear.Cleaned) == 1 })
	for _, dir := range []string{filepath.Dir(path), filepath.Join(b.dir, workName, string(testTracker))} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
}
