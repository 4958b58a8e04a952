package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a PostgreSQL of our own.
type Server struct {
	bin  string // where its programs are
	root string // its directory
	port int

	mu        sync.Mutex
	cmd       *exec.Cmd
	done      chan struct{} // closed when cmd has ended
	databases int
	settings  []string
	prefix    []string
	kept      bool // root stays when the server ends
}

// Options of a server that is no test's.
type Options struct {
	Settings []string // such as "fsync=on": the usual ones are for tests, and lose all with the power
	Prefix   []string // a command that runs the server's command, which it has behind its own arguments
	Dir      string   // a directory of its own that is kept, with what it holds; empty: one that goes with the server
}

// Open starts a server for a program that is no test, which ends by Close.
func Open(o Options) (*Server, error) {
	bin := Bin()
	if bin == "" {
		return nil, errors.New("no PostgreSQL is installed here (initdb is not on PATH, nor in /usr/lib/postgresql or /usr/local/pgsql)")
	}
	return start(bin, o)
}

// shared is the one server of a test binary.
type shared struct {
	once sync.Once
	s    *Server
	err  error
}

var common shared

// Start gives the server of this test binary, which is started by the first
// call and lives as long as the process. The test is skipped where there is no
// PostgreSQL. Settings are for New.
func Start(tb testing.TB) *Server {
	tb.Helper()
	bin := Bin()
	if bin == "" {
		tb.Skip("no PostgreSQL is installed here (initdb is not on PATH, nor in /usr/lib/postgresql or /usr/local/pgsql)")
	}
	common.once.Do(func() {
		common.s, common.err = start(bin, Options{})
	})
	if common.err != nil {
		tb.Fatalf("cannot start PostgreSQL: %v", common.err)
	}
	return common.s
}

// New gives a server for one test alone, with settings such as
// "max_connections=20", which ends with the test.
func New(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	bin := Bin()
	if bin == "" {
		tb.Skip("no PostgreSQL is installed here (initdb is not on PATH, nor in /usr/lib/postgresql or /usr/local/pgsql)")
	}
	s, err := start(bin, Options{Settings: settings})
	if err != nil {
		tb.Fatalf("cannot start PostgreSQL: %v", err)
	}
	tb.Cleanup(s.close)
	return s
}

// Main runs the tests of a binary and ends its server behind them: the body of
// TestMain. Without it the server ends with the process, but leaves its
// directory.
func Main(m *testing.M) int {
	defer func() {
		if common.s != nil {
			common.s.close()
		}
	}()
	return m.Run()
}

// Bin finds the directory of PostgreSQL's programs; empty if there is none.
func Bin() string {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
		dirs = append(dirs, filepath.Dir(path))
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(debian)
	slices.Reverse(debian)
	for _, dir := range append(append(dirs, debian...), "/usr/local/pgsql/bin") {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir
		}
	}
	return ""
}

func start(bin string, o Options) (*Server, error) {
	sweep()
	s := &Server{bin: bin, root: o.Dir, settings: o.Settings, prefix: o.Prefix, kept: o.Dir != ""}
	var err error
	if s.kept {
		err = os.MkdirAll(s.root, 0o700)
	} else {
		s.root, err = os.MkdirTemp("", fmt.Sprintf("pgtest-%d-", os.Getpid()))
	}
	if err != nil {
		return nil, err
	}
	if _, err = os.Stat(filepath.Join(s.data(), "PG_VERSION")); err != nil {
		err = s.create()
	}
	if err == nil {
		err = s.run()
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// remove takes the directory away, unless it is kept.
func (s *Server) remove() {
	if !s.kept {
		_ = os.RemoveAll(s.root)
	}
}

// sweep takes away directories that processes left which did not end by Main.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), "pgtest-*-*"))
	for _, dir := range dirs {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(dir), "-")[1])
		if err == nil && !lives(pid) {
			_ = os.RemoveAll(dir)
		}
	}
}

// create makes the cluster.
func (s *Server) create() error {
	if err := give(s.root); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "banto", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd.Dir = s.root
	asOther(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.root, "data") }

// Dir is the directory of the server's data.
func (s *Server) Dir() string { return s.data() }

// run starts the server and waits until it takes connections. Another process
// may take the free port in between, so it is tried with a few.
func (s *Server) run() error {
	var last error
	for range 5 {
		if s.port == 0 {
			if s.port, last = freePort(); last != nil {
				return last
			}
		}
		if last = s.runOnce(); last == nil {
			return nil
		}
		s.port = 0
	}
	return last
}

func freePort() (int, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) runOnce() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	args := []string{"-D", s.data(), "-k", s.root, "-p", strconv.Itoa(s.port)}
	settings := append([]string{"listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=32MB", "log_min_messages=warning",
		"fsync=off", "full_page_writes=off"}, s.settings...) // it has no loss of power to fear
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	command := append(slices.Clone(s.prefix), filepath.Join(s.bin, "postgres"))
	command = append(command, args...)
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...) // it outlives the test
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.root, log, log
	asOther(cmd)
	if err := startHere(cmd); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	s.cmd, s.done = cmd, done
	if err := s.ready(done); err != nil {
		_ = cmd.Process.Kill()
		<-done
		return fmt.Errorf("%w\n%s", err, s.Log())
	}
	return nil
}

// ready waits until the server takes connections.
func (s *Server) ready(done chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(60 * time.Second); ; {
		if _, err := s.psql("postgres", "SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-done:
			return errors.New("the server ended at once")
		case <-end:
			return errors.New("the server does not take connections")
		case <-tick.C:
		}
	}
}

func (s *Server) psql(database, statement string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
		"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", "banto", "-d", database, "-c", statement)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", statement, err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Do runs a statement in a database as its owner, and gives what psql prints.
func (s *Server) Do(tb testing.TB, database, statement string) string {
	tb.Helper()
	out, err := s.psql(database, statement)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL gives the address of a database.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("banto", "not-asked-for"), Host: s.Addr(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// NewDatabase makes an empty database, and gives its address.
func (s *Server) NewDatabase(tb testing.TB) string {
	tb.Helper()
	url, err := s.Create()
	if err != nil {
		tb.Fatal(err)
	}
	return url
}

// Create makes an empty database, and gives its address.
func (s *Server) Create() (string, error) {
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("t%d", s.databases)
	s.mu.Unlock()
	_, err := s.psql("postgres", "CREATE DATABASE "+name)
	return s.URL(name), err
}

// Version is the server's own word on what it is, such as 17.6.
func (s *Server) Version() (string, error) { return s.psql("postgres", "SHOW server_version") }

func (s *Server) logFile() string { return filepath.Join(s.root, "log") }

// Log gives what the server has logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.logFile())
	return string(b)
}

// Close ends a server that Open has started.
func (s *Server) Close() { s.close() }

// close ends the server and takes its directory away, unless that is kept.
func (s *Server) close() {
	if s.kept {
		s.end(os.Interrupt)
		return
	}
	s.end(os.Kill)
	s.remove()
}
