//go:build unix

package managers_test

import (
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/internal/pgtest"
)

func database(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) != 1 {
		ts.Fatalf("usage: database shared|own|proxied|small|pair")
	}
	if args[0] == "shared" {
		w.server = pgtest.Start(w.t)
	} else {
		w.server = pgtest.New(w.t)
	}
	var store string
	if args[0] == "small" {
		store = w.onSmallDisk()
	} else {
		store = w.server.NewDatabase(w.t)
	}
	u, err := url.Parse(store)
	ts.Check(err)
	w.name = strings.TrimPrefix(u.Path, "/")
	switch args[0] {
	case "proxied":
		w.wire = newWire(w, w.server.Addr())
		u.Host = w.wire.listener.Addr().String()
	case "pair":
		w.standby = w.server.Copy(w.t, true)
		w.server.Do(w.t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
		w.server.Do(w.t, "postgres", "SELECT pg_reload_conf()")
		u.Host += "," + w.standby.Addr()
		u.RawQuery += "&target_session_attrs=read-write"
	}
	ts.Setenv("STORE", u.String())
}

// harms is what may befall the database.
var harms = map[string]func(w *world){
	"fast":      func(w *world) { w.server.Stop(true); w.server.Run(w.t) },
	"immediate": func(w *world) { w.server.Restart(w.t) },
	"down":      func(w *world) { w.server.Stop(false) },
	"up":        func(w *world) { w.server.Run(w.t) },
	"cut":       func(w *world) { w.wire.cut(true) },
	"mend":      func(w *world) { w.wire.cut(false) },
	"full":      func(w *world) { w.fill() },
	"room":      func(w *world) { w.ts.Check(os.Remove(filepath.Join(w.disk, "ballast"))) },
	// copy has a second site copy the database, to which away goes.
	"copy": func(w *world) { w.second = w.server.Copy(w.t, false) },
	"away": func(w *world) {
		w.server = w.second
		w.ts.Setenv("STORE", w.server.URL(w.name))
	},
	"block": (*world).block,
	"failover": func(w *world) {
		w.server.Stop(false)
		w.standby.Promote(w.t)
		w.server = w.standby
	},
}

// block is a person who leaves a transaction open that holds the lease's row.
func (w *world) block() {
	psql := exec.Command(filepath.Join(pgtest.Bin(), "psql"), "-X", "-q", "-d", w.server.URL(w.name))
	in, err := psql.StdinPipe()
	w.ts.Check(err)
	w.ts.Check(psql.Start())
	w.t.Cleanup(func() { in.Close(); psql.Wait() })
	_, err = io.WriteString(in, "BEGIN;\nSELECT * FROM lease FOR UPDATE;\n")
	w.ts.Check(err)
}

func harm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || harms[args[0]] == nil {
		ts.Fatalf("usage: harm WHAT")
	}
	harms[args[0]](worldOf(ts))
}

func sql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	w := worldOf(ts)
	ts.Check(ts.Exec(filepath.Join(pgtest.Bin(), "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", w.server.URL(w.name), "-c", args[0]))
}

// mountable says whether a file system in memory can be mounted.
func mountable() bool {
	dir, err := os.MkdirTemp("", "banto-disk-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).Run() != nil {
		return false
	}
	unmount(dir)
	return true
}

func unmount(dir string) { exec.Command("umount", "-l", dir).Run() }

// onSmallDisk makes a database whose tables are on a small disk.
func (w *world) onSmallDisk() string {
	dir, err := os.MkdirTemp("", "banto-disk-")
	w.ts.Check(err)
	w.t.Cleanup(func() { os.Remove(dir) })
	w.ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs", dir).Run())
	w.disk = dir
	space := filepath.Join(dir, "space")
	w.ts.Check(os.Mkdir(space, 0o700))
	w.ts.Check(exec.Command("chown", "--reference", w.server.Dir(), dir, space).Run())
	w.server.Do(w.t, "postgres", "CREATE TABLESPACE small LOCATION '"+space+"'")
	w.server.Do(w.t, "postgres", "CREATE DATABASE small TABLESPACE small")
	return w.server.URL("small")
}

// fill leaves no room on the small disk.
func (w *world) fill() {
	f, err := os.Create(filepath.Join(w.disk, "ballast"))
	w.ts.Check(err)
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
}

// wire is what the managers reach the database over.
type wire struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	down     bool
	open     map[net.Conn]bool
}

func newWire(w *world, to string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.ts.Check(err)
	x := &wire{listener: l, to: to, open: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go x.pass(c)
		}
	}()
	return x
}

func (x *wire) note(c net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.down {
		c.Close()
		return false
	}
	x.open[c] = true
	return true
}

func (x *wire) pass(c net.Conn) {
	if !x.note(c) {
		return
	}
	far, err := net.Dial("tcp", x.to)
	if err != nil || !x.note(far) {
		c.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { io.Copy(far, c); far.Close() })
	both.Go(func() { io.Copy(c, far); c.Close() })
	both.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, c)
	delete(x.open, far)
}

// cut breaks all connections and lets none through, or lets them again.
func (x *wire) cut(down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = down
	if down {
		for c := range x.open {
			c.Close()
		}
	}
}

func (x *wire) close() {
	x.listener.Close()
	x.cut(true)
}
