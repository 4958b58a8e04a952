//go:build unix

package keeper

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// Main is the keeper process, from taking its directory to its end: when an
// agent or a TERM asks it to stop and no job runs, or when the context ends. It
// changes the process it is called in: its session, signals, mask and children.
func Main(ctx context.Context, opt Options) error {
	ready := readyPipe()
	k, err := open(ctx, opt)
	if err != nil {
		ready(err.Error())
		if errors.Is(err, ErrBusy) {
			return banto.Fail(banto.KindConflict, "cannot start a keeper", err.Error(), "leave it, or name another directory with --dir").Because(err)
		}
		return err
	}
	go k.accept()
	go k.awaitShutdown()
	ready(readyWord)
	k.log.Info("the keeper serves", "pid", os.Getpid(), "version", opt.Version, "generation", k.claims.generation)
	err = k.run(ctx)
	k.close()
	return err
}

// readyPipe gives a function that tells who started us, if they listen, how
// it went.
func readyPipe() func(string) {
	fd, err := strconv.Atoi(os.Getenv(readyEnv))
	if err != nil || fd < 3 {
		return func(string) {}
	}
	os.Unsetenv(readyEnv) //nolint:errcheck // the name is sound
	unix.CloseOnExec(fd)
	pipe := os.NewFile(uintptr(fd), "ready")
	return func(text string) {
		pipe.WriteString(text) //nolint:errcheck // they may have gone
		pipe.Close()
	}
}

// open takes the directory and what an earlier keeper left in it.
func open(ctx context.Context, opt Options) (*keeper, error) {
	dir, err := filepath.Abs(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot use the keeper's directory: %w", err)
	}
	opt.Dir = dir
	fill(&opt)
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	detach()
	release, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	k := &keeper{
		opt: opt, log: opt.Log, release: release,
		hello:    Hello{PID: os.Getpid(), Version: opt.Version, BootID: bootID()},
		in:       make(chan input, 1024),
		done:     make(chan struct{}),
		grew:     make(chan struct{}, 1),
		grown:    make(map[banto.AttemptID]*kept),
		jobs:     make(map[banto.AttemptID]*job),
		sessions: make(map[*session]bool),
	}
	if err := k.load(); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// load reads the journal, takes over what still runs, and opens the socket.
func (k *keeper) load() (err error) {
	if k.log == nil {
		file, err := openLog(k.opt.Dir)
		if err != nil {
			return err
		}
		k.log = slog.New(slog.NewTextHandler(&boundedLog{f: file}, nil))
	}
	own := ownAccount()
	if k.files, err = openFiles(k.opt.Dir, own, newGeneration); err != nil {
		return err
	}
	k.planner = &planner{files: k.files, own: own}
	if k.null, err = os.Open(os.DevNull); err != nil {
		return fmt.Errorf("cannot start jobs: %w", err)
	}
	if k.alarm, err = newAlarm(); err != nil {
		return err
	}
	var damaged int
	k.journal, k.claims, damaged, err = openJournal(k.opt.Dir, newGeneration)
	if err != nil {
		return err
	}
	if damaged > 0 {
		k.log.Error("the journal was damaged: claims may be lost, and a new generation begins",
			"places", damaged, "kept", k.journal.path()+".damaged")
	}
	k.reaper = newReaper()
	k.takeOver()
	if err := k.journal.compact(k.claims); err != nil {
		return err
	}
	k.files.sweep(func(id banto.AttemptID) bool {
		cl := k.claims.byID[id]
		return cl != nil && cl.phase < phaseSeen
	})
	k.starter = newStarters(k.opt.Starters, k.launch)
	k.listen, err = listen(k.opt.Dir)
	return err
}

// close gives everything back; jobs go on.
func (k *keeper) close() {
	close(k.done)
	if k.listen != nil {
		os.Remove(filepath.Join(k.opt.Dir, socketName)) // before the lock goes: the next one's must stay
		k.listen.Close()
	}
	if k.starter != nil {
		k.starter.close()
	}
	for s := range k.sessions {
		s.close()
	}
	if k.alarm != nil {
		k.alarm.close()
	}
	if k.null != nil {
		k.null.Close()
	}
	k.release()
}

func fill(opt *Options) {
	if opt.Grace <= 0 {
		opt.Grace = DefaultGrace
	}
	if opt.OutputLimit <= 0 {
		opt.OutputLimit = DefaultOutputLimit
	}
	if opt.KeepWork <= 0 {
		opt.KeepWork = DefaultKeepWork
	}
	if opt.Starters <= 0 {
		// One process is made at a time; the rest is looking at disks.
		opt.Starters = 4 + 2*runtime.NumCPU()
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
}

// newGeneration makes a name that no other journal has.
func newGeneration() string {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return hex.EncodeToString(b[:])
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the keeper's directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot use the keeper's directory: %w", err)
	}
	if perm := info.Mode().Perm(); perm != 0o700 && perm != 0o711 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("cannot close the keeper's directory to others: %w", err)
		}
	}
	return nil
}

// detach makes the process its own: a session, a mask of new files that jobs
// can rely on, no file of whoever started us handed on to jobs, and signals
// that a dying terminal or a closed pipe sends taken and dropped. Ignoring
// them would make every job ignore them too.
func detach() {
	_, _ = unix.Setsid() // fails when it leads its group already
	unix.Umask(0o022)
	closeOnExec()
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
}

// awaitShutdown takes TERM, with which a system that goes down asks everybody
// to end, for a Stop: the jobs are asked too, and their results should be kept.
func (k *keeper) awaitShutdown() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, unix.SIGTERM)
	defer signal.Stop(term)
	for {
		select {
		case <-term:
			k.put(input{request: &Request{Stop: true}})
		case <-k.done:
			return
		}
	}
}

// lock takes the directory for this keeper. Where one has just died it waits
// a little: a child that it was making holds the lock until its exec.
func lock(ctx context.Context, dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the keeper's directory: %w", err)
	}
	const tries, between = 500, 10 * time.Millisecond
	wait := time.NewTicker(between)
	defer wait.Stop()
	for range tries {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("cannot lock the keeper's directory: %w", err)
		}
		if conn, err := dial(ctx, dir); err == nil {
			conn.Close()
			break
		}
		select {
		case <-wait.C:
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
	f.Close()
	return nil, ErrBusy
}

// listen opens the socket, which only our own user can connect to.
func listen(dir string) (net.Listener, error) {
	if err := os.Remove(filepath.Join(dir, socketName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	mask := unix.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unix.Umask(mask)
	if err != nil {
		return nil, fmt.Errorf("cannot open the keeper's socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // by its short path it may be gone
	return l, nil
}

var _ child = (*job)(nil)
