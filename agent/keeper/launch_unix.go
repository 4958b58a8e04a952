//go:build unix

package keeper

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// maxArg is the longest single argument that Linux takes, with its NUL.
const maxArg = 128 << 10

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// plan is all that is needed to make a process.
type plan struct {
	acc     *account
	program string
	args    []string
	env     []string
	dir     string
	named   bool   // the directory is not the work directory
	group   string // path of a control group to begin in
	nice    int
	known   *paths // that have told where the program is, without a look
	simple  bool   // the program is run without the shell that was asked for
}

// planner turns what is asked for into what the system needs, and says in
// words what is missing.
type planner struct {
	files  *files
	own    *account
	allow  atomic.Pointer[Allow]
	now    func() time.Time
	groups func() *groups // looked for when first needed
	paths  paths
}

func newPlanner(files *files, own *account, allow Allow, now func() time.Time) *planner {
	p := &planner{files: files, own: own, now: now, groups: sync.OnceValue(func() *groups { return openGroups(files.dir) })}
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
	acc, no := p.own.become(s.Spec.Account, *p.allow.Load(), p.now())
	if no != nil {
		return nil, no
	}
	work, err := p.files.workDir(tracker, acc)
	if err != nil {
		return nil, refuse(banto.ReasonNotStarted, "cannot make the work directory: %v", err)
	}
	vars := p.files.varsPath(s.Attempt)
	if acc.uid != p.own.uid {
		scratch, err := p.files.scratch(s.Attempt, acc)
		if err != nil {
			return nil, refuse(banto.ReasonNotStarted, "cannot make the directory of $BANTO_VARS: %v", err)
		}
		vars = filepath.Join(scratch, "vars")
	}
	out := &plan{acc: acc, dir: work, env: environment(s, acc, tracker, work, vars)}
	if s.Spec.Dir != "" {
		out.dir = s.Spec.Dir
		if !filepath.IsAbs(out.dir) {
			out.dir = filepath.Join(work, out.dir)
		}
		out.named = true
		l.see("the directory " + out.dir)
		if no := checkDir(out.dir); no != nil {
			return nil, no
		}
	}
	if no := p.command(out, s, l); no != nil {
		return nil, no
	}
	out.try(l)
	return out, nil
}

func (p *planner) command(out *plan, s Start, l *look) *refusal {
	path, _ := lookEnv(out.env, "PATH")
	if words := simple(s); words != nil && path == defaultPath {
		if program, no := p.find(out, words[0], false, path, l); no == nil {
			out.program, out.args, out.simple = program, words, true
			out.env = append(out.env, "PWD="+out.dir) // as a shell does
			return nil
		}
	}
	name, shell := programOf(s)
	program, no := p.find(out, name, shell, path, l)
	if no != nil {
		return no
	}
	out.program = program
	if !shell {
		out.args = s.Spec.Args
		return nil
	}
	return p.script(out, s, name)
}

// find finds a program, or a shell.
func (p *planner) find(out *plan, name string, shell bool, path string, l *look) (program string, no *refusal) {
	standard := path == defaultPath
	if program, known := p.paths.where(name, p.now()); known && standard {
		out.known = &p.paths
		return program, nil
	}
	if shell {
		l.see("PATH, where its shell " + name + " is looked for,")
		program, no = lookShell(name, path, out.dir)
	} else {
		l.see("the program " + name)
		program, no = lookProgram(name, path, out.dir)
	}
	if no == nil && standard {
		p.paths.note(name, program, p.now())
	}
	return program, no
}

// programOf gives the name of what a start runs, and whether that is a shell.
func programOf(s Start) (name string, shell bool) {
	if s.Spec.Script == "" && len(s.Spec.Args) > 0 {
		return s.Spec.Args[0], false
	}
	return cmp.Or(s.Spec.Shell, "sh"), true
}

// script gives a shell its script.
func (p *planner) script(out *plan, s Start, shell string) *refusal {
	file := ""
	if len(s.Spec.Script) >= maxArg {
		var err error
		if file, err = p.files.script(s.Attempt, out.acc, scriptName(shell), s.Spec.Script); err != nil {
			return refuse(banto.ReasonNotStarted, "cannot write the script: %v", err)
		}
	}
	out.args = shellArgs(shell, s.Spec.Script, file)
	return nil
}

// scriptName names the file of a script as its shell wants it.
func scriptName(shell string) string {
	if shell == "pwsh" {
		return "script.ps1"
	}
	return "script"
}

// environment gives what a job sees: a small clean set, the definition's
// values over it, and BANTO_* over those.
func environment(s Start, acc *account, tracker banto.TrackerID, work, vars string) []string {
	env := []string{"PATH=" + defaultPath, "HOME=" + acc.home, "LANG=C.UTF-8"}
	env = append(env, s.Spec.Env...)
	env = append(env,
		"BANTO_TRACKER="+string(tracker),
		"BANTO_PART="+string(s.Spec.Part),
		"BANTO_ATTEMPT="+string(s.Attempt),
		"BANTO_DATE="+s.Spec.Date.String(),
		"BANTO_WORK="+work,
		"BANTO_VARS="+vars,
	)
	// The last value of a name holds, and programs differ in which they see.
	seen := make(map[string]bool, len(env))
	out := make([]string, 0, len(env))
	for _, pair := range slices.Backward(env) {
		name, _, ok := strings.Cut(pair, "=")
		if ok && name != "" && !seen[name] {
			seen[name] = true
			out = append(out, pair)
		}
	}
	slices.Reverse(out)
	return out
}

