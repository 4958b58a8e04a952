//go:build unix

package keeper

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// holdGrace is how long the output is waited for once the process has ended:
// somebody else may hold the pipe.
const holdGrace = 200 * time.Millisecond

// job is a process of an attempt, from the moment it was made to its result.
type job struct {
	claim      claimRecord
	started    startedRecord
	adopted    bool // made by an earlier keeper
	uid        int  // whose files it leaves
	out        *kept
	pipe       *os.File // nil when the output of an adopted one is out of reach
	drained    bool     // the output was read to its end
	ended      chan end // its exit, once
	notes      []string // on limits that could not be set
	lostOutput bool     // of an adopted one, while there was no keeper

	mu    sync.Mutex
	gone  bool         // its process ID may soon be another's
	cause banto.Reason // why it was ended, when we did it
	dead  *DeadKill    // by a dead-man's limit
	hard  bool         // with KILL
}

// end is what is known of a process's end.
type end struct {
	status      syscall.WaitStatus
	known       bool
	outOfMemory bool  // in its control group
	hold        *hold // it has not ended: only rest a while
}

// kill asks the whole group to end. It says false when that was done
// before, or nothing is left to end.
func (j *job) kill(why banto.Reason, dead *DeadKill) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.gone || j.cause != "" {
		return false
	}
	j.cause, j.dead = why, dead
	j.signal(unix.SIGTERM)
	j.signal(unix.SIGCONT) // a stopped process hears TERM only when it goes on
	return true
}

// killHard ends the whole group for good.
func (j *job) killHard() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.gone {
		j.hard = true
		j.signal(unix.SIGKILL)
		killGroup(j.started.Group)
	}
}

func (j *job) signal(sig unix.Signal) {
	if j.adopted && !j.started.alive() {
		return
	}
	// ESRCH and EPERM: nothing to end, or nothing that we may.
	_ = unix.Kill(-j.started.PID, sig)
}

// leaving comes when the process has ended but its ID is still taken: the last
// moment at which its group can be named for sure. After a kill nobody in it
// outlives the leader.
func (j *job) leaving() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cause != "" {
		_ = unix.Kill(-j.started.PID, unix.SIGKILL)
		killGroup(j.started.Group)
	}
	j.gone = true
}

// left takes the exit status.
func (j *job) left(status syscall.WaitStatus) { j.over(end{status: status, known: true}) }

func (j *job) over(e end) {
	j.ended <- e
	if j.pipe != nil {
		// It fails only when the end of the output was seen already.
		_ = j.pipe.SetReadDeadline(time.Now().Add(holdGrace))
	}
}

// follow stays with the process until both its end and its output's are
// known, and gives the result.
func (j *job) follow(buffers *bufferPool, now func() time.Time) Ended {
	var e end
	known, held := false, false
	if j.pipe != nil {
		held = j.out.pump(j.pipe, buffers, func() bool {
			select {
			case e = <-j.ended:
			default:
				return false
			}
			if known = e.hold == nil; known {
				return false
			}
			e.hold.rest()
			j.readOn()
			return true
		})
	}
	j.drained = true
	for !known {
		if e = <-j.ended; e.hold != nil {
			e.hold.rest()
		}
		known = e.hold == nil
	}
	at := now()
	j.out.finish()
	e.outOfMemory = endGroup(j.started.Group)
	return j.result(e, held, at)
}

// readOn goes on with the output after a rest.
func (j *job) readOn() {
	_ = j.pipe.SetReadDeadline(time.Time{})
	if len(j.ended) > 0 { // it has ended meanwhile
		_ = j.pipe.SetReadDeadline(time.Now().Add(holdGrace))
	}
}

// holdStill asks who follows the job to rest. It says false when the process
// has ended: then there is no more to follow than its result.
func (j *job) holdStill(h *hold) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.gone {
		return false
	}
	select {
	case j.ended <- end{hold: h}:
	default: // it was asked before and has not heard it: too slow
		return true
	}
	if j.pipe != nil {
		_ = j.pipe.SetReadDeadline(time.Unix(1, 0))
	}
	return true
}

// hold stops those who follow jobs at a moment when they have nothing in their
// hands, until resume is closed.
type hold struct {
	resume chan struct{}
	calm   chan struct{} // one for each that stopped
}

func (h *hold) rest() {
	h.calm <- struct{}{}
	<-h.resume
}

func (j *job) result(e end, held bool, at time.Time) Ended {
	j.mu.Lock()
	defer j.mu.Unlock()
	startedAt := j.started.At
	r := Ended{Attempt: j.claim.Attempt, StartedAt: &startedAt, At: at, Reason: j.cause,
		OutputSize: j.out.size.Load(), OutputLost: j.out.lost, OutputHead: j.out.headText()}
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if j.cause != "" {
		note("%s", whyEnded(j.cause, j.dead, j.claim.TimeoutMS))
	}
	if j.hard {
		note("it did not end on TERM and was ended with KILL")
	}
	switch {
	case !e.known:
		if r.Reason == "" {
			r.Reason = banto.ReasonKeeperDied
		}
		note("its keeper had died while it ran: it has ended, but how is not known")
	case e.outOfMemory && r.Reason == "" && (e.status.Signaled() || e.status.ExitStatus() != 0):
		r.Reason = banto.ReasonMemory
		note("it was killed at its memory limit")
		if e.status.Signaled() {
			r.Signal = unix.SignalName(e.status.Signal())
		} else {
			code := e.status.ExitStatus()
			r.Exit = &code
		}
	case e.status.Signaled():
		r.Signal = unix.SignalName(e.status.Signal())
		if r.Signal == "" {
			r.Signal = fmt.Sprintf("signal %d", e.status.Signal())
		}
		if r.Reason == "" {
			r.Reason = banto.ReasonSignal
			note("it was ended by %s", r.Signal)
		}
	default:
		code := e.status.ExitStatus()
		r.Exit = &code
	}
	notes = append(notes, j.notes...)
	if j.lostOutput {
		note("its output after the keeper's death is lost")
	}
	if held {
		note("a process that was left behind still holds the output")
	}
	if j.out.fail != nil {
		note("output could not be written: %v", j.out.fail)
	}
	r.Message = strings.Join(notes, "; ")
	return r
}

// regain takes up the output of a process that an earlier keeper made, where
// the system lets us.
func (j *job) regain(string) {
	j.pipe = j.started.reopenOutput()
	j.lostOutput = j.pipe == nil
}

// watchAdopted waits for a process that an earlier keeper made.
func (j *job) watchAdopted() {
	j.started.awaitEnd()
	j.leaving()
	j.over(end{})
}

// bornHeld says that a process waits for begin.
const bornHeld = false

// begin is for systems that make a process before it may run.
func (j *job) begin() {}
