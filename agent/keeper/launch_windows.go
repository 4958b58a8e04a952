package keeper

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

// plan is all that is needed to make a process.
type plan struct {
	program string
	line    string // its arguments, joined
	env     []string
	dir     string
	nice    int
}

// planner turns what is asked for into what the system needs, and says in
// words what is missing.
type planner struct {
	files *files
	own   *account
	allow atomic.Pointer[Allow]
	env   func() []string // that a fresh logon has
}

// sure says whether a plan needs no look at a file system but our own.
func (p *planner) sure(Start) bool { return false }

// stale says whether another plan may do better.
func (p *plan) stale() bool { return false }

func newPlanner(files *files, own *account, allow Allow, _ func() time.Time) *planner {
	p := &planner{files: files, own: own, env: logonEnvironment}
	p.permit(allow)
	return p
}

// permit says from now on which OS users jobs may run as.
func (p *planner) permit(allow Allow) { p.allow.Store(&allow) }

func (p *planner) plan(s Start, l *look) (*plan, *refusal) {
	tracker, _, err := s.Attempt.Split()
	if err != nil {
		return nil, refuse(banto.ReasonNotStarted, "%v", err)
	}
	acc, no := p.own.find(s.Spec.Account)
	if no != nil {
		return nil, no
	}
	work, err := p.files.workDir(tracker, acc)
	if err != nil {
		return nil, refuse(banto.ReasonNotStarted, "cannot make the work directory: %v", err)
	}
	out := &plan{dir: work, env: environment(p.env(), s, tracker, work, p.files.varsPath(s.Attempt))}
	if s.Spec.Limits != nil {
		out.nice = s.Spec.Limits.Nice
	}
	if s.Spec.Dir != "" {
		out.dir = filepath.FromSlash(s.Spec.Dir)
		if !filepath.IsAbs(out.dir) {
			out.dir = filepath.Join(work, out.dir)
		}
		l.see("the directory " + out.dir)
		if no := checkDir(out.dir); no != nil {
			return nil, no
		}
	}
	l.see("the path on which its program is looked for")
	if s.Spec.Script == "" && len(s.Spec.Args) > 0 {
		return out, p.programCommand(out, s)
	}
	return out, p.shellCommand(out, s)
}

func checkDir(dir string) *refusal {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse(banto.ReasonNoDirectory, "the directory %s does not exist", dir)
	case errors.Is(err, fs.ErrPermission):
		return refuse(banto.ReasonNoRight, "the directory %s cannot be entered: permission denied", dir)
	case err != nil:
		return refuse(banto.ReasonNoDirectory, "the directory %s cannot be entered: %v", dir, err)
	case !info.IsDir():
		return refuse(banto.ReasonNoDirectory, "%s is not a directory", dir)
	}
	return nil
}

// makeProcess makes the process of a plan, which does not run yet. It has a
// console of its own that nobody sees, no input, and no handle of ours but its
// end of the output.
func (p *plan) makeProcess(output windows.Handle) (made windows.ProcessInformation, err error) {
	program, err := windows.UTF16PtrFromString(p.program)
	if err != nil {
		return made, err
	}
	line, err := windows.UTF16PtrFromString(p.line)
	if err != nil {
		return made, err
	}
	dir, err := windows.UTF16PtrFromString(p.dir)
	if err != nil {
		return made, err
	}
	env, err := environmentBlock(p.env)
	if err != nil {
		return made, err
	}
	null, err := windows.CreateFile(windows.StringToUTF16Ptr("NUL"), windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, inheritable(), windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return made, err
	}
	defer windows.CloseHandle(null) //nolint:errcheck // it is ours
	handed := []windows.Handle{null, output}
	list, err := windows.NewProcThreadAttributeList(1)
	if err != nil {
		return made, err
	}
	defer list.Delete()
	if err := list.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&handed[0]),
		uintptr(len(handed))*unsafe.Sizeof(handed[0])); err != nil {
		return made, err
	}
	var start windows.StartupInfoEx
	start.Cb = uint32(unsafe.Sizeof(start))
	start.Flags = windows.STARTF_USESTDHANDLES
	start.StdInput, start.StdOutput, start.StdErr = null, output, output
	start.ProcThreadAttributeList = list.List()
	err = windows.CreateProcess(program, line, nil, nil, true,
		windows.CREATE_SUSPENDED|windows.CREATE_NO_WINDOW|windows.CREATE_NEW_PROCESS_GROUP|
			windows.CREATE_UNICODE_ENVIRONMENT|windows.EXTENDED_STARTUPINFO_PRESENT|priorityClass(p.nice),
		&env[0], dir, &start.StartupInfo, &made)
	return made, err
}

