package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// handoverEnv names the environment variable that tells a keeper, which just
// was another binary, the numbers of three open files: what was left to it, the
// lock and the socket.
const handoverEnv = "BANTO_KEEPER_HANDOVER"

// patience is how long what is under way may take before a keeper gives up
// becoming another binary.
const patience = 10 * time.Second

// handover is what a keeper leaves to the binary that it becomes, beside the
// journal: what only its memory holds. Files go by their numbers.
type handover struct {
	Form      int              `json:"form"`
	From      string           `json:"from"` // version
	Allow     Allow            `json:"allow"`
	Contact   time.Duration    `json:"contact,omitempty"`
	Jobs      []handedJob      `json:"jobs"`
	Queue     []Start          `json:"queue"` // claimed, and not yet begun
	Deadlines []handedDeadline `json:"deadlines"`

	lock   *os.File
	socket *os.File
}

type handedJob struct {
	Claim   claimRecord   `json:"claim"`
	Started startedRecord `json:"started"`
	Adopted bool          `json:"adopted,omitempty"`
	UID     int           `json:"uid"`
	Pipe    int           `json:"pipe"` // 0: none, or read to its end
	Cause   banto.Reason  `json:"cause,omitempty"`
	Hard    bool          `json:"hard,omitempty"`
	Dead    *DeadKill     `json:"dead,omitempty"`
	Notes   []string      `json:"notes,omitempty"`
	Stuck   bool          `json:"stuck,omitempty"`
	Lost    bool          `json:"lost,omitempty"` // output, while there was no keeper
	Output  handedOutput  `json:"output"`
}

// handedOutput is what is known of an output beside its file.
type handedOutput struct {
	Tail []byte `json:"tail,omitempty"`
	Next int    `json:"next,omitempty"`
	Over int64  `json:"over,omitempty"`
	Fail string `json:"fail,omitempty"`
}

type handedDeadline struct {
	At      int64           `json:"at"`
	Attempt banto.AttemptID `json:"attempt"`
	Why     banto.Reason    `json:"why,omitempty"`
}

// handing is a keeper's way to another binary.
type handing struct {
	exe   string
	limit *time.Timer
	quiet bool // nothing is being started
	can   able // what the other binary says of itself
}

// replacement is what the loop hears on that way.
type replacement struct {
	exe   string
	can   able
	err   error // why it cannot be
	quiet bool  // nothing is being started any more
}

// replace begins to become another binary: the new one is asked first.
func (k *keeper) replace(exe string) {
	if k.handing != nil {
		return // on its way already
	}
	k.handing = &handing{exe: exe, limit: time.AfterFunc(patience, func() {
		k.put(input{replace: &replacement{exe: exe, err: errors.New("what is being started or ended takes too long")}})
	})}
	go func() {
		can, err := k.ask(exe)
		k.put(input{replace: &replacement{exe: exe, can: can, err: err}})
	}()
}

// replacing takes what was heard of the other binary: that it cannot be, that
// it can, or that nothing is being started any more.
func (k *keeper) replacing(r *replacement) {
	switch {
	case k.handing == nil || r.exe != k.handing.exe:
	case r.err != nil:
		k.goOn(r.err)
	case r.quiet && k.looks.any():
		k.goOn(errors.New("a file system does not answer, and what waits for it cannot be left"))
	case r.quiet:
		k.handing.quiet = true
	default:
		k.handing.can = r.can
		k.starter.pause(func() { go k.put(input{replace: &replacement{exe: r.exe, quiet: true}}) })
	}
}

// goOn stays the old binary and says why.
func (k *keeper) goOn(err error) {
	why := fmt.Sprintf("the keeper stays version %s, as it cannot become %s: %v", k.hello.Version, k.handing.exe, err)
	k.log.Warn("the keeper was not replaced", "by", k.handing.exe, "error", err)
	k.handing.limit.Stop()
	k.handing = nil
	k.starter.goOn()
	for s := range k.sessions {
		s.tell(Event{NotReplaced: why})
	}
}

