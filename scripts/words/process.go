package words

import (
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Process is one that a story has started in the background.
type Process struct {
	Cmd *exec.Cmd

	log   string // the file with what it has said, and others before it
	from  int64  // where it begins in it
	ended chan struct{}
}

// Start starts a process whose output is added to a file.
func Start(cmd *exec.Cmd, log string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	before, err := out.Stat()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{Cmd: cmd, log: log, from: before.Size(), ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log, or of no interest
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Gone says whether it has ended.
func (p *Process) Gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Said is what it has said so far.
func (p *Process) Said() string { return p.file()[p.from:] }

// Show shows in the story's log what is in the file: what it has said, and those
// before it.
func (p *Process) Show(ts *testscript.TestScript, name string) { ts.Logf("[%s]\n%s", name, p.file()) }

func (p *Process) file() string {
	text, err := os.ReadFile(p.log)
	if err != nil || int64(len(text)) < p.from { // the story has taken it away
		return strings.Repeat(" ", int(p.from))
	}
	return string(text)
}

// Kill ends it as a crash does, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.Cmd.Process.Kill() // one that has ended already is fine
	<-p.ended
}
