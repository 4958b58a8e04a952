//go:build unix && !linux

package keeper

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// bootID names this run of the operating system: by when it began.
func bootID() string {
	out, err := exec.CommandContext(context.Background(), "sysctl", "-n", "kern.boottime").Output()
	if err != nil {
		return ""
	}
	// "{ sec = 1763766000, usec = 0 } Fri Nov 21 …": the seconds do for a name.
	text, _, _ := strings.Cut(string(out), ",")
	return strings.TrimSpace(text)
}

// alarm tells on C when bootNow has reached a time.
type alarm struct {
	C chan struct{}
	t *time.Timer
}

func newAlarm() (*alarm, error) {
	a := &alarm{C: make(chan struct{}, 1)}
	a.t = time.AfterFunc(time.Hour, func() {
		select {
		case a.C <- struct{}{}:
		default:
		}
	})
	return a, nil
}

// set moves the alarm; 0 is never.
func (a *alarm) set(at int64) {
	if at == 0 {
		a.t.Stop()
		return
	}
	a.t.Reset(max(0, time.Duration(at-bootNow())))
}

func (a *alarm) close() { a.t.Stop() }

// outputPipe makes a pipe: reading does not block a thread, writing is what a
// program expects of its standard output.
func outputPipe() (r, w *os.File, err error) {
	r, w, err = os.Pipe()
	if err == nil {
		w.Fd() // makes it a blocking one
	}
	return r, w, err
}

// reaper takes the exit status of each child.
type reaper struct{ forking sync.Mutex }

// child is told of its end twice. These systems have no way to see an end
// without taking it, so that leaving comes when the process is gone, while its
// group may still be there.
type child interface {
	leaving()
	left(status syscall.WaitStatus)
}

func newReaper() *reaper { return &reaper{} }

// fork calls make, which makes a process, and made when it is there, before
// its end can be told.
func (r *reaper) fork(c child, make func() (int, error), made func(pid int)) error {
	r.forking.Lock()
	pid, err := make()
	r.forking.Unlock()
	if err != nil {
		return err
	}
	made(pid)
	go func() {
		var status syscall.WaitStatus
		for {
			if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		c.leaving()
		c.left(status)
	}()
	return nil
}

// alive says whether the very process still runs: whether one of its ID was
// made at its time, to the second.
func (s *startedRecord) alive() bool {
	if unix.Kill(s.PID, 0) != nil {
		return false
	}
	cmd := exec.CommandContext(context.Background(), "ps", "-o", "lstart=", "-p", strconv.Itoa(s.PID))
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	if err != nil {
		return false
	}
	at, err := time.ParseInLocation(time.ANSIC, strings.Join(strings.Fields(string(out)), " "), time.Local)
	return err == nil && at.Sub(s.At).Abs() < 2*time.Second
}

// findStarted looks for the processes of attempts whose starts were not
// recorded; these systems do not show environments reliably.
func findStarted(string, map[banto.AttemptID]bool) map[banto.AttemptID]startedRecord { return nil }

// awaitEnd returns when the process, which need not be our child, has ended.
func (s *startedRecord) awaitEnd() { pollEnd(s) }

// reopenOutput opens the reading end of the pipe that a process, started by an
// earlier keeper, still writes to: not possible here.
func (s *startedRecord) reopenOutput() *os.File { return nil }

const fionread = 0x4004667f // FIONREAD of the BSD family