// ask runs the other binary for what it says about itself.
func (k *keeper) ask(exe string) (can able, err error) {
	if !filepath.IsAbs(exe) {
		return can, errors.New("its path is not absolute")
	}
	if err := executable(exe); err != nil {
		return can, fmt.Errorf("it cannot be run: %w", err)
	}
	r, w, err := outputPipe()
	if err != nil {
		return can, err
	}
	defer r.Close()
	p := prober{ended: make(chan syscall.WaitStatus, 1)}
	var pid int
	err = k.reaper.fork(p, func() (int, error) {
		return syscall.ForkExec(exe, []string{exe, "keeper", "--check"}, &syscall.ProcAttr{
			Dir: "/", Env: os.Environ(), Files: []uintptr{k.null.Fd(), w.Fd(), w.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true}})
	}, func(made int) { pid = made })
	w.Close()
	if err != nil {
		return can, fmt.Errorf("it cannot be run: %w", err)
	}
	r.SetReadDeadline(time.Now().Add(patience / 2)) //nolint:errcheck // a pipe has deadlines
	said, err := io.ReadAll(io.LimitReader(r, 4<<10))
	if err != nil {
		_ = unix.Kill(-pid, unix.SIGKILL)
		return can, fmt.Errorf("it did not say in time what it understands: %w", err)
	}
	status := <-p.ended
	if json.Unmarshal(said, &can) != nil || status.ExitStatus() != 0 {
		return can, fmt.Errorf("its check failed with exit code %d: %s", status.ExitStatus(), cutText(strings.TrimSpace(string(said)), 300))
	}
	return can, can.follow()
}

// prober is the other binary while it is asked.
type prober struct{ ended chan syscall.WaitStatus }

func (prober) leaving() {}

func (p prober) left(status syscall.WaitStatus) { p.ended <- status }

// handOver becomes the other binary as soon as nothing is in anybody's hands:
// no start and no end is under way. It comes back only when it cannot, and this process goes on.
func (k *keeper) handOver() bool {
	if k.handing == nil || !k.handing.quiet || len(k.in) > 0 {
		return false
	}
	if err := k.readable(k.handing.can); err != nil {
		k.goOn(err)
		return false
	}
	// From here on no exit status is taken: they wait for the next one.
	k.reaper.still.Lock()
	defer k.reaper.still.Unlock()
	for _, j := range k.jobs {
		if j.isGone() {
			return false // its result is on its way to us
		}
	}
	h := &hold{resume: make(chan struct{}), calm: make(chan struct{}, len(k.jobs)+len(k.stuck))}
	defer close(h.resume)
	if err := k.hush(h); err != nil {
		k.goOn(err)
		return false
	}
	k.goOn(k.become(k.handing.exe))
	return false
}

// startNext is for systems on which another process goes on.
func (k *keeper) startNext() {}

// hush brings all that follow jobs to rest.
func (k *keeper) hush(h *hold) error {
	asked := 0
	for _, jobs := range []map[banto.AttemptID]*job{k.jobs, k.stuck} {
		for _, j := range jobs {
			if j.holdStill(h) {
				asked++
			}
		}
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for range asked {
		select {
		case <-h.calm:
		case <-late.C:
			return errors.New("output is being written too slowly")
		}
	}
	return nil
}

// become writes down what is left to the next one and goes over to it.
func (k *keeper) become(exe string) error {
	left := handover{Form: handoverForm, From: k.hello.Version, Allow: *k.planner.allow.Load(), Queue: k.starter.waiting(), Contact: time.Duration(k.claims.dead.at)}
	var keep []*os.File
	for _, j := range sortedJobs(k.jobs) {
		left.Jobs = append(left.Jobs, j.hand(&keep, false))
	}
	for _, j := range sortedJobs(k.stuck) {
		left.Jobs = append(left.Jobs, j.hand(&keep, true))
	}
	for _, d := range k.deadlines {
		left.Deadlines = append(left.Deadlines, handedDeadline{d.at, d.attempt, d.why})
	}
	text, err := json.Marshal(left)
	if err != nil {
		return err
	}
	// It never has a name for longer than it takes to forget it.
	state, err := os.CreateTemp(k.opt.Dir, "handover-")
	if err != nil {
		return err
	}
	defer state.Close()
	os.Remove(state.Name())
	if _, err := state.Write(text); err != nil {
		return fmt.Errorf("what it needs to know cannot be written: %w", err)
	}
	socket, err := k.listen.(*net.UnixListener).File() //nolint:errcheck // listen made it
	if err != nil {
		return err
	}
	defer socket.Close()
	keep = append(keep, state, k.lock, socket)
	numbers := make([]string, 0, 3)
	for _, f := range keep[len(keep)-3:] {
		numbers = append(numbers, strconv.Itoa(number(f)))
	}
	for _, f := range keep {
		_, _ = unix.FcntlInt(uintptr(number(f)), unix.F_SETFD, 0)
	}
	k.log.Info("the keeper becomes another binary", "path", exe, "jobs", len(k.jobs), "waiting", len(left.Queue))
	err = syscall.Exec(exe, append([]string{exe}, keeperArgs(k.opt.Dir, left.Allow)...),
		append(os.Environ(), handoverEnv+"="+strings.Join(numbers, ",")))
	for _, f := range keep {
		unix.CloseOnExec(number(f))
	}
	return err
}

func sortedJobs(jobs map[banto.AttemptID]*job) []*job {
	out := make([]*job, 0, len(jobs))
	for _, id := range sortedKeys(jobs) {
		out = append(out, jobs[id])
	}
	return out
}

// number gives the number of an open file and leaves it as it is; -1 for a
// closed one.
func number(f *os.File) int {
	n := -1
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { n = int(fd) }) //nolint:errcheck // -1 says it
	}
	return n
}

