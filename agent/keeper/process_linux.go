package keeper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// bootID names this run of the operating system.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// alarm tells on C when bootNow has reached a time.
type alarm struct {
	C chan struct{}
	f *os.File
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot make a timer: %w", err)
	}
	a := &alarm{C: make(chan struct{}, 1), f: os.NewFile(uintptr(fd), "timerfd")}
	go func() {
		var count [8]byte
		for {
			if _, err := a.f.Read(count[:]); err != nil {
				return
			}
			select {
			case a.C <- struct{}{}:
			default:
			}
		}
	}()
	return a, nil
}

// set moves the alarm; 0 is never.
func (a *alarm) set(at int64) {
	var spec unix.ItimerSpec
	if at > 0 {
		spec.Value = unix.NsecToTimespec(at)
	}
	raw, err := a.f.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { //nolint:errcheck // only a closed timer fails, at the keeper's end
		unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &spec, nil) //nolint:errcheck // the arguments are sound
	})
}

func (a *alarm) close() { a.f.Close() }

// outputPipe makes a pipe: reading does not block a thread, writing is what a
// program expects of its standard output.
func outputPipe() (r, w *os.File, err error) {
	var fd [2]int
	if err := unix.Pipe2(fd[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	if err := unix.SetNonblock(fd[0], true); err != nil {
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd[0]), "output"), os.NewFile(uintptr(fd[1]), "output"), nil
}

// reaper takes the exit statuses of all children in one place, those of
// orphans too: the keeper is the reaper of all that its jobs leave behind.
type reaper struct {
	forking  sync.RWMutex // read-locked from before a fork until its child is known
	mu       sync.Mutex
	children map[int]child
	forked   chan struct{}
	still    sync.Mutex // held while an exit status is on its way to who waits for it
}

// child is told of its end twice: leaving while its process ID, and so its
// group's, is still taken, and left with the status.
type child interface {
	leaving()
	left(status syscall.WaitStatus)
}

func newReaper() *reaper {
	// Without it, orphans go to the system's first process, as ever.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	r := &reaper{children: make(map[int]child), forked: make(chan struct{}, 1)}
	go r.reap()
	return r
}

// fork calls make, which makes a process, and made when it is there, before
// its end can be told.
func (r *reaper) fork(c child, make func() (int, error), made func(pid int)) error {
	r.forking.RLock()
	defer r.forking.RUnlock()
	pid, err := make()
	if err != nil {
		return err
	}
	made(pid)
	r.know(pid, c)
	r.poke()
	return nil
}

// know says who waits for a child.
func (r *reaper) know(pid int, c child) {
	r.mu.Lock()
	r.children[pid] = c
	r.mu.Unlock()
}

// poke says that there may be children.
func (r *reaper) poke() {
	select {
	case r.forked <- struct{}{}:
	default:
	}
}

func (r *reaper) take(pid int) child {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.children[pid]
	delete(r.children, pid)
	return c
}

// reap begins when there are children: those that were left to us must be
// known before.
func (r *reaper) reap() {
	<-r.forked
	for {
		pid, err := nextDead()
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // no child at all
			<-r.forked
		default:
			r.bury(pid)
		}
	}
}

func (r *reaper) bury(pid int) {
	c := r.take(pid)
	if c == nil {
		// An orphan, or one whose fork is still under way.
		r.forking.Lock()
		if c = r.take(pid); c == nil {
			unix.Wait4(pid, nil, unix.WNOHANG, nil) //nolint:errcheck // a failed exec is taken by who made it
		}
		r.forking.Unlock()
		if c == nil {
			return
		}
	}
	r.still.Lock()
	defer r.still.Unlock()
	c.leaving()
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	c.left(status)
}

// nextDead waits until a child has ended and leaves it a zombie.
func nextDead() (int, error) {
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		return 0, err
	}
	// Behind three numbers, at the alignment of a pointer, stands the process ID.
	const at = (12 + unsafe.Sizeof(uintptr(0)) - 1) / unsafe.Sizeof(uintptr(0)) * unsafe.Sizeof(uintptr(0))
	raw := (*[unsafe.Sizeof(info)]byte)(unsafe.Pointer(&info))
	return int(binary.NativeEndian.Uint32(raw[at:])), nil
}

// tick is the unit of the start times in /proc.
const tick = int64(time.Second / 100)

// stat reads a process's state letter and start time in ticks since the boot.
func stat(pid int) (state byte, start int64, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	// The name in parentheses can hold anything.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, false
	}
	start, err = strconv.ParseInt(string(fields[19]), 10, 64)
	return fields[0][0], start, err == nil
}

// alive says whether the very process still runs.
func (s *startedRecord) alive() bool {
	state, start, ok := stat(s.PID)
	return ok && state != 'Z' && state != 'X' && start >= s.After/tick && start <= s.Before/tick
}

// findStarted looks for the processes of attempts whose starts were not
// recorded, by the environment that they were given. Those of another directory
// are another keeper's.
func findStarted(dir string, want map[banto.AttemptID]bool) map[banto.AttemptID]startedRecord {
	found := make(map[banto.AttemptID]startedRecord)
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		i := bytes.Index(append([]byte{0}, env...), []byte("\x00BANTO_ATTEMPT="))
		if i < 0 {
			continue
		}
		value, _, _ := bytes.Cut(env[i+len("BANTO_ATTEMPT="):], []byte{0})
		id := banto.AttemptID(value)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || !want[id] || !ofDir(dir, env) {
			continue
		}
		// The job itself leads its session; the rest are its children.
		if leader, err := unix.Getsid(pid); err != nil || leader != pid {
			continue
		}
		if state, start, ok := stat(pid); ok && state != 'Z' {
			at := time.Now().Add(time.Duration(start*tick - bootNow()))
			found[id] = startedRecord{Attempt: id, PID: pid, At: at, After: start * tick, Before: start * tick}
		}
	}
	return found
}

// ofDir says whether a process with this environment was started for a
// directory. One that cannot be looked at, because it was moved, is taken for it.
func ofDir(dir string, env []byte) bool {
	_, rest, ok := bytes.Cut(append([]byte{0}, env...), []byte("\x00BANTO_WORK="))
	if !ok {
		return true
	}
	work, _, _ := bytes.Cut(rest, []byte{0})
	there, err1 := os.Stat(filepath.Join(string(work), "..", ".."))
	here, err2 := os.Stat(dir)
	return err1 != nil || err2 != nil || os.SameFile(there, here)
}

// awaitEnd returns when the process, which need not be our child, has ended.
func (s *startedRecord) awaitEnd() {
	fd, err := unix.PidfdOpen(s.PID, unix.PIDFD_NONBLOCK)
	if err != nil {
		pollEnd(s)
		return
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil || !s.alive() {
		return
	}
	err = raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err == nil && n > 0
	})
	if err != nil {
		pollEnd(s)
	}
}

// reopenOutput opens the reading end of the pipe that a process, started by an
// earlier keeper, still writes to.
func (s *startedRecord) reopenOutput() *os.File {
	for _, fd := range []string{"1", "2"} {
		path := "/proc/" + strconv.Itoa(s.PID) + "/fd/" + fd
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if s.Pipe == 0 || inode(f) == s.Pipe {
			if info, err := f.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
				return f
			}
		}
		f.Close()
	}
	return nil
}

const fionread = unix.TIOCINQ
