package keeper

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// groups are the control groups (version 2) of attempts with limits: one for
// each, below one of our own.
type groups struct {
	base string
	can  []string // controllers
	why  string   // the others cannot be had
}

// openGroups looks for a place where we may make groups: the one that we are
// in, if it was handed to us (Delegate=yes of systemd, or a user's own), else,
// for root, below the first of all. Groups that an earlier keeper of this
// directory has left are removed, when nobody is in them any more.
func openGroups(dir string) *groups {
	g := &groups{}
	parent, why := groupParent()
	if why != "" {
		g.why = why
		return g
	}
	base := filepath.Join(parent, "banto.slice", "keeper-"+hashText(dir))
	if err := os.MkdirAll(base, 0o755); err != nil {
		g.why = fmt.Sprintf("the agent may not make control groups: %v", err)
		return g
	}
	g.base = base
	want := []string{"cpu", "memory", "pids"}
	for _, at := range []string{parent, filepath.Dir(base), base} {
		want = handDown(at, want)
	}
	g.can = want
	if len(want) < 3 {
		g.why = "control groups of version 2 do not do it on this host"
	}
	left, _ := os.ReadDir(base)
	for _, entry := range left {
		if entry.IsDir() {
			_ = unix.Rmdir(filepath.Join(base, entry.Name()))
		}
	}
	return g
}

// groupParent finds the group below which ours belongs.
func groupParent() (path, why string) {
	top, err := groupMount()
	if err != nil {
		return "", err.Error()
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", "this host has no control groups"
	}
	own := top
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/"); ok {
			own = filepath.Join(top, rest)
		}
	}
	// A keeper that was started anew is where the one before it put itself.
	own = strings.TrimSuffix(own, "/"+agentGroup)
	switch info, err := os.Stat(own); {
	case err == nil && (delegated(own) || os.Geteuid() != 0 && uidOf(info) == os.Geteuid()):
		return own, ""
	case os.Geteuid() == 0:
		return top, ""
	}
	return "", "control groups were not handed to the agent (Delegate=yes does it under systemd)"
}

// agentGroup is where we go in a group that was handed to us: one that has
// processes of its own cannot hand anything down.
const agentGroup = "banto-agent"

func groupMount() (string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", errors.New("this host has no control groups")
	}
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); len(fields) > 4 && strings.HasPrefix(after, "cgroup2 ") {
			return fields[4], nil
		}
	}
	return "", errors.New("this host has no control groups of version 2")
}

func delegated(path string) bool {
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		value := make([]byte, 8)
		if n, err := unix.Getxattr(path, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// handDown lets the groups below use controllers, and gives those that they
// can.
func handDown(path string, want []string) []string {
	var can []string
	has := words(filepath.Join(path, "cgroup.controllers"))
	control := filepath.Join(path, "cgroup.subtree_control")
	for _, name := range want {
		if !slices.Contains(has, name) {
			continue
		}
		err := os.WriteFile(control, []byte("+"+name), 0o600)
		if errors.Is(err, unix.EBUSY) && makeWay(path) {
			err = os.WriteFile(control, []byte("+"+name), 0o600)
		}
		if err == nil {
			can = append(can, name)
		}
	}
	return can
}

// makeWay moves the processes of a group that was handed to us into one below.
func makeWay(path string) bool {
	if !delegated(path) && os.Geteuid() == 0 {
		return false
	}
	leaf := filepath.Join(path, agentGroup)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return false
	}
	for _, pid := range words(filepath.Join(path, "cgroup.procs")) {
		// One that has ended meanwhile need not move.
		_ = os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(pid), 0o600)
	}
	return true
}

func words(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// make makes the group of an attempt, and says which limits it holds and why
// not the others.
func (g *groups) make(id banto.AttemptID, l banto.Limits) (path string, set map[string]bool, why string) {
	if g.base == "" {
		return "", nil, g.why
	}
	path = filepath.Join(g.base, string(id))
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Sprintf("its control group could not be made: %v", err)
	}
	why, set = g.why, make(map[string]bool)
	put := func(controller, file, value string) {
		if !slices.Contains(g.can, controller) {
			return
		}
		if err := os.WriteFile(filepath.Join(path, file), []byte(value), 0o600); err != nil {
			why = fmt.Sprintf("its control group refused it: %v", err)
			return
		}
		set[controller] = true
	}
	if l.Memory > 0 {
		put("memory", "memory.max", strconv.FormatInt(l.Memory, 10))
		if set["memory"] {
			// Not every host can swap, and the oldest kernels have no word for the
			// second: without them the limit is a little softer.
			_ = os.WriteFile(filepath.Join(path, "memory.swap.max"), []byte("0"), 0o600)
			_ = os.WriteFile(filepath.Join(path, "memory.oom.group"), []byte("1"), 0o600)
		}
	}
	if l.CPU > 0 {
		put("cpu", "cpu.max", fmt.Sprintf("%d 100000", l.CPU*1000))
	}
	if l.Processes > 0 {
		put("pids", "pids.max", strconv.Itoa(l.Processes))
	}
	return path, set, why
}

// intoGroup makes a process in a group from its first moment.
func intoGroup(attr *syscall.SysProcAttr, group *os.File) {
	attr.UseCgroupFD, attr.CgroupFD = true, int(group.Fd())
}

// killGroup ends all that is in a group, wherever it has gone.
func killGroup(path string) {
	if path != "" {
		// Kernels before 5.14 have no word for it; the process group was ended.
		_ = os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0o600)
	}
}

// endGroup removes the group of an attempt that has ended, and says whether
// memory ran out in it. What a kill has hit may take a moment to go; a daemon
// that was left behind keeps the group with its limits.
func endGroup(path string) (outOfMemory bool) {
	if path == "" {
		return false
	}
	if text, err := os.ReadFile(filepath.Join(path, "memory.events")); err == nil {
		for line := range bytes.Lines(text) {
			if f := bytes.Fields(line); len(f) == 2 && string(f[0]) == "oom_kill" && string(f[1]) != "0" {
				outOfMemory = true
			}
		}
	}
	if unix.Rmdir(path) == nil {
		return outOfMemory
	}
	go func() {
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		for range 100 {
			<-again.C
			if unix.Rmdir(path) == nil {
				return
			}
		}
	}()
	return outOfMemory
}

// gently makes a process with a nice value from its first instruction on. Here
// the value is of a thread: one gives way, makes the process, and ends, as it
// could not go back. Where it may not, setNice says so.
func (p *plan) gently(process func() (int, error)) (pid int, err error) {
	if p.nice == 0 {
		return process()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if unix.Setpriority(unix.PRIO_PROCESS, 0, p.nice) == nil {
			p.nice = 0 // nothing is left to do
		}
		pid, err = process()
	}()
	<-done
	return pid, err
}