func lookEnv(env []string, name string) (string, bool) {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func checkDir(dir string) *refusal {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return refuse(banto.ReasonNoDirectory, "the directory %s does not exist", dir)
	case errors.Is(err, fs.ErrPermission):
		return refuse(banto.ReasonNoRight, "the directory %s cannot be entered: permission denied", dir)
	case err != nil:
		return refuse(banto.ReasonNoDirectory, "the directory %s cannot be entered: %v", dir, err)
	case !info.IsDir():
		return refuse(banto.ReasonNoDirectory, "%s is not a directory", dir)
	}
	if err := unix.Access(dir, unix.X_OK); err != nil {
		return refuse(banto.ReasonNoRight, "the directory %s cannot be entered: permission denied", dir)
	}
	return nil
}

// lookProgram finds a program as a shell does: by the job's own PATH when its
// name has no slash, else from the job's directory.
func lookProgram(name, path, dir string) (string, *refusal) {
	if name == "" {
		return "", refuse(banto.ReasonNoProgram, "the name of the program is empty")
	}
	if strings.Contains(name, "/") {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		switch err := executable(file); {
		case err == nil:
			return file, nil
		case errors.Is(err, fs.ErrPermission):
			return "", refuse(banto.ReasonNoRight, "the program %s cannot be run: permission denied", file)
		case errors.Is(err, syscall.EISDIR):
			return "", refuse(banto.ReasonNoProgram, "%s is a directory, not a program", file)
		default:
			return "", refuse(banto.ReasonNoProgram, "the program %s does not exist", file)
		}
	}
	denied := ""
	for _, at := range filepath.SplitList(path) {
		if !filepath.IsAbs(at) {
			at = filepath.Join(dir, at)
		}
		file := filepath.Join(at, name)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if errors.Is(err, fs.ErrPermission) && denied == "" {
			denied = file
		}
	}
	if denied != "" {
		return "", refuse(banto.ReasonNoRight, "the program %s cannot be run: permission denied", denied)
	}
	return "", refuse(banto.ReasonNoProgram, "the program %s was not found in PATH (%s)", name, path)
}

func executable(file string) error {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return syscall.EISDIR
	}
	return unix.Access(file, unix.X_OK)
}

// makeProcess makes the process of a plan, in a session and group of its own.
func (p *plan) makeProcess(null, output *os.File) (int, error) {
	attr := &syscall.SysProcAttr{Setsid: true, Credential: p.acc.credential}
	if p.group != "" {
		group, err := os.Open(p.group)
		if err != nil {
			return 0, err
		}
		defer group.Close()
		intoGroup(attr, group)
	}
	return p.gently(func() (int, error) {
		return syscall.ForkExec(p.program, p.args, &syscall.ProcAttr{
			Dir: p.dir, Env: p.env,
			Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
			Sys:   attr,
		})
	})
}

// refusalOf says why the system did not make the process. What can be looked
// at beforehand was: these are the rest.
func (p *plan) refusalOf(err error) *refusal {
	switch {
	case errors.Is(err, syscall.EACCES) && p.acc.credential != nil:
		if at := p.acc.stoppedAt(p.dir); at != "" {
			return refuse(banto.ReasonNoRight, "%s may not enter %s, on the way to its directory %s", p.acc, at, p.dir)
		}
		return refuse(banto.ReasonNoRight, "%s may not run %s", p.acc, p.program)
	case errors.Is(err, fs.ErrPermission):
		return refuse(banto.ReasonNoRight, "%s cannot be run in %s: permission denied", p.program, p.dir)
	case errors.Is(err, syscall.ENOENT):
		return refuse(banto.ReasonNoProgram, "the interpreter that %s names does not exist", p.program)
	case errors.Is(err, syscall.ENOEXEC):
		return refuse(banto.ReasonNotStarted, "%s is neither a program of this machine nor a script that begins with #!", p.program)
	case errors.Is(err, syscall.E2BIG):
		return refuse(banto.ReasonNotStarted, "the arguments and the environment are larger than the system allows")
	case errors.Is(err, syscall.EINVAL):
		return refuse(banto.ReasonNotStarted, "an argument, the script or the environment has a NUL character")
	}
	return refuse(banto.ReasonNotStarted, "cannot run %s: %v", p.program, err)
}

func (k *keeper) spawn(s Start, plan *plan) *refusal {
	r, w, err := outputPipe()
	if err != nil {
		return refuse(banto.ReasonNotStarted, "cannot make a pipe: %v", err)
	}
	defer w.Close()
	j := k.newJob(claimOf(s))
	j.uid, j.pipe = plan.acc.uid, r
	if s.Spec.Limits != nil {
		j.notes = k.planner.limit(plan, s.Attempt, *s.Spec.Limits)
	}
	j.started = startedRecord{Attempt: s.Attempt, At: k.opt.Now(), After: bootNow(), Pipe: inode(r), Group: plan.group, DeadManMS: s.Spec.DeadManMS}
	err = k.reaper.fork(j, func() (int, error) { return plan.makeProcess(k.null, w) }, func(pid int) {
		j.started.PID, j.started.Before = pid, bootNow()
	})
	if err != nil {
		r.Close()
		endGroup(plan.group)
		return plan.refusalOf(err)
	}
	if note := setNice(j.started.PID, plan.nice); note != "" {
		j.notes = append(j.notes, note)
	}
	k.put(input{launched: j})
	go k.stay(j)
	return nil
}
