package keeper

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// groupsHere says what control groups a keeper of a directory can make on this
// host; a test prints it, as it decides which way is tried.
func groupsHere(t *testing.T) *groups {
	t.Helper()
	dir := t.TempDir()
	g := openGroups(dir)
	if g.base != "" {
		t.Cleanup(func() { syscall.Rmdir(g.base); syscall.Rmdir(filepath.Dir(g.base)) })
	}
	t.Logf("control groups here: base %q, controllers %v; %s", g.base, g.can, g.why)
	return g
}

func TestLimits(t *testing.T) {
	g := groupsHere(t)
	b := setUp(t)
	limits := &banto.Limits{Memory: 300 << 20, CPU: 50, Processes: 40, Files: 77, Nice: 7}
	e := b.run(1, banto.Spec{Script: `ulimit -n; ulimit -v; nice; cat /proc/self/cgroup; exit 3`, Limits: limits})
	if e.Exit == nil || *e.Exit != 3 || e.Reason != "" {
		t.Fatalf("%+v", e)
	}
	lines := strings.Split(b.output(1), "\n")
	want := []string{"77", strconv.Itoa(300 << 10), "7"}
	if slices.Contains(g.can, "memory") {
		want[1] = "unlimited"
	}
	if !slices.Equal(lines[:3], want) {
		t.Fatalf("%q, want %q", lines, want)
	}
	for controller, word := range map[string]string{"memory": "memory limit holds for each process", "cpu": "processor limit could not be set", "pids": "limit of processes could not be set"} {
		if strings.Contains(e.Message, word) == slices.Contains(g.can, controller) {
			t.Errorf("%s: %q", controller, e.Message)
		}
	}
	// Each process by itself, where there is no group: a shell that wants more
	// than it may have fails, and the next attempt has its own limits.
	if e := b.run(2, banto.Spec{Args: []string{"sh", "-c", `ulimit -n; [ "$(nice)" = 0 ]`}}); e.Exit == nil || *e.Exit != 0 || strings.TrimSpace(b.output(2)) == "77" {
		t.Fatalf("%+v", e)
	}
	if e := b.run(3, banto.Spec{Script: "echo $0; trap 'echo trapped; exit 9' TERM; kill $$; exit 1", Limits: &banto.Limits{Files: 50}}); e.Exit == nil || *e.Exit != 9 || e.Message != "" {
		t.Fatalf("%+v %q", e, b.output(3))
	}
	if e := b.run(4, banto.Spec{Args: []string{"no-such-program"}, Limits: limits}); e.Reason != banto.ReasonNoProgram {
		t.Fatalf("%+v", e)
	}
	if g.base != "" {
		b.noGroups()
	}
}

// noGroups wants all groups of the bench's keeper to be gone, soon.
func (b *bench) noGroups() {
	b.Helper()
	base := openGroups(b.dir).base
	b.Cleanup(func() { syscall.Rmdir(base); syscall.Rmdir(filepath.Dir(base)) })
	for seq := b.hear.Done + 1; ; seq++ {
		left, err := filepath.Glob(filepath.Join(base, "*.*", "cgroup.procs"))
		if err != nil || b.ctx.Err() != nil {
			b.Fatal(err, left)
		}
		left = slices.DeleteFunc(left, func(path string) bool {
			return !strings.HasPrefix(filepath.Base(filepath.Dir(path)), string(testTracker))
		})
		if len(left) == 0 {
			return
		}
		b.send(Request{Seq: seq}) // for something to wait for
		b.await(func() bool { return b.hear.Done == seq })
	}
}

func TestMemoryLimit(t *testing.T) {
	g := groupsHere(t)
	b := setUp(t)
	e := b.run(1, banto.Spec{Script: `x=$(head -c 200000000 /dev/zero | tr '\0' x); echo ${#x}`, Limits: &banto.Limits{Memory: 50 << 20}})
	if slices.Contains(g.can, "memory") {
		if e.Reason != banto.ReasonMemory {
			t.Fatalf("%+v", e)
		}
		return
	}
	if g.base != "" {
		b.noGroups()
	}
	t.Log("no controller of memory here: it was tried as a limit of each process")
	if e.Exit != nil && *e.Exit == 0 || !strings.Contains(e.Message, "holds for each process by itself") {
		t.Fatalf("%+v %q", e, b.output(1))
	}
}

