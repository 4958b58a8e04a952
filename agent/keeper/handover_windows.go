package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

// A process of Windows cannot become another binary. The keeper starts the new
// one as a keeper of its own, which takes over what runs as after a death:
// processes, job objects and pipes, by what is in the journal. The old one goes
// only when the new one serves: until then its handles keep the exit codes of
// jobs that end in between.

// patience is how long the other binary may take to answer or to start.
const patience = 30 * time.Second

// handover is for systems on which a process becomes another binary.
type handover struct {
	Allow        Allow
	Queue        []Start
	lock, socket *os.File
}

// handing is a keeper's way to another binary.
type handing struct {
	exe  string
	able bool // it has said that it can go on
	can  able
	done bool // this one does nothing more
}

// replacement is what the loop hears on that way.
type replacement struct {
	exe string
	can able
	err error // why it cannot be
}

// replace begins to hand over to another binary: it is asked first.
func (k *keeper) replace(exe string) {
	if k.handing != nil {
		return // on its way already
	}
	k.handing = &handing{exe: exe}
	go func() {
		can, err := ask(exe)
		k.put(input{replace: &replacement{exe: exe, can: can, err: err}})
	}()
}

// ask runs the other binary for what it says about itself.
func ask(exe string) (can able, err error) {
	if !filepath.IsAbs(exe) {
		return can, errors.New("its path is not absolute")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "keeper", "--check")
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
	said, err := cmd.Output()
	if err != nil {
		return can, fmt.Errorf("its check failed: %w", err)
	}
	if err := json.Unmarshal(said, &can); err != nil {
		return can, fmt.Errorf("its check said %q", cutText(strings.TrimSpace(string(said)), 300))
	}
	return can, can.follow()
}

// replacing takes what was heard of the other binary.
func (k *keeper) replacing(r *replacement) {
	switch {
	case k.handing == nil || r.exe != k.handing.exe:
	case r.err == nil:
		k.handing.able, k.handing.can = true, r.can
	default:
		k.goOn(r.err)
	}
}

// goOn stays the old binary and says why.
func (k *keeper) goOn(err error) {
	why := fmt.Sprintf("the keeper stays version %s, as it cannot hand over to %s: %v", k.hello.Version, k.handing.exe, err)
	k.log.Warn("the keeper was not replaced", "by", k.handing.exe, "error", err)
	k.handing = nil
	for s := range k.sessions {
		s.tell(Event{NotReplaced: why})
	}
}

// handOver lets go of everything as soon as no start and no end is under way,
// and says that this keeper has nothing more to do.
func (k *keeper) handOver() bool {
	if k.handing == nil || !k.handing.able || len(k.in) > 0 || k.claims.live != len(k.jobs) {
		return false
	}
	if err := k.readable(k.handing.can); err != nil {
		k.goOn(err)
		return false
	}
	var resting []*job
	for _, j := range k.jobs {
		if !j.rest() { // its result is on its way to us
			for _, other := range resting {
				other.mu.Lock()
				other.handed = false
				other.mu.Unlock()
			}
			return false
		}
		resting = append(resting, j)
	}
	fx := effects{}
	for _, j := range resting {
		if j.pipe != nil {
			j.pipe.rest()
			<-j.pipe.rested
		}
	}
	if err := k.leavePipes(resting); err != nil {
		k.log.Warn("the output of jobs that end just now may be lost", "error", err)
	}
	k.claims.noteContact(&fx, 0)
	if err := k.journal.append(fx.records, false); err != nil {
		k.log.Warn("the next keeper may think that there was no contact for longer than there was", "error", err)
	}
	k.journal.close()
	k.handing.done = true
	return true
}

// leftName is the file in which a keeper that hands over says where it holds
// the outputs: out of a job that has ended meanwhile nobody can take them.
const leftName = "handover"

// leftPipes are handles of a process.
type leftPipes struct {
	Holder startedRecord              `json:"holder"`
	Pipes  map[banto.AttemptID]uint64 `json:"pipes"`
}

func (k *keeper) leavePipes(jobs []*job) error {
	left := leftPipes{Holder: startedRecord{PID: os.Getpid()}, Pipes: make(map[banto.AttemptID]uint64)}
	var err error
	if left.Holder.Born, err = born(windows.CurrentProcess()); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.pipe != nil {
			left.Pipes[j.claim.Attempt] = uint64(j.pipe.h)
		}
	}
	text, err := json.Marshal(left)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(k.opt.Dir, leftName), text, 0o600)
}

// leftPipe takes the output of an attempt over from the keeper that holds it.
func leftPipe(dir string, id banto.AttemptID) (windows.Handle, error) {
	text, err := os.ReadFile(filepath.Join(dir, leftName))
	if err != nil {
		return 0, err
	}
	var left leftPipes
	if err := json.Unmarshal(text, &left); err != nil {
		return 0, err
	}
	return left.Holder.take(left.Pipes[id])
}

// take takes a copy of a handle out of a process.
func (s *startedRecord) take(h uint64) (taken windows.Handle, err error) {
	if h == 0 {
		return 0, windows.ERROR_INVALID_HANDLE
	}
	process, err := s.open(windows.PROCESS_DUP_HANDLE)
	if err != nil {
		return 0, err
	}
	defer windows.CloseHandle(process) //nolint:errcheck // it is ours
	err = windows.DuplicateHandle(process, windows.Handle(h), windows.CurrentProcess(), &taken, 0, false, windows.DUPLICATE_SAME_ACCESS)
	return taken, err
}

// rest says from now on that the job is another keeper's; false when its
// process has ended.
func (j *job) rest() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handed = !j.gone
	return j.handed
}

// startNext starts the keeper that goes on, once this one has closed. Should
// the new binary fail, this one's own goes on as a new process.
func (k *keeper) startNext() {
	if k.handing == nil || !k.handing.done {
		return
	}
	own, err := os.Executable()
	if err != nil {
		own = k.handing.exe
	}
	for _, exe := range []string{k.handing.exe, own} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := startKeeper(ctx, ClientOptions{Dir: k.opt.Dir, Exe: exe, Allow: *k.planner.allow.Load()})
		cancel()
		if err == nil || errors.Is(err, ErrBusy) { // an agent was faster
			os.Remove(filepath.Join(k.opt.Dir, leftName))
			k.log.Info("the keeper has handed over", "to", exe, "jobs", len(k.jobs))
			return
		}
		k.log.Error("the next keeper did not start", "binary", exe, "error", err)
	}
}

func inherit() (*handover, error) { return nil, nil } //nolint:nilnil // nothing, and nothing wrong

func (k *keeper) regainJobs(*handover) {}

func listenOn(*os.File) (net.Listener, error) {
	return nil, banto.Fail(banto.KindInternal, "cannot open the keeper's socket", "", "")
}
