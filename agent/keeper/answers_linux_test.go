package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// silentMount makes a directory of which nobody ever answers: a file system of
// FUSE without anybody behind it. answer lets all who wait there go on, with an
// error.
func silentMount(t *testing.T) (dir string, answer func()) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no file system can be made that does not answer, without FUSE:", err)
	}
	dir = filepath.Join(t.TempDir(), "silent")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("banto-test", dir, "fuse", unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)); err != nil {
		unix.Close(fd)
		t.Skip("no file system can be made that does not answer:", err)
	}
	open := true
	answer = func() {
		if open {
			open = false
			unix.Close(fd)
		}
	}
	t.Cleanup(func() {
		answer()
		unix.Unmount(dir, unix.MNT_DETACH) //nolint:errcheck // the directory is of this test
	})
	return dir, answer
}

// Starts that look at a file system that does not answer end in words, and
// hold nobody up, however many they are.
func TestSilentFileSystem(t *testing.T) {
	t.Setenv(answerEnv, "3s")
	dir, answer := silentMount(t)
	b := setUp(t)
	const many = 40
	for n := 1; n <= many; n++ {
		switch n % 4 {
		case 0:
			b.start(n, banto.Spec{Script: "true", Dir: dir})
		case 1:
			b.start(n, banto.Spec{Args: []string{filepath.Join(dir, "tool")}})
		case 2:
			b.start(n, banto.Spec{Script: "true", Dir: filepath.Join(dir, strconv.Itoa(n))})
		default:
			b.start(n, banto.Spec{Args: []string{"tool"}, Env: []string{"PATH=" + dir + ":/usr/bin:/bin"}})
		}
	}
	b.start(many+1, banto.Spec{Script: "echo here"})
	wantExit(t, b.ended(many+1), 0)
	for n := 1; n <= many; n++ {
		e := b.ended(n)
		if e.Reason != banto.ReasonNotStarted || e.StartedAt != nil || !strings.Contains(e.Message, "does not answer (waited 3s)") {
			t.Fatalf("%+v", e)
		}
	}
	// It cannot leave what waits, and says so when it is to become another binary.
	b.reconnect("two", otherVersion(t, "two"))
	b.log("a file system does not answer, and what waits for it cannot be left")
	wantExit(t, b.run(many+2, banto.Spec{Script: "true"}), 0)

	// The next keeper comes all the same, and once there are answers all is well.
	b.killKeeper()
	b.connect()
	wantExit(t, b.run(many+3, banto.Spec{Script: "true"}), 0)
	answer()
	e := b.run(many+4, banto.Spec{Script: "true", Dir: dir})
	if e.Exit != nil || strings.Contains(e.Message, "does not answer") {
		t.Fatalf("%+v", e)
	}
}
