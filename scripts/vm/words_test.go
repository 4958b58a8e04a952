//go:build linux

package vm_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/scripts/words"
)

// room is where a story happens: a guest, and a manager beside it.
type room struct {
	img         *image
	dir, binary string
	guest       *guest // nil while it is off
	disk        string
	share       *exec.Cmd // the NFS server; nil without one
	bound       bool      // to be cleared at the end of the story
}

func roomOf(ts *testscript.TestScript) *room {
	r := ts.Value("room").(*room)
	if !r.bound {
		r.bound = true
		ts.Defer(func() {
			if r.guest != nil {
				ts.Logf("[console]\n%s", r.guest.said())
				r.guest.cut()
			}
		})
	}
	return r
}

// running gives the guest, which must be on.
func running(ts *testscript.TestScript, neg bool, args []string, want int) *room {
	r := roomOf(ts)
	if neg || len(args) != want || r.guest == nil {
		ts.Fatalf("usage: off, cut, stun, wake, clock OFFSET: while the guest is on")
	}
	return r
}

func boot(ts *testscript.TestScript, neg bool, args []string) {
	r := roomOf(ts)
	if neg || len(args) > 1 || r.guest != nil {
		ts.Fatalf("usage: boot [OFFSET], while the guest is off")
	}
	ahead := "0s"
	if len(args) == 1 {
		ahead = args[0]
	}
	g, err := r.img.boot(r.dir, r.disk, ahead, bootPatience)
	ts.Check(err)
	r.guest = g
}

// clock sets the guest's clock.
func clock(ts *testscript.TestScript, neg bool, args []string) {
	r := running(ts, neg, args, 1)
	ahead, err := time.ParseDuration(args[0])
	ts.Check(err)
	out, code, err := r.guest.run(fmt.Sprintf("date -s @%d", time.Now().Add(ahead).Unix()))
	if err != nil || code != 0 {
		ts.Fatalf("the clock cannot be set: %v\n%s", err, out)
	}
}

func off(ts *testscript.TestScript, neg bool, args []string) {
	r := running(ts, neg, args, 0)
	ts.Check(r.guest.off())
	r.guest = nil
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	r := running(ts, neg, args, 0)
	r.guest.cut()
	r.guest = nil
}

func stun(ts *testscript.TestScript, neg bool, args []string) { still(ts, neg, args, syscall.SIGSTOP) }
func wake(ts *testscript.TestScript, neg bool, args []string) { still(ts, neg, args, syscall.SIGCONT) }

// still stops the guest, or the share, or lets it go on.
func still(ts *testscript.TestScript, neg bool, args []string, sig syscall.Signal) {
	r := running(ts, neg, args[:0], 0)
	switch {
	case len(args) == 0:
		ts.Check(r.guest.signal(sig))
	case len(args) == 1 && args[0] == "share" && r.share != nil:
		ts.Check(r.share.Process.Signal(sig))
	default:
		ts.Fatalf("usage: stun [share], wake [share]")
	}
}

func disk(ts *testscript.TestScript, neg bool, args []string) {
	r := roomOf(ts)
	if neg || len(args) > 0 || r.guest != nil {
		ts.Fatalf("usage: disk, while the guest is off")
	}
	r.disk = filepath.Join(r.dir, "disk.img")
	ts.Check(newDisk(r.disk))
}

// do runs a command at a place; its output is the story's stdout.
func (r *room) do(ts *testscript.TestScript, place string, args []string) (out string, code int) {
	switch {
	case place == "guest" && r.guest != nil:
		out, code, err := r.guest.run(quoted(args))
		ts.Check(err)
		return out, code
	case place == "manager":
		out, err := r.command(ts, args).CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return string(out), exit.ExitCode()
		}
		ts.Check(err)
		return string(out), 0
	}
	ts.Fatalf("%s is no place, or the guest is off", place)
	return "", 0
}

func (r *room) command(ts *testscript.TestScript, args []string) *exec.Cmd {
	name := args[0]
	if name == "banto" {
		name = r.binary // what is first in our own PATH is another one, or none
	}
	cmd := exec.Command(name, args[1:]...)
	cmd.Dir = r.dir
	for _, name := range []string{"PATH", "HOME", "BANTO_CONFIG", "BANTO_DATA", "BANTO_LANG", "TZ", "WORK"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// show makes an output the story's stdout.
func (r *room) show(ts *testscript.TestScript, out string) {
	path := filepath.Join(r.dir, "answer.out")
	ts.Check(os.WriteFile(path, []byte(out), 0o600))
	ts.Check(ts.Exec("cat", path))
}

// there runs a command at a place: the first argument.
func there(ts *testscript.TestScript, args []string) int {
	r := roomOf(ts)
	out, code := r.do(ts, args[0], args[1:])
	r.show(ts, out)
	return code
}

// saidThere runs one aside.
func saidThere(ts *testscript.TestScript, args []string) []byte {
	out, _ := roomOf(ts).do(ts, args[0], args[1:]) // one that fails may say what is waited for
	return []byte(out)
}

// showIt makes what was said the story's stdout.
func showIt(ts *testscript.TestScript, out []byte) { roomOf(ts).show(ts, string(out)) }

func at(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: at PLACE COMMAND…")
	}
	if code := there(ts, args); code != 0 {
		ts.Fatalf("exit code %d", code)
	}
}

// start starts a command in the background. In the guest it ends with it, here
// with the story.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: start PLACE NAME COMMAND…")
	}
	r, name := roomOf(ts), args[1]
	if args[0] == "guest" {
		out, code, err := r.guest.run(quoted(args[2:]) + " >>/tmp/" + name + ".log 2>&1 &")
		if err != nil || code != 0 {
			ts.Fatalf("%s does not start: %v\n%s", name, err, out)
		}
		return
	}
	cmd := r.command(ts, args[2:])
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p, err := words.Start(cmd, filepath.Join(r.dir, name+".log"))
	ts.Check(err)
	ts.Defer(func() {
		p.Kill()
		p.Show(ts, name)
	})
	if !words.Within(patience, func() bool { return p.Said() != "" }) {
		ts.Fatalf("%s says nothing", name)
	}
}
