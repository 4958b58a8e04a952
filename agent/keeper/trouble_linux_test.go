package keeper

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bantoops/banto"
)

// frozenGroup makes a control group of the first version of the freezer: a
// process in it, once it is frozen, is in state D, and not even KILL ends it.
func frozenGroup(t *testing.T) string {
	t.Helper()
	dir := "/sys/fs/cgroup/freezer/banto-test-" + strconv.Itoa(os.Getpid())
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("no process can be brought into state D here, without a freezer of control groups v1:", err)
	}
	t.Cleanup(func() {
		os.WriteFile(dir+"/freezer.state", []byte("THAWED"), 0)
		syscall.Rmdir(dir)
	})
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// An attempt whose process the system does not let go ends all the same.
func TestUnkillable(t *testing.T) {
	group := frozenGroup(t)
	b := setUp(t)
	b.start(1, banto.Spec{Script: "echo before; exec sleep 100", TimeoutMS: 300, WantOutput: true})
	pid := b.started(1).PID
	b.wrote(1, "before")
	put(t, group+"/cgroup.procs", strconv.Itoa(pid))
	put(t, group+"/freezer.state", "FROZEN")
	e := b.ended(1)
	if e.Reason != banto.ReasonUnkillable || e.StartedAt == nil || e.OutputHead != "before\n" ||
		!strings.Contains(e.Message, "KILL was sent, and 500ms later the system still holds its process "+strconv.Itoa(pid)+" in state D") {
		t.Fatalf("%+v", e)
	}
	b.send(Request{Seq: 1, Ack: []banto.AttemptID{try(1)}, Clean: []Clean{{Tracker: testTracker}}})
	b.await(func() bool { return b.hear.Done == 1 && len(b.hear.Cleaned) == 1 }) // the tracker moves on
	// It is watched on, also by the binary that the keeper becomes.
	b.reconnect("two", otherVersion(t, "two"))
	if b.last.Version != "two" || len(b.last.Running) != 0 {
		t.Fatalf("%+v", b.last)
	}
	wantExit(t, b.run(2, banto.Spec{Script: "true"}), 0)
	put(t, group+"/freezer.state", "THAWED")
	b.await(func() bool {
		text, err := os.ReadFile(filepath.Join(b.dir, logName))
		if err == nil && strings.Contains(string(text), "has ended after all") {
			return true
		}
		b.send(Request{Seq: b.hear.Done + 1}) // for something to wait for
		return false
	})
	if syscall.Kill(pid, 0) == nil {
		t.Fatal("it was not reaped")
	}
	b.c.Close()
	b.connect()
	if len(b.hear.Ended) != 0 && b.hear.Ended[0].Attempt == try(1) {
		t.Fatalf("%+v", b.hear)
	}
}

// onSmallDisk gives a bench whose keeper has a disk of its own.
func onSmallDisk(t *testing.T, size string) *bench {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skip("no disk can be filled here:", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return setUpIn(t, dir)
}

// fill takes all that is free and gives it back when it is called.
func fillDisk(t *testing.T, dir string) func() {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, piece := range []int{64 << 10, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, piece))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return func() { os.Remove(path) }
}

// On a full disk nothing new is started, and says so; what runs is not lost.
func TestDiskFull(t *testing.T) {
	b := onSmallDisk(t, "12m")
	b.start(1, banto.Spec{Script: gateScript + `; head -c 100000 /dev/zero | tr '\0' x; exit 5`})
	b.wrote(1, "waiting")
	free := fillDisk(t, b.dir)
	e := b.run(2, banto.Spec{Script: "true"})
	if e.Reason != banto.ReasonNotStarted || e.StartedAt != nil || !strings.HasPrefix(e.Message, "the disk of "+b.dir+" is full: 0 KiB are free") {
		t.Fatalf("%+v", e)
	}
	b.await(func() bool { return b.hear.Problem == e.Message })
	b.hear.Problem = ""
	b.await(func() bool { return b.hear.Problem == e.Message }) // again, while it lasts
	b.open("it")
	if e := b.ended(1); e.Exit == nil || *e.Exit != 5 || !strings.Contains(e.Message, "output could not be written: ") || e.OutputLost == 0 {
		t.Fatalf("%+v", e)
	}
	b.hear.Problem = ""
	b.c.Close()
	b.connect()
	b.await(func() bool { return b.hear.Problem == e.Message }) // told to who comes later
	// A keeper that dies meanwhile has lost nothing that it told.
	b.killKeeper()
	b.connect()
	if b.ended(1).Exit == nil || b.ended(2).Reason != banto.ReasonNotStarted {
		t.Fatalf("%+v", b.hear)
	}
	free()
	wantExit(t, b.run(3, banto.Spec{Script: "true"}), 0)
	if _, err := os.Stat(filepath.Join(b.dir, reserveName)); err != nil {
		t.Fatal("the reserve was not made again", err)
	}
}

// A keeper comes up on a disk on which not one byte is free, with its reserve
// used up: what runs has a parent again, and what has no room waits.
func TestStartOnFullDisk(t *testing.T) {
	b := onSmallDisk(t, "12m")
	b.start(1, banto.Spec{Script: gateScript})
	b.wrote(1, "waiting")
	b.killKeeper()
	if err := os.Remove(filepath.Join(b.dir, reserveName)); err != nil {
		t.Fatal(err)
	}
	free := fillDisk(t, b.dir)
	b.connect()
	if len(b.last.Running) != 1 {
		t.Fatalf("%+v", b.last)
	}
	b.await(func() bool { return strings.Contains(b.hear.Problem, "is full") })
	free()
	b.open("it")
	if e := b.ended(1); e.Reason != banto.ReasonKeeperDied {
		t.Fatalf("%+v", e)
	}
	b.killKeeper()
	b.connect()
	if len(b.last.Running) != 0 || b.ended(1).StartedAt == nil {
		t.Fatalf("%+v", b.last)
	}
}
