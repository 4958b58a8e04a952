package keeper

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

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
	k.startNext()
	return err
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
	left, broken := inherit()
	var held *os.File
	if left != nil {
		held, opt.Allow = left.lock, left.Allow
	} else if held, err = lock(ctx, dir); err != nil {
		return nil, err
	}
	k := &keeper{
		opt: opt, log: opt.Log, lock: held,
		hello:    Hello{PID: os.Getpid(), Version: opt.Version, BootID: bootID(), Protocol: Protocol, Shells: shells(), DeadMan: true},
		in:       make(chan input, 1024),
		done:     make(chan struct{}),
		grew:     make(chan struct{}, 1),
		contacts: contacts{more: make(chan struct{}, 1)},
		grown:    make(map[banto.AttemptID]*kept),
		jobs:     make(map[banto.AttemptID]*job),
		sessions: make(map[*session]bool),
		stuck:    make(map[banto.AttemptID]*job),
		looks:    looks{hang: make(map[string]*look)},
		room:     room{timer: time.NewTimer(troubleEvery)},
	}
	if err := k.load(left, broken); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// load reads the journal, takes over what still runs, and opens the socket.
func (k *keeper) load(left *handover, broken error) (err error) {
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
	k.planner = newPlanner(k.files, own, k.opt.Allow, k.opt.Now)
	if k.null, err = os.Open(os.DevNull); err != nil {
		return fmt.Errorf("cannot start jobs: %w", err)
	}
	if k.alarm, err = newAlarm(); err != nil {
		return err
	}
	var was found
	k.journal, k.claims, was, err = openJournal(k.opt.Dir, machineOf(k.opt.Dir), newGeneration)
	if err != nil {
		return err
	}
	k.tellFound(was)
	changed := effects{}
	k.claims.enter(k.hello.BootID)
	k.claims.begin(&changed, k.opt.Now())
	k.reaper = newReaper()
	switch {
	case broken != nil:
		k.log.Error("what the binary before has left is lost, as after a death of the keeper", "error", broken)
	case left != nil:
		k.regainJobs(left)
	}
	k.takeOver(&changed)
	if err := k.journal.compact(k.claims); err != nil {
		// Without room to write it anew: what is there is whole, and goes on.
		if k.journal.append(changed.records, true) != nil {
			return err
		}
	}
	k.files.sweep(func(id banto.AttemptID) bool {
		cl := k.claims.byID[id]
		return cl != nil && cl.phase < phaseSeen
	})
	k.lookForRoom()
	k.starter = newStarters(k.opt.Starters, k.launch)
	if left == nil {
		k.listen, err = listen(k.opt.Dir)
		return err
	}
	k.starter.add(left.Queue, nil)
	k.listen, err = listenOn(left.socket)
	return err
}

// tellFound says what was wrong with the journal.
func (k *keeper) tellFound(was found) {
	if was.damaged > 0 {
		k.log.Error("the journal was damaged: claims may be lost, and a new generation begins",
			"places", was.damaged, "kept", k.journal.path()+".damaged")
	}
	if was.doubt {
		k.log.Error("the end of the journal was damaged while the host was off: claims may be lost, and a new generation begins",
			"kept", k.journal.path()+".damaged")
	}
	if was.aside {
		k.log.Error("a directory stood in the journal's place and was put aside: claims may be lost, and a new generation begins")
	}
	if was.copied != "" {
		k.log.Warn("the records were copied from another machine or directory: what they know is kept, and a new generation begins",
			"found", was.copied)
	}
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
	if k.files != nil {
		k.files.spares.Close()
	}
	k.lock.Close()
}

func fill(opt *Options) {
	if opt.Grace <= 0 {
		opt.Grace = DefaultGrace
	}
	if opt.Unkillable <= 0 {
		opt.Unkillable = DefaultUnkillable
	}
	if opt.Answer <= 0 {
		opt.Answer = DefaultAnswer
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

// awaitShutdown takes the word with which a system that goes down asks
// everybody to end (TERM, a shutdown of Windows) for a Stop: the jobs are asked
// too, and their results should be kept.
func (k *keeper) awaitShutdown() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
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

// errLocked is what tryLock gives when another process has the lock.
var errLocked = errors.New("locked")

// lock takes the directory for this keeper. Where one has just died it waits a
// little: a child that it was making holds the lock until its exec, and
// Windows gives the lock of a process that has ended back a little later.
func lock(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the keeper's directory: %w", err)
	}
	const tries, between = 500, 10 * time.Millisecond
	wait := time.NewTicker(between)
	defer wait.Stop()
	for range tries {
		err := tryLock(f)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, errLocked) {
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