// A fork bomb hits its limit and ends with its attempt. Without a controller of
// processes it is a bounded one, whose children leave session and group: the
// control group finds them all the same.
func TestForkBomb(t *testing.T) {
	g := groupsHere(t)
	b := setUp(t)
	if slices.Contains(g.can, "pids") {
		e := b.run(1, banto.Spec{Script: `bomb() { bomb | bomb & }; bomb; sleep 60`, TimeoutMS: 1500, Limits: &banto.Limits{Processes: 50}})
		if e.Reason != banto.ReasonTimeout {
			t.Fatalf("%+v", e)
		}
		b.noGroups()
		return
	}
	t.Log("no controller of processes here: the bomb was a bounded one")
	e := b.run(1, banto.Spec{Script: `i=0; while [ $i -lt 300 ]; do setsid sleep 1000 & i=$((i+1)); done; echo all; sleep 60`,
		TimeoutMS: 3000, Limits: &banto.Limits{Processes: 50}})
	if e.Reason != banto.ReasonTimeout || !strings.Contains(e.Message, "limit of processes could not be set") || b.output(1) != "all\n" {
		t.Fatalf("%+v %q", e, b.output(1))
	}
	if g.base == "" {
		t.Log("no control groups here: those that left the process group live on, and end here")
		for pid := range startedBy(t, try(1)) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		return
	}
	b.noGroups()
	if left := startedBy(t, try(1)); len(left) > 0 {
		t.Fatalf("%d processes were left", len(left))
	}
}

// startedBy gives the processes that have an attempt in their environment.
func startedBy(t *testing.T, id banto.AttemptID) map[int]bool {
	t.Helper()
	found := make(map[int]bool)
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "BANTO_ATTEMPT="+string(id)+"\x00") && strings.Contains(string(text), t.Name()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found[pid] = true
		}
	}
	return found
}

// What is written into a group, on a plain directory: not every host lets us
// make real ones with all controllers.
func TestGroupFiles(t *testing.T) {
	g := &groups{base: t.TempDir(), can: []string{"cpu", "memory", "pids"}}
	path, set, _ := g.make(try(1), banto.Limits{Memory: 1 << 30, CPU: 150, Processes: 9})
	if len(set) != 3 {
		t.Fatal(set)
	}
	for name, want := range map[string]string{"memory.max": "1073741824", "memory.swap.max": "0", "memory.oom.group": "1", "cpu.max": "150000 100000", "pids.max": "9"} {
		if got, err := os.ReadFile(filepath.Join(path, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	put(t, filepath.Join(path, "memory.events"), "low 0\nmax 12\noom 1\noom_kill 3\n")
	if !endGroup(path) {
		t.Error("memory ran out")
	}
	g.can = []string{"pids"}
	g.why = "words"
	if _, set, why := g.make(try(2), banto.Limits{Memory: 1, Processes: 9}); set["memory"] || !set["pids"] || why != "words" {
		t.Error(set, why)
	}
	if e := (&job{out: &kept{}}).result(end{outOfMemory: true, known: true, status: 9}, false, time.Time{}); e.Reason != banto.ReasonMemory || e.Signal != "SIGKILL" {
		t.Errorf("%+v", e)
	}
}

// A process has its nice value from the beginning, however quickly it is about
// it; those made after it have none of it.
func TestNiceFromTheBeginning(t *testing.T) {
	b := setUp(t)
	for n := 1; n <= 20; n += 2 {
		b.run(n, banto.Spec{Args: []string{"nice"}, Limits: &banto.Limits{Nice: 7}})
		b.run(n+1, banto.Spec{Args: []string{"nice"}})
		if got := b.output(n) + b.output(n+1); got != "7\n0\n" {
			t.Fatalf("attempts %d, %d: %q", n, n+1, got)
		}
	}
}
