//go:build unix

package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

func TestDiffers(t *testing.T) {
	m := machine{Hardware: "h", System: "s", Dir: "d"}
	for _, c := range []struct {
		now  machine
		want string
	}{
		{m, ""},
		{machine{}, ""},
		{machine{System: "s", Dir: "d"}, ""}, // not root any more
		{machine{Hardware: "x", System: "s", Dir: "d"}, "hardware"},
		{machine{Hardware: "h", System: "x"}, "system"},
		{machine{Hardware: "h", System: "s", Dir: "x"}, "directory"},
	} {
		if got := c.now.differs(m); got == "" != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.now, got, c.want)
		}
	}
	if got := (machine{Dir: "d"}).or(machine{Hardware: "h", Dir: "x"}); got != (machine{Hardware: "h", Dir: "d"}) {
		t.Error(got)
	}
}

// A copied directory is known for what it is: other generation, same claims.
func TestCopied(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, banto.Spec{Script: "true"}), 0)
	b.start(2, banto.Spec{Script: gateScript})
	b.started(2)
	b.wrote(2, "waiting")
	original := b.last.Generation
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.Mkdir(copied, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(b.dir, journalName))
	if err == nil {
		err = os.WriteFile(filepath.Join(copied, journalName), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	second := setUpIn(t, copied)
	if second.last.Generation == original || second.last.Claims != 2 {
		t.Fatalf("%+v, the original has generation %s", second.last, original)
	}
	// The running one belongs to this machine and boot, so that it is known, and
	// the other is not run again.
	if len(second.last.Running) != 1 || second.last.Running[0] != try(2) {
		t.Fatalf("%+v", second.last)
	}
	second.start(1, banto.Spec{Script: "true"})
	if e := second.ended(1); e.Exit == nil || *e.Exit != 0 {
		t.Fatalf("%+v", e)
	}
	second.log("copied from another machine or directory")
	// The original goes on as it was.
	b.open("both")
	wantExit(t, b.ended(2), 0)
	b.c.Close()
	b.connect()
	if b.last.Generation != original || b.last.Claims != 2 {
		t.Fatalf("%+v", b.last)
	}
}

func TestRenew(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, banto.Spec{Script: "true"}), 0)
	before := b.last
	if before.Claims != 0 || before.Protocol != Protocol || len(before.Shells) == 0 || before.Shells[0] != "sh" {
		t.Fatalf("%+v", before)
	}
	b.hear = Event{}
	b.send(Request{Seq: 1, Renew: true})
	b.await(func() bool { return b.hear.Hello != nil && b.hear.Done == 1 })
	renewed := b.hear.Hello
	if renewed.Generation == before.Generation || renewed.PID != before.PID || renewed.Claims != 1 || b.hear.Claims != 1 {
		t.Fatalf("%+v, before %+v", renewed, before)
	}
	if b.ended(1).Exit == nil { // told again with the Hello
		t.Fatalf("%+v", b.hear)
	}
	b.killKeeper()
	b.connect()
	if b.last.Generation != renewed.Generation || b.last.Claims != 1 {
		t.Fatalf("%+v, before its death %+v", b.last, renewed)
	}
}

func TestShells(t *testing.T) {
	b := setUp(t)
	for n, shell := range []string{"cmd", "powershell"} {
		e := b.run(1+n, banto.Spec{Script: "echo", Shell: shell})
		if e.Reason != banto.ReasonNoProgram || !strings.Contains(e.Message, "Windows hosts only") {
			t.Fatalf("%+v", e)
		}
	}
	wantExit(t, b.run(3, banto.Spec{Script: "exit 4", Shell: "bash"}), 4)
	if got := shellArgs("pwsh", "x", "")[4]; got != "-Command" {
		t.Fatal(got)
	}
	if e := b.run(4, banto.Spec{Script: "x", Shell: "pwsh"}); e.Reason != banto.ReasonNoProgram || !strings.HasPrefix(e.Message, "the shell pwsh was not found") {
		if _, no := lookShell("pwsh", defaultPath, "/"); no != nil {
			t.Fatalf("%+v", e)
		}
	}
	// What an attempt prints and sets in its own encoding.
	e := b.run(5, banto.Spec{Script: `printf '\223\372\226\173'; printf 'n=\223\372\n' > "$BANTO_VARS"`, Encoding: "cp932", WantOutput: true})
	wantExit(t, e, 0)
	if e.OutputHead != "日本" || e.Vars != "n=日\n" || b.output(5) != "\x93\xFA\x96\x7B" {
		t.Fatalf("%+v", e)
	}
	// What the agent could not get is not run.
	b.send(Request{Start: []Start{{Attempt: try(6), Spec: banto.Spec{ScriptHash: "x"}, Refused: "the script could not be fetched"}}})
	if e := b.ended(6); e.Reason != banto.ReasonNotStarted || e.Message != "the script could not be fetched" || e.StartedAt != nil {
		t.Fatalf("%+v", e)
	}
}
