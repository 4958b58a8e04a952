//go:build unix

package keeper

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
)

// A start with a limit needs contact; an older one than what was told changes
// nothing, and none is in the future.
func TestContact(t *testing.T) {
	b := setUp(t)
	b.start(1, limited("echo ran"))
	if e := b.ended(1); e.Reason != banto.ReasonLost || !strings.Contains(e.Message, "no contact to the manager yet") {
		t.Fatalf("%+v", e)
	}
	b.send(Request{Contact: boottime.Now() + time.Hour, Start: []Start{{Attempt: try(2), Spec: limited(gateScript)}}})
	b.started(2)
	b.send(Request{Contact: 1})
	wantLost(t, b.ended(2))
}

// With contact it lives on, for longer than its limit; and through its keeper's
// death, by the contact that is on record.
func TestContactKeepsAlive(t *testing.T) {
	b := setUp(t)
	stop := b.feed()
	b.contact()
	b.start(1, limited("sleep 1.5; exit 3")) // which is more than its limit
	wantExit(t, b.ended(1), 3)
	stop()
	b.start(2, patient(gateScript))
	b.wrote(2, "waiting")
	b.killKeeper()
	b.connect()
	wantExit(t, b.run(3, okay()), 0)
	if !slices.Contains(b.last.Running, try(2)) || len(b.hear.Ended) != 2 {
		t.Fatalf("%+v, %+v", b.last, b.hear)
	}
	b.open("it")
	if e := b.ended(2); e.Reason != banto.ReasonKeeperDied {
		t.Fatalf("%+v", e)
	}
}

// The keeper alone holds the time: an agent that was killed takes nobody along
// at once, and saves nobody.
func TestDeadManAgentKilled(t *testing.T) {
	t.Setenv(asKeeperEnv, "1")
	b := setUp(t)
	agent := exec.Command(os.Args[0])
	agent.Env = append(os.Environ(), asAgentEnv+"="+b.dir, limitEnv+"=1")
	agent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len("started\n"))
	if _, err := out.Read(said); err != nil || string(said) != "started\n" {
		t.Fatal(string(said), err)
	}
	syscall.Kill(-agent.Process.Pid, syscall.SIGKILL)
	agent.Wait()
	wantLost(t, b.ended(1))
}

// A next keeper has no more patience than the one before had.
func TestDeadManAdopted(t *testing.T) {
	b := setUp(t)
	b.contact()
	b.start(1, limited("echo ready; sleep 300"))
	b.wrote(1, "ready")
	b.killKeeper()
	b.connect()
	e := b.ended(1)
	wantLost(t, e)
}

// order gives the numbers of the attempts that a journal names in records of a
// kind, in the order of these records.
func (b *bench) recorded() (out []string) {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, journalName))
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range readRecords(text).records {
		switch {
		case r.Claim != nil:
			out = append(out, "claim "+string(r.Claim.Attempt))
		case r.Kill != nil && r.Kill.Dead != nil:
			out = append(out, "dead "+string(r.Kill.Attempt))
		}
	}
	return out
}

// A keeper that was stopped ends what is over before it takes anything new, also
// when word of contact has come meanwhile: the attempt may run elsewhere.
func TestStopped(t *testing.T) {
	b := setUp(t)
	b.contact()
	b.start(1, limited("echo ready; exec sleep 300"))
	b.wrote(1, "ready")
	if err := syscall.Kill(b.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	over := boottime.Now() + limitMS*time.Millisecond
	wait := time.NewTicker(10 * time.Millisecond)
	defer wait.Stop()
	for boottime.Now() < over {
		<-wait.C
	}
	b.start(2, limited("echo too late"))
	b.send(Request{Contact: boottime.Now(), Start: []Start{{Attempt: try(3), Spec: patient("true")}}})
	if err := syscall.Kill(b.pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wantLost(t, b.ended(1))
	wantExit(t, b.ended(3), 0)
	if got, want := b.recorded(), []string{"claim " + string(try(1)), "dead " + string(try(1)), "claim " + string(try(3))}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if e := b.ended(2); e.Reason != banto.ReasonLost && b.output(2) != "" {
		t.Fatalf("%+v %q", e, b.output(2))
	}
}

// A machine that stops everything stops the job with it: it hears TERM when it
// goes on.
func TestStoppedJob(t *testing.T) {
	b := setUp(t)
	b.contact()
	b.start(1, limited("echo ready; kill -STOP $$; echo went on; exit 0"))
	b.wrote(1, "ready")
	e := b.ended(1)
	wantLost(t, e)
	if e.Signal != "SIGTERM" {
		t.Fatalf("%+v", e)
	}
}
