//go:build linux

package vm_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/scripts/words"
)

// Where a kernel with its modules is (a Debian package, unpacked), and where the
// binaries for the guest are.
const (
	kernelEnv   = "BANTO_VM_KERNEL"
	binariesEnv = "BANTO_VM_BINARIES"
)

// missing says what the stories need and this machine does not have.
func missing() string {
	if os.Getenv(binariesEnv) == "" {
		return "`make vm` builds what runs in it and sets " + binariesEnv
	}
	for _, name := range []string{"qemu-system-x86_64", "busybox", "mkfs.ext4", "ganesha.nfsd"} {
		if _, err := program(name); err != nil {
			return name + " is not installed"
		}
	}
	if kernels, _ := filepath.Glob(filepath.Join(os.Getenv(kernelEnv), "boot", "vmlinuz-*")); len(kernels) == 0 {
		return "no kernel is in " + kernelEnv + " (" + os.Getenv(kernelEnv) + "/boot)"
	}
	return ""
}

func TestInMachine(t *testing.T) {
	if why := missing(); why != "" {
		t.Skip("the stories with a virtual machine do not run: " + why)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	img, err := newImage(t.TempDir(), os.Getenv(kernelEnv), os.Getenv(binariesEnv), busybox)
	if err != nil {
		t.Fatal(err)
	}
	img.choose(t)
	t.Run("keeper", func(t *testing.T) { runKeeperTests(t, img) })
	t.Run("stories", func(t *testing.T) { runStories(t, img) })
}

// choose finds out what runs the guest. A /dev/kvm that can be opened need not
// work: a guest must have come up.
func (i *image) choose(t *testing.T) {
	i.accel = "tcg,thread=multi"
	if !accelerated() {
		t.Log("no KVM here: the guest is emulated")
		return
	}
	kvm := image{kernel: i.kernel, files: i.files, accel: "kvm"}
	g, err := kvm.boot(t.TempDir(), "", "0s", 20*time.Second)
	if err != nil {
		t.Logf("KVM does not work here, the guest is emulated: %v", err)
		return
	}
	g.cut()
	i.accel = kvm.accel
}

// runKeeperTests runs the tests of agent/keeper that take another way where the
// host has all controllers.
func runKeeperTests(t *testing.T, img *image) {
	g, err := img.boot(t.TempDir(), "", "0s", bootPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer g.cut()
	out, code, err := g.run("keeper.test -test.run 'Limit|ForkBomb|Nice' -test.v -test.timeout 80s")
	switch {
	case err != nil || code != 0:
		t.Fatalf("exit code %d, %v\n%s\nconsole:\n%s", code, err, out, g.said())
	case !strings.Contains(out, "controllers [cpu memory pids]"):
		t.Fatalf("the guest has not all controllers:\n%s", out)
	}
	t.Logf("%d tests of agent/keeper passed", bytes.Count([]byte(out), []byte("--- PASS: Test")))
}

func runStories(t *testing.T, img *image) {
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values["room"] = &room{img: img, dir: env.WorkDir, binary: filepath.Join(os.Getenv(binariesEnv), "banto")}
			env.Setenv("PATH", os.Getenv(binariesEnv)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("BANTO_LANG", "en")
			env.Setenv("TZ", "UTC")
			env.Setenv("BANTO_CONFIG", filepath.Join(env.WorkDir, "config.json"))
			env.Setenv("BANTO_DATA", filepath.Join(env.WorkDir, "state"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"boot": boot, "off": off, "cut": cut, "stun": stun, "wake": wake, "disk": disk, "share": share, "clock": clock,
			"at": at, "exits": words.Exits(there), "start": start, "until": words.Until(patience, saidThere, showIt), "keep": words.Keep,
		},
	})
}
