//go:build linux

package vm_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	bootPatience = 90 * time.Second // an emulated one on a busy machine
	patience     = 90 * time.Second // bounds every other wait; nothing is expected to take that long
	clockFormat  = "2006-01-02T15:04:05"
)

// guest is a machine that runs.
type guest struct {
	qemu    *exec.Cmd
	ended   chan struct{}
	console string // what it has said on its console
	call    net.Conn
	answers *bufio.Reader
}

// boot switches a machine on, with a disk if one is named and its clock as far
// ahead of ours as is said, and waits until it is ready.
func (i *image) boot(dir, disk, ahead string, wait time.Duration) (*guest, error) {
	off, err := time.ParseDuration(ahead)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	console, err := os.CreateTemp(dir, "console-*.log")
	if err != nil {
		return nil, err
	}
	defer console.Close()
	words := "console=ttyS0 quiet panic=-1 mitigations=off CALL=" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if i.accel != "kvm" {
		words += " clocksource=tsc tsc=reliable" // the others lose time when they stand still
	}
	args := []string{
		"-accel", i.accel, "-cpu", "max", "-smp", "2", "-m", "768", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-uuid", "7c0e6f4e-5d0c-4b5e-8b57-0d5f7f5c9a10", "-rtc", "base=" + time.Now().Add(off).UTC().Format(clockFormat),
		"-serial", "file:" + console.Name(), "-kernel", i.kernel, "-initrd", i.files,
		"-append", words,
		"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
	}
	if disk != "" {
		args = append(args, "-drive", "file="+disk+",format=raw,if=virtio,cache=writeback")
	}
	g := &guest{qemu: exec.Command("qemu-system-x86_64", args...), ended: make(chan struct{}), console: console.Name()}
	g.qemu.Stdout, g.qemu.Stderr = console, console
	g.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.qemu.Start(); err != nil {
		return nil, err
	}
	go func() {
		g.qemu.Wait()
		close(g.ended)
		l.Close() // nobody calls any more
	}()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	if g.call, err = l.Accept(); err != nil {
		g.cut()
		return nil, fmt.Errorf("the guest does not come up (%s): %w\n%s", i.accel, err, g.said())
	}
	g.answers = bufio.NewReader(g.call)
	return g, nil
}

// said is what stands on the guest's console.
func (g *guest) said() string {
	text, err := os.ReadFile(g.console)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// cut pulls the plug.
func (g *guest) cut() {
	g.qemu.Process.Kill() // one that has ended already is fine
	<-g.ended
	if g.call != nil {
		g.call.Close()
	}
}

// signal stops qemu and lets it go on.
func (g *guest) signal(sig syscall.Signal) error { return g.qemu.Process.Signal(sig) }

// endOfAnswer comes after what a command in the guest said.
const endOfAnswer = "--the-answer-ends-here--"

// run runs a line of shell in the guest.
func (g *guest) run(line string) (out string, code int, err error) {
	if err := g.call.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", 0, err
	}
	if _, err := fmt.Fprintf(g.call, "{ %s\n} </dev/null 2>&1; printf '\\n%s %%d\\n' $?\n", line, endOfAnswer); err != nil {
		return "", 0, err
	}
	var b strings.Builder
	for {
		text, err := g.answers.ReadString('\n')
		if err != nil {
			return b.String(), 0, fmt.Errorf("the guest does not answer: %w", err)
		}
		if rest, ok := strings.CutPrefix(text, endOfAnswer+" "); ok {
			code, err := strconv.Atoi(strings.TrimSpace(rest))
			return strings.TrimSuffix(b.String(), "\n"), code, err
		}
		b.WriteString(text)
	}
}

// off switches the guest off in good order.
func (g *guest) off() error {
	if _, err := fmt.Fprintln(g.call, "cd /; sync; umount /data || mount -o remount,ro /data; poweroff -f"); err != nil {
		return err
	}
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.cut()
		return errors.New("the guest does not go off:\n" + g.said())
	}
	return g.call.Close()
}

// quoted makes a line of shell of a command.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

// accelerated says whether the processor may run the guest by itself.
func accelerated() bool {
	flags, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !strings.Contains(string(flags), " vmx ") && !strings.Contains(string(flags), " svm ") {
		return false
	}
	kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	kvm.Close()
	return true
}

// newDisk makes an empty disk.
func newDisk(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(96 << 20); err != nil {
		return err
	}
	mkfs, err := program("mkfs.ext4")
	if err != nil {
		return err
	}
	if out, err := exec.Command(mkfs, "-q", "-F", path).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w\n%s", err, out)
	}
	return nil
}

// program finds one, also where only root looks.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}
