package keeper

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

// holdGrace is how long the output is waited for once the process has ended:
// somebody else may hold the pipe.
const holdGrace = 200 * time.Millisecond

// killedCode is the exit code of processes that were ended with their job
// object.
const killedCode = 0xB0A27001

// job is a process of an attempt, from the moment it was made to its result,
// in a job object that holds all its children too.
type job struct {
	claim   claimRecord
	started startedRecord
	adopted bool // made by an earlier keeper
	uid     int  // always 0
	out     *kept
	pipe    *outputEnd // nil when the output of an adopted one is out of reach
	ended   chan end   // its exit, once
	limits  *banto.Limits
	notes   []string // on limits that this host cannot set

	object  windows.Handle // the job object; 0 when that of an adopted one is out of reach
	process windows.Handle
	thread  windows.Handle // its first, until it was begun

	mu     sync.Mutex
	gone   bool         // the process has ended, and its handles are given back
	handed bool         // to another keeper: only the handles are held
	cause  banto.Reason // why it was ended, when we did it
	dead   *DeadKill    // by a dead-man's limit
	hard   bool         // with its job object
}

// end is what is known of a process's end.
type end struct {
	code  uint32
	known bool
}

// newObject makes a job object for a process that has not begun: should the
// keeper die before begin, the process goes with it, and has never run. So what
// has run is always on record.
func newObject(name string, limits *banto.Limits) (object windows.Handle, notes []string, err error) {
	sa, err := ownAlone()
	if err != nil {
		return 0, nil, err
	}
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, nil, err
	}
	if object, err = windows.CreateJobObject(sa, text); err != nil {
		return 0, nil, err
	}
	if notes, err = setLimits(object, limits, windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE); err != nil {
		windows.CloseHandle(object) //nolint:errcheck // it is ours
		return 0, nil, err
	}
	return object, notes, nil
}

// setLimits sets what a job object allows, and says what this host cannot.
func setLimits(object windows.Handle, limits *banto.Limits, flags uint32) (notes []string, err error) {
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	basic := &info.BasicLimitInformation
	basic.LimitFlags = flags
	if limits == nil {
		limits = &banto.Limits{}
	}
	if limits.Memory > 0 {
		basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_JOB_MEMORY
		info.JobMemoryLimit = uintptr(limits.Memory)
	}
	if limits.Processes > 0 {
		basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS
		basic.ActiveProcessLimit = uint32(limits.Processes)
	}
	if class := priorityClass(limits.Nice); class != windows.NORMAL_PRIORITY_CLASS {
		basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_PRIORITY_CLASS
		basic.PriorityClass = class
	}
	if _, err := windows.SetInformationJobObject(object, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
		return nil, err
	}
	if limits.CPU > 0 {
		const enable, hardCap = 1, 4
		rate := struct{ flags, rate uint32 }{enable | hardCap, cpuRate(limits.CPU, runtime.NumCPU())}
		if _, err := windows.SetInformationJobObject(object, windows.JobObjectCpuRateControlInformation,
			uintptr(unsafe.Pointer(&rate)), uint32(unsafe.Sizeof(rate))); err != nil {
			notes = append(notes, fmt.Sprintf("its CPU limit could not be set: %v", err))
		}
	}
	if limits.Files > 0 {
		notes = append(notes, "Windows has no limit of open files: that one was not set")
	}
	return notes, nil
}

// cpuRate turns percent of one processor into hundredths of a percent of all.
func cpuRate(percent, processors int) uint32 {
	return uint32(min(max(percent*100/max(processors, 1), 1), 10_000))
}

// priorityClass gives the class of a nice value.
func priorityClass(nice int) uint32 {
	switch {
	case nice >= 15:
		return windows.IDLE_PRIORITY_CLASS
	case nice >= 1:
		return windows.BELOW_NORMAL_PRIORITY_CLASS
	}
	return windows.NORMAL_PRIORITY_CLASS
}

// bornHeld says that a process waits for begin.
const bornHeld = true

// begin lets the process run, once its start is on record: from now on it
// outlives the keeper. It holds a handle of its own job object, so that the
// object keeps its name and the next keeper finds it.
func (j *job) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.thread == 0 {
		return
	}
	var kept windows.Handle
	_, err := setLimits(j.object, j.limits, 0)
	if err == nil {
		err = windows.DuplicateHandle(windows.CurrentProcess(), j.object, j.process, &kept, 0, false, windows.DUPLICATE_SAME_ACCESS)
	}
	if err != nil {
		j.notes = append(j.notes, fmt.Sprintf("it would not have outlived its keeper: %v", err))
	}
	windows.ResumeThread(j.thread) //nolint:errcheck // it is ours, and waits
	windows.CloseHandle(j.thread)  //nolint:errcheck // as above
	j.thread = 0
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
	go breakGroup(j.started.PID)
	return true
}

