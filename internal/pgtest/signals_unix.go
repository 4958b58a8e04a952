//go:build unix

package pgtest

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// other is the user and group that the server runs as where we are root,
// which it refuses to be.
func other() (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return uid, gid, true
		}
	}
	return 65534, 65534, true
}

// give hands a directory to the user that the server runs as.
func give(dir string) error {
	uid, gid, ok := other()
	if !ok {
		return nil
	}
	return os.Chown(dir, uid, gid)
}

// asOther makes a command run as a user that PostgreSQL accepts.
func asOther(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if uid, gid, ok := other(); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
}

// signalAll reaches the server and its children. Those may have begun since
// they were listed, so the server itself is first to be stopped, and last to
// go on.
func (s *Server) signalAll(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	pid := s.cmd.Process.Pid
	if sig == syscall.SIGSTOP {
		_ = syscall.Kill(pid, sig)
	}
	for _, child := range children(pid) {
		_ = syscall.Kill(child, sig)
	}
	if sig != syscall.SIGSTOP {
		_ = syscall.Kill(pid, sig)
	}
}

func (s *Server) freeze() { s.signalAll(syscall.SIGSTOP) }
func (s *Server) wake()   { s.signalAll(syscall.SIGCONT) }

// atOnce ends a server without a checkpoint; it recovers at its next start.
func atOnce() os.Signal { return syscall.SIGQUIT }

// children lists the processes of a server's backends.
func children(pid int) []int {
	out, err := exec.CommandContext(context.Background(), "ps", "-o", "pid=", "--ppid", strconv.Itoa(pid)).Output()
	if err != nil {
		return childrenOfProc(pid)
	}
	return numbers(string(out))
}

// childrenOfProc reads them from /proc, where there is no ps.
func childrenOfProc(pid int) []int {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	var all []int
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		all = append(all, numbers(string(b))...)
	}
	return all
}

func lives(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
