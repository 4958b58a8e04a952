package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"
)

// startKeeper starts a detached keeper and waits until it serves, or has said
// why not.
func startKeeper(ctx context.Context, opt ClientOptions) error {
	exe := opt.Exe
	if exe == "" {
		var err error
		if exe, err = os.Executable(); err != nil {
			return fmt.Errorf("cannot find the banto binary: %w", err)
		}
	}
	if err := makeDir(opt.Dir); err != nil {
		return err
	}
	log, err := openLog(opt.Dir)
	if err != nil {
		return err
	}
	defer log.Close()
	r, tell, err := streamPipe()
	if err != nil {
		return fmt.Errorf("cannot start a keeper: %w", err)
	}
	ready := os.NewFile(uintptr(r), "ready")
	defer ready.Close()
	start := func(flags uint32) error {
		// Not CommandContext: the keeper outlives the context.
		cmd := exec.Command(exe, keeperArgs(opt.Dir, opt.Allow)...) //nolint:noctx // it outlives the context
		cmd.Dir = opt.Dir
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Env = append(os.Environ(), readyEnv+"="+strconv.FormatUint(uint64(tell), 10))
		cmd.SysProcAttr = &syscall.SysProcAttr{
			CreationFlags:              flags,
			AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(tell)},
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		return cmd.Process.Release()
	}
	// Without a console, out of reach of what is typed into the agent's, and out
	// of the agent's job object where that lets it go: it would die with it.
	const own = windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP
	err = start(own | windows.CREATE_BREAKAWAY_FROM_JOB)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		err = start(own)
	}
	windows.CloseHandle(tell) //nolint:errcheck // it is ours
	if err != nil {
		return fmt.Errorf("cannot start a keeper: %w", err)
	}
	return awaitReady(ctx, ready, opt.Dir)
}
