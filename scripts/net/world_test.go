//go:build linux

package net_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/scripts/words"
)

// patience bounds every wait; nothing is expected to take that long.
const patience = 90 * time.Second

// addressOf gives the address of each place.
var addressOf = map[string]string{"manager": "192.168.213.2", "near": "192.168.215.2", "far": "192.168.214.2"}

// worlds counts the worlds of this process, for names that are not taken.
var worlds atomic.Int64

// world is the network of one story, and what runs in it.
type world struct {
	ts     *testscript.TestScript
	prefix string // of the namespaces
	procs  map[string]*words.Process
}

func worldOf(ts *testscript.TestScript) *world {
	w := ts.Value("world").(*world)
	if w.ts == nil {
		w.ts, w.procs = ts, map[string]*words.Process{}
		w.prefix = fmt.Sprintf("banto%d-%d-", os.Getpid(), worlds.Add(1))
		ts.Defer(w.clear)
		w.build()
	}
	return w
}

func (w *world) ns(place string) string { return w.prefix + place }

// must runs a command of the system that has to work.
func (w *world) must(line string) {
	args := strings.Fields(line)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		w.ts.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// in runs one inside a namespace.
func (w *world) in(place, line string) { w.must("ip netns exec " + w.ns(place) + " " + line) }

func (w *world) build() {
	for _, p := range []string{"router", "manager", "near", "far"} {
		w.must("ip netns add " + w.ns(p))
		w.in(p, "ip link set lo up")
		dir := "/etc/netns/" + w.ns(p)
		w.ts.Check(os.MkdirAll(dir, 0o755))
		hosts := "127.0.0.1 localhost\n::1 localhost\n192.168.213.2 manager.example\n192.168.214.1 router.example\n"
		w.ts.Check(os.WriteFile(filepath.Join(dir, "hosts"), []byte(hosts), 0o644))
		// Nobody answers there: a name that is not in hosts is not known at once.
		w.ts.Check(os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver 127.0.0.1\n"), 0o644))
		if p != "router" {
			w.ts.Check(os.MkdirAll(filepath.Join(w.home(p), "state"), 0o755))
		}
	}
	for _, p := range []string{"manager", "near", "far"} {
		gate := strings.TrimSuffix(addressOf[p], "2") + "1"
		w.must(fmt.Sprintf("ip link add eth0 netns %s type veth peer name to-%s netns %s", w.ns(p), p, w.ns("router")))
		w.in("router", "ip addr add "+gate+"/24 dev to-"+p)
		w.in("router", "ip link set to-"+p+" up")
		w.in(p, "ip addr add "+addressOf[p]+"/24 dev eth0")
		w.in(p, "ip link set eth0 up")
		w.in(p, "ip route add default via "+gate)
	}
	w.ts.Check(exec.Command("ip", "netns", "exec", w.ns("router"), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward").Run())
	w.nft("add table ip banto")
	w.nft("add chain ip banto post { type nat hook postrouting priority 100 ; }")
	w.nft("add rule ip banto post ip saddr 192.168.214.0/24 masquerade")
	w.nft("add chain ip banto forward { type filter hook forward priority 0 ; }")
	w.route("none")
}

func (w *world) nft(rule string) {
	if out, err := exec.Command("ip", "netns", "exec", w.ns("router"), "nft", rule).CombinedOutput(); err != nil {
		w.ts.Fatalf("nft %s: %v\n%s", rule, err, out)
	}
}

// route says what is between far and the manager.
func (w *world) route(way string) {
	w.nft("flush chain ip banto forward")
	if way != "nat" {
		w.nft("add rule ip banto forward iifname to-far drop")
		w.nft("add rule ip banto forward oifname to-far drop") // open connections too
	}
	if p := w.procs["proxy"]; p != nil && way != "proxy" {
		w.end("proxy", syscall.SIGKILL)
	}
	if way == "proxy" {
		conf := w.ts.MkAbs("tinyproxy.conf")
		text := "Port 3128\nListen 192.168.214.1\nTimeout 600\nAllow 192.168.214.0/24\nConnectPort 8600\nLogLevel Info\n"
		w.ts.Check(os.WriteFile(conf, []byte(text), 0o644))
		w.start("router", "proxy", []string{"tinyproxy", "-d", "-c", conf})
	}
}

func (w *world) link(place, way string) { w.in("router", "ip link set to-"+place+" "+way) }

func (w *world) home(place string) string { return filepath.Join(w.ts.Getenv("WORK"), place) }

// line is the command line that runs a command at a place.
func (w *world) line(place string, args []string) []string {
	home := w.home(place)
	line := []string{"ip", "netns", "exec", w.ns(place), "env", "-i",
		"PATH=" + w.ts.Getenv("PATH"), "HOME=" + home, "BANTO_DATA=" + filepath.Join(home, "state"),
		"BANTO_CONFIG=" + filepath.Join(home, "config.json"), "BANTO_LANG=en", "TZ=UTC", "WORK=" + w.ts.Getenv("WORK")}
	if args[0] == "banto" {
		args = append([]string{banto(w.ts)}, args[1:]...)
	}
	return append(line, args...)
}

// start runs a command in the background and waits until it has said
// something, or has ended.
func (w *world) start(place, name string, args []string) {
	if w.procs[name] != nil {
		w.ts.Fatalf("%s runs already", name)
	}
	line := w.line(place, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = w.ts.Getenv("WORK")
	p, err := words.Start(cmd, w.ts.MkAbs(name+".log"))
	w.ts.Check(err)
	w.procs[name] = p
	spoke := words.Within(patience, func() bool { return p.Gone() || p.Said() != "" })
	if !spoke {
		w.ts.Fatalf("%s says nothing", name)
	}
}

// end ends something that runs in the background.
func (w *world) end(name string, sig syscall.Signal) {
	p := w.procs[name]
	if p == nil {
		w.ts.Fatalf("%s does not run", name)
	}
	delete(w.procs, name)
	p.Cmd.Process.Signal(sig) // one that has ended cannot be signalled, which is fine
	if !words.Within(patience, p.Gone) {
		p.Kill()
		w.ts.Fatalf("%s does not end:\n%s", name, p.Said())
	}
}

// clear ends what runs in the namespaces, keepers and jobs too, and takes the
// namespaces away.
func (w *world) clear() {
	for _, p := range []string{"manager", "near", "far", "router"} {
		out, _ := exec.Command("ip", "netns", "pids", w.ns(p)).Output()
		for _, pid := range strings.Fields(string(out)) {
			exec.Command("kill", "-9", pid).Run()
		}
		words.Within(patience, func() bool {
			out, err := exec.Command("ip", "netns", "pids", w.ns(p)).Output()
			return err != nil || len(out) == 0
		})
		exec.Command("ip", "netns", "delete", w.ns(p)).Run()
		os.RemoveAll("/etc/netns/" + w.ns(p))
	}
	for name, p := range w.procs {
		<-p.Ended()
		p.Show(w.ts, name)
	}
}
