package cli

import (
	"io"
	"os"
	"strconv"
	"time"
)

// System gives the streams of this process.
func System(version string) Streams {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Env: os.Getenv, Now: time.Now, Local: time.Local,
		Terminal: terminalOf, Keyboard: keyboardOf(os.Stdin), Exe: exe, Version: version,
	}
}

// terminalOf asks the operating system. A terminal that does not know its size
// counts as 80 by 24.
func terminalOf(w io.Writer) (width, height int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	width, height, ok = terminalSize(f)
	if !ok {
		return 0, 0, false
	}
	if width <= 0 {
		width = 80
	}
	if height <= 0 {
		height = 24
	}
	return width, height, true
}

func positive(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}
