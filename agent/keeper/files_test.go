//go:build unix

package keeper

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bantoops/banto"
)

// The directory that a long script goes to belongs to the account, whose other
// jobs may have put a link there: a keeper that runs as root must not write
// through it, nor give what it points to away.
func TestScriptIsNotWrittenThroughALink(t *testing.T) {
	own := &account{uid: os.Getuid(), gid: os.Getgid()}
	f, err := openFiles(t.TempDir(), own, func() string { return "life" })
	if err != nil {
		t.Fatal(err)
	}
	id := banto.NewAttemptID("20261121-7k3mq0x", 1)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	acc := &account{uid: os.Getuid(), gid: os.Getgid(), credential: &syscall.Credential{}}
	dir, err := f.scratch(id, acc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "script")); err != nil {
		t.Fatal(err)
	}
	path, err := f.script(id, acc, "script", "echo hello")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "echo hello" {
		t.Errorf("the script is %q, %v", text, err)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("the script is %v, %v", info, err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "kept" {
		t.Errorf("what the link points to is %q, %v", text, err)
	}
}
