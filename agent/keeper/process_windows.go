package keeper

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

// bootID names this run of the operating system by when it began. The system
// moves its boot time along when its clock is set, and says by how much: less
// that, it stays the same.
func bootID() string {
	var t struct {
		boot, now, zone  int64
		zoneID, reserved uint32
		bootBias, sleep  uint64
	}
	var n uint32
	err := windows.NtQuerySystemInformation(windows.SystemTimeOfDayInformation, unsafe.Pointer(&t), uint32(unsafe.Sizeof(t)), &n)
	if err != nil || t.boot == 0 {
		return ""
	}
	return fmt.Sprintf("%x", uint64(t.boot)-t.bootBias)
}

// alarm tells on C when bootNow has reached a time, or a little before. Go's
// timers may stand still while the machine sleeps: so it looks now and again.
type alarm struct {
	C chan struct{}
	t *time.Timer
}

const alarmEvery = 15 * time.Second

func newAlarm() (*alarm, error) {
	a := &alarm{C: make(chan struct{}, 1)}
	a.t = time.AfterFunc(alarmEvery, func() {
		select {
		case a.C <- struct{}{}:
		default:
		}
	})
	a.t.Stop()
	return a, nil
}

// set moves the alarm; 0 is never.
func (a *alarm) set(at int64) {
	if at == 0 {
		a.t.Stop()
		return
	}
	a.t.Reset(min(max(0, time.Duration(at-bootNow())), alarmEvery))
}

func (a *alarm) close() { a.t.Stop() }

// reaper is nothing here: each process is waited for by its handle.
type reaper struct{}

func newReaper() *reaper { return &reaper{} }

// born gives the moment at which the system made a process, by which it is
// known from all others that ever had its ID.
func born(process windows.Handle) (int64, error) {
	var made, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &made, &ended, &kernel, &user); err != nil {
		return 0, err
	}
	return int64(made.HighDateTime)<<32 | int64(made.LowDateTime), nil
}

// open gives a handle of the very process of a record, also of one that has
// ended, as long as somebody else has a handle of it.
func (s *startedRecord) open(access uint32) (windows.Handle, error) {
	h, err := windows.OpenProcess(access|windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(s.PID))
	if err != nil {
		return 0, err
	}
	if at, err := born(h); err != nil || at != s.Born {
		windows.CloseHandle(h) //nolint:errcheck // it is ours
		return 0, windows.ERROR_INVALID_PARAMETER
	}
	return h, nil
}

// alive says whether the very process still runs, or its exit code can still be
// had.
func (s *startedRecord) alive() bool {
	h, err := s.open(0)
	if err != nil {
		return false
	}
	windows.CloseHandle(h) //nolint:errcheck // it is ours
	return true
}

// findStarted looks for the processes of attempts whose starts were not
// recorded. There are none: such a process has not begun to run, and its job
// object, which nobody but its keeper had, took it along when the keeper died.
func findStarted(string, map[banto.AttemptID]bool) map[banto.AttemptID]startedRecord { return nil }
