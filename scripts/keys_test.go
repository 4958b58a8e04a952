//go:build unix

package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/term"
)

// sitting is somebody in front of a terminal that runs a command.
type sitting struct {
	ts  *testscript.TestScript
	tty *os.File // the terminal's other end
	cmd *exec.Cmd

	mu      sync.Mutex
	glass   glass
	changed chan struct{} // cap 1
	drawn   chan struct{} // closed when all that was written has been taken in
	ended   chan struct{}
}

// keys runs banto on a terminal and does what a file says. With ! the command
// must not end with exit code 0. However it ends, the terminal must be as it
// was before.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: keys COLUMNS ROWS FILE ARGUMENT…")
	}
	columns, err := strconv.ParseUint(args[0], 10, 16)
	ts.Check(err)
	rows, err := strconv.ParseUint(args[1], 10, 16)
	ts.Check(err)
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	cmd := exec.Command(filepath.Join(bin, "banto"), args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"TERM=xterm-256color"}
	for _, name := range []string{"PATH", "HOME", "BANTO_CONFIG", "BANTO_LANG", "BANTO_TOKEN", "TZ", "TMPDIR", "NO_COLOR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	tty, line, err := pty.Open()
	ts.Check(err)
	defer tty.Close()
	defer line.Close()
	ts.Check(pty.Setsize(tty, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}))
	before, err := term.GetState(int(line.Fd()))
	ts.Check(err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s := &sitting{ts: ts, tty: tty, cmd: cmd, changed: make(chan struct{}, 1), drawn: make(chan struct{}), ended: make(chan struct{})}
	ts.Check(cmd.Start())
	go s.look()
	go func() {
		cmd.Wait()
		close(s.ended)
	}()
	defer cmd.Process.Kill() // of a story that broke off
	for _, text := range strings.Split(ts.ReadFile(args[2]), "\n") {
		s.do(strings.TrimSpace(text))
	}
	s.end(line, before, neg)
}

// end waits for the end of the command and looks at what it left.
func (s *sitting) end(line *os.File, before *term.State, neg bool) {
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.ts.Fatalf("the command does not end:\n%s", s.screen())
	}
	after, err := term.GetState(int(line.Fd()))
	s.ts.Check(err)
	line.Close()
	<-s.drawn
	s.mu.Lock()
	defer s.mu.Unlock()
	if !reflect.DeepEqual(before, after) || s.glass.second || s.glass.hidden {
		s.ts.Fatalf("the terminal is not as it was: second screen %v, hidden cursor %v", s.glass.second, s.glass.hidden)
	}
	s.ts.Check(os.WriteFile(s.ts.MkAbs("screen"), []byte(s.glass.String()), 0o666))
	s.ts.Check(os.WriteFile(s.ts.MkAbs("last"), []byte(s.glass.last), 0o666))
	if code := s.cmd.ProcessState.ExitCode(); (code != 0) != neg {
		s.ts.Fatalf("exit code %d\n%s", code, s.glass.String())
	}
}

// look takes in what the command draws.
func (s *sitting) look() {
	defer close(s.drawn)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		s.glass.write(string(buf[:n]))
		s.mu.Unlock()
		select {
		case s.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *sitting) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.glass.String()
}

// do does what a line of the story says.
func (s *sitting) do(text string) {
	verb, rest, _ := strings.Cut(text, " ")
	switch verb {
	case "", "#":
	case "see":
		s.see(s.expand(rest))
	case "press":
		for _, name := range strings.Fields(rest) {
			s.send(keyCode(name))
		}
	case "type":
		s.send(s.expand(rest))
	case "size":
		var w pty.Winsize
		columns, rows, _ := strings.Cut(rest, " ")
		c, err := strconv.ParseUint(columns, 10, 16)
		s.ts.Check(err)
		r, err := strconv.ParseUint(rows, 10, 16)
		s.ts.Check(err)
		w.Cols, w.Rows = uint16(c), uint16(r)
		s.ts.Check(pty.Setsize(s.tty, &w))
	case "signal":
		sig := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[rest]
		s.ts.Check(s.cmd.Process.Signal(sig))
	default:
		s.ts.Fatalf("nobody can %q in front of a terminal", verb)
	}
}

func (s *sitting) expand(text string) string { return os.Expand(text, s.ts.Getenv) }

func (s *sitting) send(text string) {
	_, err := s.tty.WriteString(text)
	s.ts.Check(err)
}

// see waits until the screen fits a pattern.
func (s *sitting) see(pattern string) {
	re, err := regexp.Compile("(?m)" + pattern)
	s.ts.Check(err)
	over := time.After(patience)
	for !re.MatchString(s.screen()) {
		select {
		case <-s.changed:
		case <-s.ended:
			s.ts.Fatalf("the command has ended and never showed %s:\n%s", pattern, s.screen())
		case <-over:
			s.ts.Fatalf("never seen: %s\n%s", pattern, s.screen())
		}
	}
}

// keyCode is what a terminal sends for a key.
func keyCode(name string) string {
	code, ok := map[string]string{
		"Enter": "\r", "Esc": "\x1b", "Up": "\x1b[A", "Down": "\x1b[B", "PgDn": "\x1b[6~", "PgUp": "\x1b[5~", "End": "\x1b[F", "Home": "\x1b[H",
		"Backspace": "\x7f", "Ctrl-C": "\x03", "Ctrl-U": "\x15", "Ctrl-L": "\x0c",
	}[name]
	if ok {
		return code
	}
	return name
}