// refusalOf says why the system did not make the process. What can be looked
// at beforehand was: these are the rest.
func (p *plan) refusalOf(err error) *refusal {
	switch {
	case errors.Is(err, windows.ERROR_FILE_NOT_FOUND), errors.Is(err, windows.ERROR_PATH_NOT_FOUND):
		return refuse(banto.ReasonNoProgram, "the program %s does not exist", p.program)
	case errors.Is(err, windows.ERROR_DIRECTORY):
		return refuse(banto.ReasonNoDirectory, "the directory %s cannot be entered", p.dir)
	case errors.Is(err, windows.ERROR_ELEVATION_REQUIRED):
		return refuse(banto.ReasonNoRight, "%s wants an elevated user: run the agent as a service, or as an administrator", p.program)
	case errors.Is(err, windows.ERROR_VIRUS_INFECTED):
		return refuse(banto.ReasonNoRight, "%s cannot be run: the virus scanner of this host forbids it", p.program)
	case errors.Is(err, fs.ErrPermission):
		return refuse(banto.ReasonNoRight, "%s cannot be run in %s: permission denied", p.program, p.dir)
	case errors.Is(err, windows.ERROR_BAD_EXE_FORMAT), errors.Is(err, windows.ERROR_EXE_MACHINE_TYPE_MISMATCH):
		return refuse(banto.ReasonNotStarted, "%s is not a program of this machine", p.program)
	case errors.Is(err, windows.ERROR_FILENAME_EXCED_RANGE):
		return refuse(banto.ReasonNotStarted, "the arguments are longer than the 32,767 characters that Windows allows, or the directory's name is too long")
	case errors.Is(err, windows.ERROR_INVALID_PARAMETER), errors.Is(err, syscall.EINVAL):
		return refuse(banto.ReasonNotStarted, "an argument, the script or the environment has a NUL character, or is larger than Windows allows")
	}
	if no := refusedLogon("", err); no != nil {
		return no
	}
	return refuse(banto.ReasonNotStarted, "cannot run %s: %v", p.program, err)
}

func (k *keeper) spawn(s Start, plan *plan) *refusal {
	r, w, err := streamPipe()
	if err != nil {
		return refuse(banto.ReasonNotStarted, "cannot make a pipe: %v", err)
	}
	defer windows.CloseHandle(w) //nolint:errcheck // it is ours
	pipe, err := newOutputEnd(r)
	if err != nil {
		windows.CloseHandle(r) //nolint:errcheck // it is ours
		return refuse(banto.ReasonNotStarted, "cannot make a pipe: %v", err)
	}
	j := k.newJob(claimOf(s))
	j.pipe, j.limits = pipe, s.Spec.Limits
	j.started = startedRecord{Attempt: s.Attempt, At: k.opt.Now(), After: bootNow(), Object: `Global\banto-job-` + newGeneration() + newGeneration(), DeadManMS: s.Spec.DeadManMS}
	if no := j.make(plan, w); no != nil {
		j.leaving()
		pipe.close()
		return no
	}
	j.started.Before = bootNow()
	k.put(input{launched: j})
	go j.watch()
	go k.stay(j)
	return nil
}

// make makes the process and puts it into its job object. After an error what
// there is of it is ended and given back by leaving.
func (j *job) make(plan *plan, output windows.Handle) *refusal {
	var err error
	if j.object, j.notes, err = newObject(j.started.Object, j.limits); err != nil {
		return refuse(banto.ReasonNotStarted, "cannot make a job object: %v", err)
	}
	made, err := plan.makeProcess(output)
	if err != nil {
		return plan.refusalOf(err)
	}
	j.process, j.thread, j.started.PID = made.Process, made.Thread, int(made.ProcessId)
	if err = windows.AssignProcessToJobObject(j.object, j.process); err != nil {
		windows.TerminateProcess(j.process, killedCode) //nolint:errcheck // it waits, and is ours
		return refuse(banto.ReasonNotStarted, "cannot put the process into its job object: %v", err)
	}
	if j.started.Born, err = born(j.process); err != nil {
		j.end()
		return refuse(banto.ReasonNotStarted, "cannot look at the new process: %v", err)
	}
	// The process keeps the reading end of its own output open, for the next
	// keeper, should this one die: what it writes meanwhile waits in the pipe.
	var kept windows.Handle
	if err := windows.DuplicateHandle(windows.CurrentProcess(), j.pipe.h, j.process, &kept, 0, false, windows.DUPLICATE_SAME_ACCESS); err == nil {
		j.started.Pipe = uint64(kept)
	}
	return nil
}
