package keeper

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The calls of the system that golang.org/x/sys/windows does not have.
var (
	kernel32 = windows.NewLazySystemDLL("kernel32.dll")

	procWineVersion = windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version") // there under Wine alone

	procAttachConsole       = kernel32.NewProc("AttachConsole")
	procFreeConsole         = kernel32.NewProc("FreeConsole")
	procGetOEMCP            = kernel32.NewProc("GetOEMCP")
	procOpenJobObject       = kernel32.NewProc("OpenJobObjectW")
	procPeekNamedPipe       = kernel32.NewProc("PeekNamedPipe")
	procWideCharToMultiByte = kernel32.NewProc("WideCharToMultiByte")
)

// called turns what a call of the system gave into an error: zero is failure.
func called(r uintptr, err error) error {
	if r != 0 {
		return nil
	}
	var code windows.Errno
	if errors.As(err, &code) && code != 0 {
		return code
	}
	return windows.ERROR_GEN_FAILURE
}

func attachConsole(pid int) error {
	r, _, err := procAttachConsole.Call(uintptr(pid))
	return called(r, err)
}

func freeConsole() { procFreeConsole.Call() } //nolint:errcheck // it fails only when there is none

// oemCodePage is the one that cmd reads its files in.
func oemCodePage() uint32 {
	r, _, _ := procGetOEMCP.Call()
	return uint32(r)
}

// openJobObject opens a job object by its name, with all rights to it.
func openJobObject(name string) (windows.Handle, error) {
	const allAccess = 0x1F001F
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	r, _, err := procOpenJobObject.Call(allAccess, 0, uintptr(unsafe.Pointer(text)))
	return windows.Handle(r), called(r, err)
}

// waiting says how many bytes wait in a pipe.
func waiting(pipe windows.Handle) (int, error) {
	var n uint32
	r, _, err := procPeekNamedPipe.Call(uintptr(pipe), 0, 0, 0, uintptr(unsafe.Pointer(&n)), 0)
	return int(n), called(r, err)
}

// toCodePage gives a text in a code page; ok is false when the code page lacks
// one of its characters.
func toCodePage(text string, page uint32) (b []byte, ok bool, err error) {
	if text == "" {
		return nil, true, nil
	}
	wide, err := windows.UTF16FromString(text)
	if err != nil {
		return nil, false, err
	}
	const noBestFit = 0x400
	var lacking int32
	// UTF-8 and its like have every character, and want to hear of no default.
	flags, missed := uintptr(noBestFit), uintptr(unsafe.Pointer(&lacking))
	if page == 65000 || page == 65001 || page == 54936 {
		flags, missed = 0, 0
	}
	convert := func(to []byte) (int, error) {
		var at uintptr
		if len(to) > 0 {
			at = uintptr(unsafe.Pointer(&to[0]))
		}
		r, _, err := procWideCharToMultiByte.Call(uintptr(page), flags,
			uintptr(unsafe.Pointer(&wide[0])), uintptr(len(wide)-1), at, uintptr(len(to)), 0, missed)
		return int(r), called(r, err)
	}
	n, err := convert(nil)
	if err != nil {
		return nil, false, err
	}
	b = make([]byte, n)
	n, err = convert(b)
	return b[:n], lacking == 0, err
}

// inheritable gives the attributes of a handle that a child may be given.
func inheritable() *windows.SecurityAttributes {
	sa := &windows.SecurityAttributes{InheritHandle: 1}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	return sa
}

// ownUser gives the SID of the user that this process runs as, as text.
func ownUser() (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", err
	}
	return user.User.Sid.String(), nil
}

// again repeats what the system may refuse for a moment, as when a scanner or an
// indexer looks into a file that was just written.
func again(do func() error) error {
	const tries, between = 40, 50 * time.Millisecond
	wait := time.NewTicker(between)
	defer wait.Stop()
	err := do()
	for range tries {
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			break
		}
		<-wait.C
		err = do()
	}
	return err
}
