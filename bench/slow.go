//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What disks of a cloud cost is added to every fsync by the system itself: a
// process is started with a filter (seccomp) that lets every call through at
// once but fsync, fdatasync and syncfs. Those are told to this process, which
// waits and then lets the system do them. All children inherit it. Nothing of
// the product knows about it.

// slowArg is the first argument of this program when it is to put the filter
// on and become another: slowArg SOCKET COMMAND…
const slowArg = "as-on-a-slow-disk"

// syncArg is the first argument of this program when it is to say how long an
// fsync takes: syncArg DIRECTORY.
const syncArg = "time-of-fsync"

// slower holds calls of its processes up.
type slower struct {
	delay    time.Duration
	self     string // a copy of this program that another user may run
	socket   string
	listener *net.UnixListener
	serving  sync.WaitGroup // the listener, and each filter for as long as it has processes

	mu    sync.Mutex
	calls map[string]int // by process, as asked for
	who   map[uint32]string
}

// syncs gives how often each process has asked for an fsync so far.
func (s *slower) syncs() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// note counts a call of a thread.
func (s *slower) note(thread uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, known := s.who[thread]
	if !known {
		who = "another"
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", thread))
		if args := strings.Split(string(b), "\x00"); err == nil && len(args) > 1 {
			switch {
			case strings.HasPrefix(args[0], "postgres") || filepath.Base(args[0]) == "postgres":
				who = "PostgreSQL"
			case args[1] == "server":
				who = "manager"
			default:
				who = args[1]
			}
		}
		s.who[thread] = who
	}
	s.calls[who]++
}

// slowed gives the row's slower, and makes it the first time.
func (e *Env) slowed() (*slower, error) {
	if e.slow != nil {
		return e.slow, nil
	}
	// PostgreSQL's user must reach both files.
	dir, err := os.MkdirTemp("", "banto-bench-slow-")
	if err != nil {
		return nil, err
	}
	e.After(func() { os.RemoveAll(dir) })
	s := &slower{delay: e.Sync, self: filepath.Join(dir, "bench"), socket: filepath.Join(dir, "socket"), calls: map[string]int{}, who: map[uint32]string{}}
	if err := errors.Join(os.Chmod(dir, 0o755), copySelf(s.self)); err != nil { //nolint:gosec // nothing in it is secret
		return nil, err
	}
	if s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: s.socket, Net: "unix"}); err != nil {
		return nil, err
	}
	e.After(func() { _ = s.listener.Close() })
	if err := os.Chmod(s.socket, 0o777); err != nil { //nolint:gosec // as above
		return nil, err
	}
	s.serving.Go(s.take)
	e.slow = s
	return s, nil
}

func copySelf(to string) error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// prefix is the command that runs another slowly.
func (s *slower) prefix() []string { return []string{s.self, slowArg, s.socket} }

// take gets the filter of each process from it, and serves it.
func (s *slower) take() {
	for {
		c, err := s.listener.AcceptUnix()
		if err != nil {
			return
		}
		rights := make([]byte, unix.CmsgSpace(4))
		_, n, _, _, err := c.ReadMsgUnix(make([]byte, 1), rights)
		_ = c.Close()
		if err != nil {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(rights[:n])
		if err != nil || len(messages) == 0 {
			continue
		}
		if fds, err := unix.ParseUnixRights(&messages[0]); err == nil && len(fds) == 1 {
			s.serving.Go(func() { s.serve(fds[0]) })
		}
	}
}

// notification and answer are what the system and this process tell each other
// (struct seccomp_notif and seccomp_notif_resp).
type notification struct {
	id         uint64
	pid, flags uint32
	data       struct {
		nr   int32
		arch uint32
		at   uint64
		args [6]uint64
	}
}

type answer struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

// serve holds up each call for the delay, many at the same time: a disk of a
// cloud takes several. It returns when the filter has no process any more.
func (s *slower) serve(fd int) {
	defer unix.Close(fd) //nolint:errcheck // nothing comes of it
	for called(fd) {
		var n notification
		err := ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) {
			continue // the caller was killed meanwhile
		}
		if err != nil {
			return
		}
		s.serving.Go(func() {
			s.note(n.pid)
			nap(s.delay)
			a := answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
			_ = ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a)) // the caller may be gone
		})
	}
}

