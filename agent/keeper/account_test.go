//go:build unix

package keeper

import (
	"os"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

func TestAllowed(t *testing.T) {
	b := setUp(t)
	if e := b.run(1, banto.Spec{Script: "true", Account: "no-such-user"}); e.Reason != banto.ReasonNoAccount ||
		e.Message != "the OS user no-such-user does not exist on this host" {
		t.Fatalf("%+v", e)
	}
	if os.Geteuid() != 0 {
		if e := b.run(2, banto.Spec{Script: "true", Account: "daemon"}); e.Reason != banto.ReasonNoRight || !strings.Contains(e.Message, "only when the agent runs as root") {
			t.Fatalf("%+v", e)
		}
		t.Log("not root: what a keeper of root refuses was not tried")
		return
	}
	if e := b.run(2, banto.Spec{Script: "true", Account: "daemon"}); e.Reason != banto.ReasonNoRight ||
		!strings.Contains(e.Message, "does not let jobs run as daemon: add it") {
		t.Fatalf("%+v", e)
	}
	// Never root by accident, and by the accounts as well as by the word.
	b.allowing(Allow{})
	for n, account := range []string{"", "root"} {
		if e := b.run(3+n, banto.Spec{Script: "true", Account: account}); e.Reason != banto.ReasonNoRight ||
			!strings.Contains(e.Message, "does not let jobs run as root") {
			t.Fatalf("%+v", e)
		}
	}
	b.allowing(Allow{Accounts: []string{"root"}})
	wantExit(t, b.run(5, banto.Spec{Script: "true"}), 0)
	wantExit(t, b.run(6, banto.Spec{Script: "true", Account: "root"}), 0)
}

func TestMayBeOther(t *testing.T) {
	agent := &account{name: "agent", uid: 1000}
	if no := agent.mayBeOwn(Allow{}); no != nil {
		t.Fatal("the keeper's own user, who is not root, always may", no)
	}
	if no := agent.mayBeOther(&account{name: "batch", uid: 1001}, "batch", Allow{Accounts: []string{"batch"}}); no == nil {
		t.Fatal("who is not root can become nobody else")
	}
	root := &account{name: "root"}
	if no := root.mayBeOther(&account{name: "batch", uid: 1001}, "batch", Allow{Root: true}); no == nil {
		t.Fatal("root allowed is not everybody allowed")
	}
	if no := root.mayBeOther(&account{name: "batch", uid: 1001}, "batch", Allow{Accounts: []string{"batch"}}); no != nil {
		t.Fatal(no)
	}
	if no := root.mayBeOwn(Allow{Accounts: []string{"batch"}}); no == nil {
		t.Fatal("another account allowed is not root allowed")
	}
}
