//go:build linux

package crash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
	"github.com/bantoops/banto/internal/pgtest"
)

// binary is the real binary, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "banto-crash-")
	if err == nil {
		binary = filepath.Join(dir, "banto")
		build := exec.Command("go", "build", "-o", binary, "../../cmd/banto")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot build the binary:", err)
		os.Exit(1)
	}
	code := pgtest.Main(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// number reads how often, or how many, from the environment.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// patience bounds every wait; nothing is expected to take that long.
const patience = 3 * time.Minute

// process is one of ours, that is killed and started again.
type process struct {
	name string
	args []string
	env  []string
	log  *os.File
	cmd  *exec.Cmd
	gone chan struct{}
	// meant says that it was ended by the test.
	meant bool
}

func (p *process) start(t testing.TB) {
	t.Helper()
	p.cmd = exec.Command(binary, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	p.gone, p.meant = gone, false
	cmd := p.cmd
	go func() {
		cmd.Wait()
		close(gone)
	}()
}

func (p *process) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

// kill9 kills the process, and nothing else: a keeper lives on.
func (p *process) kill9() {
	p.meant = true
	p.signal(syscall.SIGKILL)
	<-p.gone
}

// world is managers, agents, and the wire between them.
type world struct {
	t        *testing.T
	dir      string
	store    string // URL; empty: a store in one directory
	database *pgtest.Server
	managers []*process
	urls     []string
	agents   []*process
	proxy    *proxy
	client   *client.Client
	chance   *rand.Rand
	lines    string // the file that jobs append to
}

// newWorld starts managers and agents. kind is sqlite or postgres.
func newWorld(t *testing.T, kind string, managers, agents int) *world {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &world{t: t, dir: t.TempDir(), chance: rand.New(rand.NewPCG(seed, 9))}
	w.lines = filepath.Join(w.dir, "lines")
	if kind == "postgres" {
		w.database = pgtest.Start(t)
		w.store = w.database.NewDatabase(t)
	}
	w.proxy = newProxy(t)
	for i := range managers {
		w.addManager(i)
	}
	t.Cleanup(w.down)
	w.managers[0].start(t)
	w.connect()
	for _, m := range w.managers[1:] {
		m.start(t)
	}
	for i := range agents {
		w.addAgent(i)
	}
	w.until("the agents are connected", func() bool { return w.connected() >= agents })
	return w
}

func (w *world) addManager(i int) {
	name := fmt.Sprintf("m%d", i)
	http, fabric := free(w.t), free(w.t)
	p := &process{name: name, log: w.logFile(name), env: []string{"BANTO_CONFIG=" + filepath.Join(w.dir, "config.json"), "BANTO_URL=", "BANTO_TOKEN="}}
	p.args = []string{"server", "--data", filepath.Join(w.dir, name), "--name", name, "--http", http, "--fabric", fabric}
	if w.store != "" {
		p.args = append(p.args, "--store", w.store)
	}
	w.managers = append(w.managers, p)
	w.urls = append(w.urls, "http://"+http)
}

// connect makes the client, once the first manager has written its token.
func (w *world) connect() {
	w.t.Helper()
	w.until("the first manager answers", func() bool {
		c, err := config.Load(filepath.Join(w.dir, "config.json"))
		if err != nil || c.Token == "" {
			return false
		}
		w.client = client.New(strings.Join(w.urls, ","), c.Token, client.WithPatience(time.Minute))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, err = w.client.Manager(ctx)
		return err == nil
	})
}

// addAgent lets a host join, through the wire that can be cut.
func (w *world) addAgent(i int) {
	w.t.Helper()
	name := fmt.Sprintf("a%d", i)
	token, err := w.client.Enrol(w.ctx(), banto.EnrolRequest{Name: name, Labels: map[string]string{"role": "work"}})
	if err != nil {
		w.t.Fatal(err)
	}
	p := &process{name: name, log: w.logFile(name)}
	p.args = []string{
		"agent", "--data", filepath.Join(w.dir, name), "--join", token.Token, "--slots", "16", "--proxy", w.proxy.url(), "--allow-root",
	}
	p.start(w.t)
	w.agents = append(w.agents, p)
}

func (w *world) logFile(name string) *os.File {
	f, err := os.OpenFile(filepath.Join(w.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	return f
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// connected counts the hosts that are there, as any manager tells it.
func (w *world) connected() int {
	hosts, err := w.client.Hosts(w.ctx())
	if err != nil {
		return 0
	}
	n := 0
	for _, h := range hosts {
		if h.State == banto.HostConnected {
			n++
		}
	}
	return n
}

// until waits for something that the world shows from outside.
func (w *world) until(what string, seen func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !seen() {
		for _, p := range w.processes() {
			select {
			case <-p.gone: // nil before it was started
				if !p.meant {
					w.t.Fatalf("%s has ended by itself while this was waited for: %s", p.name, what)
				}
			default:
			}
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain: %s", what)
		}
		<-tick.C
	}
}

func (w *world) processes() []*process { return slices.Concat(w.agents, w.managers) }

// down ends all processes in good order, and shows the logs of a failure.
func (w *world) down() {
	w.proxy.cut(false)
	for _, p := range w.processes() {
		if p.cmd == nil {
			continue
		}
		p.meant = true
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGTERM)
		select {
		case <-p.gone:
		case <-time.After(patience):
			w.t.Errorf("%s does not end", p.name)
			p.kill9()
		}
	}
	for i := range w.agents {
		w.until("the keeper ends with its agent", func() bool { return w.noKeeper(i) })
	}
	if w.t.Failed() {
		for _, p := range w.processes() {
			if body, err := os.ReadFile(filepath.Join(w.dir, p.name+".log")); err == nil {
				w.t.Logf("log of %s:\n%s", p.name, tail(body, 20_000))
			}
		}
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func (w *world) noKeeper(agent int) bool {
	f, err := os.Open(filepath.Join(w.dir, fmt.Sprintf("a%d", agent), "agent", "keeper", "keeper.lock"))
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// apply makes the definitions.
func (w *world) apply(text string) {
	w.t.Helper()
	_, err := w.client.Apply(w.ctx(), banto.ApplyRequest{Files: []banto.File{{Name: "crash.yaml", Text: text}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// written gives how often each line is in the file of lines.
func (w *world) written() (all int, by map[string]int) {
	body, err := os.ReadFile(w.lines)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	by = map[string]int{}
	for line := range bytes.Lines(body) {
		by[string(bytes.TrimSpace(line))]++
		all++
	}
	return all, by
}

// count is how many lines there are, without reading them.
func (w *world) count() int {
	all, _ := w.written()
	return all
}

// proxy is an HTTP proxy that takes CONNECT, and can be cut.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	down     bool
	open     map[net.Conn]struct{}
}

func newProxy(t *testing.T) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, open: map[net.Conn]struct{}{}}
	t.Cleanup(func() { l.Close(); p.cut(true) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

// cut closes all connections and lets none through, or lets them again.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.open {
		c.Close()
	}
}

func (p *proxy) note(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		c.Close()
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *proxy) forget(c net.Conn) {
	c.Close()
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