// called waits until a process of a filter calls; false when none is left: then
// there is nothing to receive, and the system would say so at once, for ever.
func called(fd int) bool {
	look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(look, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err == nil && look[0].Revents == unix.POLLIN
	}
}

// over waits until nothing is served any more, once the listener is closed and
// all processes are gone; false if it takes longer than a row should.
func (s *slower) over(patience time.Duration) bool {
	done := make(chan struct{})
	go func() { s.serving.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(patience):
		return false
	}
}

// nap waits for as long as is said: Go's own timers round to milliseconds.
func nap(d time.Duration) {
	left := unix.NsecToTimespec(d.Nanoseconds())
	for unix.Nanosleep(&left, &left) == unix.EINTR { //nolint:errorlint // a bare number of the system
	}
}

func ioctl(fd int, what uint, with unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(what), uintptr(with)); errno != 0 {
		return errno
	}
	return nil
}

// becomeSlow puts the filter on this process, hands its other end to whom the
// socket belongs, and becomes the command.
func becomeSlow(args []string) error {
	if len(args) < 2 {
		return errors.New("no command is given")
	}
	runtime.LockOSThread() // a filter is a thread's, and stays with what it becomes
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: args[0], Net: "unix"})
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := syncFilter()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if _, _, err := c.WriteMsgUnix([]byte{1}, unix.UnixRights(int(fd)), nil); err != nil {
		return err
	}
	return syscall.Exec(args[1], args[1:], os.Environ()) //nolint:gosec // what it is for
}

// syncFilter is the filter's program: the calls that wait for a disk are told,
// all others pass.
func syncFilter() []unix.SockFilter {
	slow := []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNCFS}
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the call's number
	for i, nr := range slow {
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jt: uint8(len(slow) - i)})
	}
	return append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
}

// timeSync measures fsync as the row's processes have it.
func (e *Env) timeSync(ctx context.Context) (Measure, error) {
	command := append(e.slow.prefix(), e.slow.self, syncArg, e.Dir)
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	if err != nil {
		return Measure{}, fmt.Errorf("cannot measure fsync: %w", err)
	}
	var p50, p99 time.Duration
	if _, err := fmt.Sscanf(string(out), "%d %d", &p50, &p99); err != nil {
		return Measure{}, fmt.Errorf("cannot measure fsync: %w", err)
	}
	return Measure{What: "4 KiB written and synced", Value: float64(p50) / 1e6, Unit: "ms", Beside: "p99 " + ms(p99)}, nil
}

// saySync is what the process does that timeSync starts.
func saySync(dir string) error {
	p50, p99, err := syncLatency(dir, 200)
	if err == nil {
		_, err = fmt.Println(p50.Nanoseconds(), p99.Nanoseconds())
	}
	return err
}

// Syncs counts, while a delay is added, the calls of fsync of each process
// during work of so many jobs, for what comes of the function that it gives.
func (e *Env) Syncs() func(ctx context.Context, jobs int) ([]Measure, error) {
	if e.slow == nil {
		return func(context.Context, int) ([]Measure, error) { return nil, nil }
	}
	from := e.slow.syncs()
	return func(ctx context.Context, jobs int) ([]Measure, error) {
		var all int
		var parts []string
		calls := e.slow.syncs()
		for _, who := range slices.Sorted(maps.Keys(calls)) {
			if n := calls[who] - from[who]; n > 0 {
				all += n
				parts = append(parts, fmt.Sprintf("%s %s", who, number(float64(n)/float64(jobs))))
			}
		}
		one, err := e.timeSync(ctx)
		return []Measure{{What: "fsyncs of a job", Value: float64(all) / float64(jobs), Beside: strings.Join(parts, ", ")}, one}, err
	}
}

// unlessSlow gives a goal, but none while a delay is added: goals are for the disk
// as it is.
func (e *Env) unlessSlow(g Goal) Goal {
	if e.Sync > 0 {
		return Goal{}
	}
	return g
}