// hand gives what is left of a job that was brought to rest.
func (j *job) hand(keep *[]*os.File, stuck bool) handedJob {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := handedJob{Claim: j.claim, Started: j.started, Adopted: j.adopted, UID: j.uid, Cause: j.cause, Hard: j.hard, Dead: j.dead, Notes: j.notes, Stuck: stuck, Lost: j.lostOutput,
		Output: handedOutput{Tail: j.out.tail, Next: j.out.next, Over: j.out.over}}
	if j.out.fail != nil {
		h.Output.Fail = j.out.fail.Error()
	}
	if j.pipe != nil && !j.drained {
		h.Pipe = max(number(j.pipe), 0)
		*keep = append(*keep, j.pipe)
	}
	return h
}

// inherit reads what the binary that we were before has left to us; nil when
// we are a new process. What cannot be read is done without, as after a death.
func inherit() (*handover, error) {
	text, ok := os.LookupEnv(handoverEnv)
	if !ok {
		return nil, nil //nolint:nilnil // nothing, and nothing wrong
	}
	os.Unsetenv(handoverEnv) //nolint:errcheck // the name is sound
	var fd []*os.File
	for _, n := range strings.Split(text, ",") {
		if n, err := strconv.Atoi(n); err == nil && n > 2 {
			unix.CloseOnExec(n)
			fd = append(fd, os.NewFile(uintptr(n), "handover"))
		}
	}
	if len(fd) != 3 {
		return nil, fmt.Errorf("%s is %q", handoverEnv, text)
	}
	left := &handover{lock: fd[1], socket: fd[2]}
	defer fd[0].Close()
	err := json.NewDecoder(io.NewSectionReader(fd[0], 0, 1<<40)).Decode(left)
	if err == nil && left.Form != handoverForm {
		err = fmt.Errorf("it has form %d", left.Form)
	}
	if err != nil {
		left.Queue = nil
		return left, fmt.Errorf("cannot read what version %s has left: %w", left.From, err)
	}
	return left, nil
}

// regainJobs takes the jobs that were left to us under watch: the processes
// are our children as before.
func (k *keeper) regainJobs(left *handover) {
	k.handed = make(map[banto.AttemptID]bool)
	k.contacts.add(left.Contact)
	for _, h := range left.Jobs {
		j := k.newJob(h.Claim)
		j.started, j.adopted, j.uid, j.cause, j.hard, j.notes = h.Started, h.Adopted, h.UID, h.Cause, h.Hard, h.Notes
		j.out.resume()
		j.out.tail, j.out.next, j.out.over = h.Output.Tail, h.Output.Next, h.Output.Over
		if h.Output.Fail != "" {
			j.out.fail = errors.New(h.Output.Fail)
		}
		if h.Pipe > 2 {
			unix.CloseOnExec(h.Pipe)
			j.pipe = os.NewFile(uintptr(h.Pipe), "output")
		}
		j.lostOutput, j.dead = h.Lost, h.Dead
		k.handed[h.Claim.Attempt] = true
		if h.Stuck {
			k.stuck[h.Claim.Attempt] = j
		} else {
			k.add(j)
		}
		if j.adopted {
			go j.watchAdopted()
		} else {
			k.reaper.know(j.started.PID, j)
		}
		go k.stay(j)
	}
	for _, s := range left.Queue {
		k.handed[s.Attempt] = true
	}
	for _, d := range left.Deadlines {
		if d.Why != banto.ReasonTimeout { // those were set above
			k.due(d.At, d.Attempt, d.Why)
		}
	}
	k.reaper.poke()
	k.log.Info("the keeper was another binary before", "version", left.From, "jobs", len(left.Jobs), "waiting", len(left.Queue))
}

// listenOn takes the socket over that the binary before has opened.
func listenOn(socket *os.File) (net.Listener, error) {
	defer socket.Close()
	l, err := net.FileListener(socket)
	if err != nil {
		return nil, fmt.Errorf("cannot take the keeper's socket over: %w", err)
	}
	if l, ok := l.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false)
	}
	return l, nil
}
