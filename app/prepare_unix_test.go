//go:build unix

package app

import (
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
)

// A service that is not root's can read what was prepared for it.
func TestPrepareAgentGivesTheDirectoryToItsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("this system has no user nobody")
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := PrepareAgent(t.Context(), ServiceOptions{Exe: "/bin/true", Data: data, User: "nobody"}, Options{Name: "db01"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{data, agentDir(data)} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || nobody.Uid != "0" && stat.Uid == 0 {
			t.Errorf("%s is still root's", path)
		}
	}
	if err := PrepareAgent(t.Context(), ServiceOptions{Exe: "/bin/true", Data: data, User: "no-such-user"}, Options{Name: "db01"}); err == nil {
		t.Error("a user that does not exist was taken")
	}
}
