package pgtest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startHere starts a command whose death follows that of this process. To the
// system the parent is a thread, so one is kept for it that never ends.
func startHere(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig, cmd.SysProcAttr.Setpgid = syscall.SIGQUIT, true
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		select {}
	}()
	return <-started
}