// consoles lets one goroutine at a time attach this process to a console.
type consoles struct{ mu sync.Mutex }

// console is the one that this process may attach to.
var console consoles

// breakGroup sends CTRL_BREAK to a job's processes: those that share its
// console, which is its own, and have not left its group.
func breakGroup(pid int) {
	console.mu.Lock()
	defer console.mu.Unlock()
	freeConsole()
	if attachConsole(pid) == nil {
		windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(pid)) //nolint:errcheck // what does not hear it is ended after the grace
		freeConsole()
	}
}

// killHard ends the whole tree for good.
func (j *job) killHard() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.gone {
		j.hard = true
		j.end()
	}
}

// end ends all that is in the job object. A process that is out of reach has no
// object, and is ended by itself.
func (j *job) end() {
	if j.object != 0 {
		windows.TerminateJobObject(j.object, killedCode) //nolint:errcheck // whether it worked is seen by its end
		return
	}
	windows.TerminateProcess(j.process, killedCode) //nolint:errcheck // as above
}

// watch waits for the process and takes its exit code, which Windows gives to
// whoever has a handle.
func (j *job) watch() {
	windows.WaitForSingleObject(j.process, windows.INFINITE) //nolint:errcheck // the handle is ours
	var e end
	e.known = windows.GetExitCodeProcess(j.process, &e.code) == nil
	j.leaving()
	j.over(e)
}

// leaving comes when the process has ended. After a kill nobody in its job
// object outlives it.
func (j *job) leaving() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.handed {
		return // the next keeper opens the process by its ID while we hold it
	}
	if j.cause != "" {
		j.end()
	}
	j.gone = true
	for _, h := range []*windows.Handle{&j.object, &j.process, &j.thread} {
		if *h != 0 {
			windows.CloseHandle(*h) //nolint:errcheck // it is ours
			*h = 0
		}
	}
}

func (j *job) over(e end) {
	if j.pipe != nil {
		j.pipe.hurry(time.Now())
	}
	j.ended <- e
}

// follow stays with the process until both its end and its output's are
// known, and gives the result.
func (j *job) follow(buffers *bufferPool, now func() time.Time) Ended {
	held := false
	if j.pipe != nil {
		held = j.out.pump(j.pipe, buffers)
		close(j.pipe.rested)
		if j.pipe.resting.Load() {
			select {} // until this process ends: the job is another keeper's
		}
	}
	e := <-j.ended
	if j.pipe != nil {
		j.pipe.close()
	}
	at := now()
	j.out.finish()
	return j.result(e, held, at)
}

func (j *job) result(e end, held bool, at time.Time) Ended {
	j.mu.Lock()
	defer j.mu.Unlock()
	startedAt := j.started.At
	r := Ended{Attempt: j.claim.Attempt, StartedAt: &startedAt, At: at, Reason: j.cause,
		OutputSize: j.out.size.Load(), OutputLost: j.out.lost, OutputHead: j.out.headText()}
	notes := j.notes
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if j.cause != "" {
		note("%s", whyEnded(j.cause, j.dead, j.claim.TimeoutMS))
	}
	switch {
	case !e.known:
		if r.Reason == "" {
			r.Reason = banto.ReasonKeeperDied
		}
		note("its keeper had died while it ran: it has ended, but how is not known")
	case j.hard && e.code == killedCode:
		note("it did not end on CTRL_BREAK and was ended with its job object")
	default:
		code := int(e.code)
		r.Exit = &code
	}
	if j.adopted && j.pipe == nil {
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

// regain opens again what the keeper that made the process had open: the
// process for its exit code, its job object for a kill, and the reading end of
// its output, out of the hands of the keeper that hands over, or of the job's
// own.
func (j *job) regain(dir string) {
	process, err := j.started.open(windows.PROCESS_TERMINATE)
	if err != nil {
		return
	}
	j.process = process
	if object, err := openJobObject(j.started.Object); err == nil {
		j.object = object
	}
	pipe, err := leftPipe(dir, j.claim.Attempt)
	if err != nil {
		pipe, err = j.started.take(j.started.Pipe)
	}
	if err != nil {
		return
	}
	if j.pipe, err = newOutputEnd(pipe); err != nil {
		windows.CloseHandle(pipe) //nolint:errcheck // it is ours
		j.pipe = nil
	}
}

// watchAdopted waits for a process that an earlier keeper made.
func (j *job) watchAdopted() {
	if j.process == 0 {
		j.leaving()
		j.over(end{})
		return
	}
	j.watch()
}
