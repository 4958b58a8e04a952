//go:build linux

package vm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// image is what a guest boots: a kernel, and all its files.
type image struct {
	kernel, files string
	accel         string // what qemu runs it with
}

// devices are the modules for the guest's devices; one that is not there is in
// the kernel itself.
var devices = []string{"virtio_pci", "virtio_net", "virtio_blk"}

// onDemand are modules that a story loads, with all that they need.
var onDemand = []string{"nfsv4"}

// initScript is the guest's first process: it makes the machine ready, and then
// does what it is told over a connection to us.
const initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin 2>/dev/null
export PATH=/bin HOME=/root BANTO_DATA=/data/banto BANTO_LANG=en TZ=UTC0
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for m in /modules/*; do insmod $m; done
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
if [ -b /dev/vda ]; then mount -t ext4 /dev/vda /data || echo no disk; fi
echo the guest is ready
cd /root
nc -w 5 10.0.2.2 $CALL -e /bin/sh
echo nobody is there any more
poweroff -f
`

// niceScript is what busybox may lack: it says its own nice value.
const niceScript = "#!/bin/sh\nset -- $(cat /proc/self/stat)\necho ${19}\n"

// newImage makes the guest's files, in the format of an initial file system of
// Linux (cpio, newc).
func newImage(dir, kernelDir, binaries, busybox string) (*image, error) {
	kernels, _ := filepath.Glob(filepath.Join(kernelDir, "boot", "vmlinuz-*"))
	if len(kernels) == 0 {
		return nil, fmt.Errorf("no kernel in %s/boot", kernelDir)
	}
	c := &cpio{}
	for _, name := range []string{"bin", "data", "dev", "etc", "modules", "more", "proc", "root", "share", "sys", "tmp"} {
		c.add(name, 0o40755, nil)
	}
	c.add("init", 0o100755, []byte(initScript))
	c.add("bin/nice", 0o100755, []byte(niceScript))
	c.add("etc/passwd", 0o100644, []byte("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"))
	c.add("etc/group", 0o100644, []byte("root:x:0:\nnogroup:x:65534:\n"))
	c.add("etc/machine-id", 0o100644, []byte("5e11d1f2a1b04c7f9d2f0f3c5a7b9e01\n"))
	for name, path := range map[string]string{
		"bin/busybox": busybox, "bin/banto": filepath.Join(binaries, "banto"), "bin/keeper.test": filepath.Join(binaries, "keeper.test"),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		c.add(name, 0o100755, text)
	}
	have := map[string]bool{}
	for dir, names := range map[string][]string{"modules": devices, "more": onDemand} {
		for _, name := range names {
			if err := c.addModule(kernelDir, dir, name, have); err != nil {
				return nil, err
			}
		}
	}
	img := &image{kernel: kernels[len(kernels)-1], files: filepath.Join(dir, "files.cpio")}
	return img, os.WriteFile(img.files, c.end(), 0o600)
}

// module reads a module of the kernel; nothing when it has none of that name.
func module(kernelDir, name string) (text []byte, err error) {
	found := errors.New("found")
	err = filepath.WalkDir(kernelDir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch filepath.Base(path) {
		case name + ".ko":
			text, err = os.ReadFile(path)
		case name + ".ko.xz":
			text, err = exec.Command("xz", "-dc", path).Output()
		default:
			return nil
		}
		return errors.Join(found, err)
	})
	if errors.Is(err, found) && text != nil {
		err = nil
	}
	return text, err
}

// addModule adds a module after those that it needs, numbered in that order.
func (c *cpio) addModule(kernelDir, dir, name string, have map[string]bool) error {
	if name == "" || have[name] {
		return nil
	}
	text, err := module(kernelDir, name)
	if err != nil || text == nil {
		return err
	}
	needs := ""
	if _, rest, ok := bytes.Cut(text, []byte("\x00depends=")); ok {
		list, _, _ := bytes.Cut(rest, []byte("\x00"))
		needs = string(list)
	}
	for need := range strings.SplitSeq(needs, ",") {
		if err := c.addModule(kernelDir, dir, need, have); err != nil {
			return err
		}
	}
	c.add(fmt.Sprintf("%s/%02d-%s.ko", dir, len(have), name), 0o100644, text)
	have[name] = true
	return nil
}

// cpio is an archive that grows.
type cpio struct {
	bytes.Buffer
	n int
}

func (c *cpio) add(name string, mode int, text []byte) {
	c.n++
	fmt.Fprintf(c, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.n, mode, 0, 0, 1, 0, len(text), 0, 0, 0, 0, len(name)+1, 0, name)
	c.pad()
	c.Write(text)
	c.pad()
}

func (c *cpio) pad() { c.WriteString(strings.Repeat("\x00", -c.Len()&3)) }

func (c *cpio) end() []byte {
	c.add("TRAILER!!!", 0, nil)
	return c.Bytes()
}
