//go:build unix

package app_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
)

// TestMain lets this binary be the keeper that an agent starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "keeper" {
		o := app.KeeperOptions{Dir: os.Args[3], Version: "test", AllowRoot: slices.Contains(os.Args, "--allow-root")}
		if err := app.RunKeeper(context.Background(), o); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func options(t *testing.T, dir string) app.Options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keeperEnds(t, filepath.Join(dir, "data")) })
	return app.Options{
		Data: filepath.Join(dir, "data"), HTTP: "127.0.0.1:0", Fabric: "127.0.0.1:0", Name: "db01",
		Config: filepath.Join(dir, "config.json"), Exe: exe, Version: "test",
	}
}

// keeperEnds waits until no keeper serves a data directory any more: it ends by
// itself once its agent has gone.
func keeperEnds(t *testing.T, data string) {
	f, err := os.Open(filepath.Join(data, "agent", "keeper", "keeper.lock"))
	if err != nil {
		return // there was none
	}
	defer f.Close()
	until(t, "the keeper ends", func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil })
}

// up runs manager and agent in this process until stop, which gives their error.
func up(t *testing.T, o app.Options) (app.Running, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan app.Running, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- app.Up(ctx, o, func(r app.Running) error { ready <- r; return nil })
	}()
	stop := func() error { cancel(); return <-ended }
	select {
	case r := <-ready:
		return r, stop
	case err := <-ended:
		cancel()
		t.Fatalf("it did not start: %v", err)
	case <-time.After(time.Minute):
		cancel()
		t.Fatal("it does not start")
	}
	return app.Running{}, nil
}

func TestUpRunsAJobAndKeepsItsIdentity(t *testing.T) {
	o := options(t, t.TempDir())
	r, stop := up(t, o)
	info, err := os.Stat(o.Config)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the configuration: %v, %v", info, err)
	}
	first, err := config.Load(o.Config)
	if err != nil || first.URL != r.URL {
		t.Fatalf("the configuration says %v, %v", first.URL, err)
	}
	c := client.New(first.URL, first.Token)
	ctx := t.Context()
	text := "jobnet: try/one\nparts:\n  a: {job: echo hello}\n"
	if _, err := c.Apply(ctx, banto.ApplyRequest{Files: []banto.File{{Name: "one.yaml", Text: text}}}); err != nil {
		t.Fatal(err)
	}
	tracker, _, err := c.Submit(ctx, banto.SubmitRequest{Jobnet: "try/one"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var state banto.TrackerState
	if err := c.Watch(ctx, tracker.ID, func(e banto.TrackerEvent) error { state = e.Tracker.State; return nil }); err != nil || state != banto.TrackerOK {
		t.Fatalf("the tracker ended %s, %v", state, err)
	}
	before, err := c.Host(ctx, "db01")
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	_, stop = up(t, o)
	second, err := config.Load(o.Config)
	if err != nil || second.Token != first.Token {
		t.Errorf("a known token was replaced at the second start: %v", err)
	}
	after, err := client.New(second.URL, second.Token).Host(ctx, "db01")
	if err != nil || after.ID != before.ID {
		t.Errorf("the host was %s and is %s: %v", before.ID, after.ID, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// TestStartsThatCannotBe has each refused in one line that says what to do,
// and nothing left behind that would refuse the next start.
func TestStartsThatCannotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, change := range map[string]func(*app.Options){
		"HTTP port in use":      func(o *app.Options) { o.HTTP = taken.Addr().String() },
		"fabric port in use":    func(o *app.Options) { o.Fabric = taken.Addr().String() },
		"half of a certificate": func(o *app.Options) { o.Cert = "cert.pem" },
		"no such certificate":   func(o *app.Options) { o.Cert, o.Key = "/none/cert.pem", "/none/key.pem" },
		"no such colour":        func(o *app.Options) { o.Environment, o.Colour = "production", "beige" },
		"no address":            func(o *app.Options) { o.Fabric = "8601" },
		"no port":               func(o *app.Options) { o.Fabric = "127.0.0.1:99999" },
		"too many slots":        func(o *app.Options) { o.Slots = 1_000_000 },
		"a file as data directory": func(o *app.Options) {
			o.Data += "-file"
			if err := os.WriteFile(o.Data, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			good := options(t, t.TempDir())
			bad := good
			change(&bad)
			err := app.Up(t.Context(), bad, func(app.Running) error { return errors.New("it started") })
			refused(t, err)
			_, stop := up(t, good)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestWhoMayPassThroughTheDataDirectory lets the jobs that root runs as other
// users reach their work directories, and leaves a directory that somebody made
// as it is.
func TestWhoMayPassThroughTheDataDirectory(t *testing.T) {
	want := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		want = 0o711
	}
	made, there := options(t, t.TempDir()), options(t, t.TempDir())
	if err := os.Mkdir(there.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, o := range []app.Options{made, there} {
		_, stop := up(t, o)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]fs.FileMode{
		made.Data: want, filepath.Join(made.Data, "agent"): want, there.Data: 0o700,
		filepath.Join(made.Data, "store"): 0o700, filepath.Join(made.Data, "outputs"): 0o700, filepath.Join(made.Data, "fabric"): 0o700,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
	}
}

func TestTwoOfEverythingOnOneDirectory(t *testing.T) {
	o := options(t, t.TempDir())
	_, stop := up(t, o)
	err := app.Up(t.Context(), o, func(app.Running) error { return errors.New("it started") })
	refused(t, err)
	refused(t, app.RunAgent(t.Context(), o, func(app.Running) error { return errors.New("it started") }))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestAgentWithoutEnrolment(t *testing.T) {
	refused(t, app.RunAgent(t.Context(), options(t, t.TempDir()), func(app.Running) error { return errors.New("it started") }))
}

func refused(t *testing.T, err error) {
	t.Helper()
	var info *banto.ErrorInfo
	if !errors.As(err, &info) || info.Kind != banto.KindInvalid || info.Hint == "" || strings.Contains(err.Error(), "\n") {
		t.Errorf("want one line with a hint, kind invalid: %v", err)
	}
}
