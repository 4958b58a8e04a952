//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one that a row has started, or the keeper of an agent.
type Process struct {
	Name string
	PID  int

	cmd  *exec.Cmd
	log  string
	gone chan struct{} // closed when it has ended
	how  error         // how it ended; to be read behind gone
}

// Start starts the real binary with arguments and what its environment has
// besides. It ends with the row.
func (e *Env) Start(name string, args []string, env ...string) (*Process, error) {
	e.number++
	p := &Process{Name: name, log: filepath.Join(e.Dir, fmt.Sprintf("%s%d.log", name, e.number)), gone: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := append([]string{e.Binary}, args...)
	if e.Sync > 0 {
		slow, err := e.slowed()
		if err != nil {
			return nil, err
		}
		command = append(slow.prefix(), command...)
	}
	p.cmd = exec.CommandContext(context.Background(), command[0], command[1:]...) // it ends by After
	p.cmd.Env = append(os.Environ(), "BANTO_CONFIG="+filepath.Join(e.Dir, "config.json"), "BANTO_URL=", "BANTO_TOKEN=", "BANTO_DATA=", "BANTO_STORE=", "BANTO_JOIN=")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := onThreadForEver(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	p.PID = p.cmd.Process.Pid
	go func() {
		p.how = p.cmd.Wait()
		close(p.gone)
	}()
	e.After(func() { _ = p.end(10 * time.Second) })
	return p, nil
}

// onThreadForEver calls start on a thread that never ends: the death of the
// thread that started a process counts as that of its parent.
func onThreadForEver(start func() error) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- start()
		select {}
	}()
	return <-started
}

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) { _ = syscall.Kill(p.PID, s) }

// Kill ends the process at once, and nothing else: a keeper lives on.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.gone
}

// Stop ends the process in good order.
func (p *Process) Stop() error { return p.end(time.Minute) }

func (p *Process) end(patience time.Duration) error {
	select {
	case <-p.gone:
		return nil
	default:
	}
	p.Signal(syscall.SIGCONT)
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
		return nil
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("%s does not end\n%s", p.Name, p.Tail())
	}
}

// Tail is the end of what the process logged.
func (p *Process) Tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-4000):]))
}

// RSS is the resident memory of the process in bytes.
func (p *Process) RSS() (int64, error) { return p.status("VmRSS:") }

// PeakRSS is the most that it has been.
func (p *Process) PeakRSS() (int64, error) { return p.status("VmHWM:") }

func (p *Process) status(key string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", p.PID, key)
}

// CPU is the time of processors that the process has used, its threads'
// together.
func (p *Process) CPU() (time.Duration, error) {
	f, err := statOf(p.PID)
	if err != nil {
		return 0, err
	}
	const ticks = 100 // a second, for all programs on Linux
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat cannot be read", p.PID)
	}
	return time.Duration(user+system) * time.Second / ticks, nil
}

// statOf gives the fields of /proc/PID/stat behind the name, from the state on.
func statOf(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(b[max(0, bytes.LastIndexByte(b, ')')):]), " ")
	if f := strings.Fields(rest); ok && len(f) > 20 {
		return f, nil
	}
	return nil, fmt.Errorf("/proc/%d/stat cannot be read", pid)
}

// descendants gives all processes below one.
func descendants(of int) []int {
	parents := map[int]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if f, err := statOf(pid); err == nil {
			parents[pid], _ = strconv.Atoi(f[1])
		}
	}
	var out []int
	for pid := range parents {
		for up := pid; up > 1; up = parents[up] {
			if parents[up] == of {
				out = append(out, pid)
				break
			}
		}
	}
	return out
}

// killDescendants ends whatever a row has left, jobs and keepers among it: what
// loses its parent becomes a child of this process (adopt).
func killDescendants() {
	for range 20 {
		left := 0
		for _, pid := range descendants(os.Getpid()) {
			if f, err := statOf(pid); err == nil && f[0] != "Z" {
				left++
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		for { // those whose parents are gone wait for us alone
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
		if left == 0 {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}
