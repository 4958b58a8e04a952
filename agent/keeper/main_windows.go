package keeper

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/windows"
)

// readyPipe gives a function that tells who started us, if they listen, how
// it went.
func readyPipe() func(string) {
	handle, err := strconv.ParseUint(os.Getenv(readyEnv), 10, 64)
	if err != nil || handle == 0 {
		return func(string) {}
	}
	os.Unsetenv(readyEnv) //nolint:errcheck // the name is sound
	pipe := os.NewFile(uintptr(handle), "ready")
	return func(text string) {
		pipe.WriteString(text) //nolint:errcheck // they may have gone
		pipe.Close()
	}
}

// makeDir makes the directory, and closes it to all but our own user and those
// who can open everything anyway: the system and its administrators.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the keeper's directory: %w", err)
	}
	if err := closeToOthers(dir); err != nil {
		return fmt.Errorf("cannot close the keeper's directory to others: %w", err)
	}
	return nil
}

func closeToOthers(dir string) error {
	sid, err := ownUser()
	if err != nil {
		return err
	}
	const all = "(A;OICI;FA;;;"
	sd, err := windows.SecurityDescriptorFromString("D:P" + all + sid + ")" + all + "SY)" + all + "BA)")
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// detach makes the process its own. It was started without a console; what a
// console that it attaches to for a moment says is taken and dropped.
func detach() {
	freeConsole()
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
}

// tryLock takes the lock of the directory, or says errLocked.
func tryLock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}
