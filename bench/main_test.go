//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// This binary becomes another program when it is told to, as bench itself does.
func TestMain(m *testing.M) {
	if became, err := become(os.Args[1:]); became {
		if err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && (os.Args[1] == "sync-three-times" || os.Args[1] == "sync-and-wait") {
		f, err := os.Create(os.Args[2])
		for range 3 {
			err = errors.Join(err, f.Sync())
		}
		if os.Args[1] == "sync-and-wait" {
			<-time.After(time.Minute) // it is ended before
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"chain"}, "rows are named with -name"},
		{[]string{"-name", "chian"}, "no row is called chian (there are: throughput, chain,"},
		{[]string{"-store", "oracle"}, "-store is sqlite, postgres or all"},
		{[]string{"-all", "-smoke"}, "opposites"},
		{[]string{"-nonsense"}, "flag provided but not defined"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), c.args, &out, &errs); code != 2 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%v: code %d, %s", c.args, code, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"-help"}, &out, &errs); code != 0 || !strings.Contains(errs.String(), "make bench NAME=chain") {
		t.Errorf("-help: code %d, %s", code, errs.String())
	}
	errs.Reset()
	if code := run(context.Background(), []string{"-binary", filepath.Join(t.TempDir(), "none")}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "make build makes it") {
		t.Errorf("without a binary: code %d, %s", code, errs.String())
	}
}

func TestChoice(t *testing.T) {
	all := []Row{{Name: "a", Smoke: true}, {Name: "b", Slow: true, On: both()}, {Name: "c", On: both(), Sync: true}}
	for _, c := range []struct {
		names string
		o     options
		want  string
	}{
		{"", options{}, "a c"},
		{"", options{all: true}, "a b c"},
		{"", options{smoke: true}, "a"},
		{"b", options{}, "b"},
		{"c, a", options{}, "a c"},
	} {
		chosen, err := choose(all, c.names, c.o)
		var got []string
		for _, r := range chosen {
			got = append(got, r.Name)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%q %+v: %v %v", c.names, c.o, got, err)
		}
	}
	var on []string
	for _, e := range envs(all[2], options{store: "all"}) {
		on = append(on, Result{Store: e.Store, Sync: e.Sync}.On())
	}
	if got := strings.Join(on, "; "); got != "sqlite; sqlite, fsync + 2ms; postgres; postgres, fsync + 2ms" {
		t.Error(got)
	}
	if got := envs(all[2], options{store: "postgres", smoke: true}); len(got) != 1 || got[0].Sync != 0 {
		t.Error("the short form on one store", got)
	}
	if got := envs(all[0], options{store: "postgres"}); len(got) != 1 || got[0].Store != "" {
		t.Error("a row that needs no store", got)
	}
}

// A row that fails or is interrupted leaves no process and no directory.
func TestARowLeavesNothing(t *testing.T) {
	binary, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{Binary: binary, Log: io.Discard}
	var p *Process
	var dir string
	r := one(context.Background(), Row{Name: "fails", Run: func(_ context.Context, e *Env) ([]Measure, error) {
		dir = e.Dir
		p, err = e.Start("sleeper", []string{"600"})
		return nil, errors.Join(err, errors.New("as it is meant to"))
	}}, e)
	if r.Err == nil || !strings.Contains(r.text(), "could not be measured: as it is meant to") {
		t.Errorf("%v: %s", r.Err, r.text())
	}
	select {
	case <-p.Gone():
	default:
		t.Error("its process lives on")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is still there: %v", err)
	}
}

// What is started on a slow disk has each of its fsyncs held up and counted,
// and comes to its end.
func TestSlowDisk(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{Binary: self, Sync: time.Millisecond, Log: io.Discard, Dir: t.TempDir()}
	defer e.end()
	p, err := e.Start("syncer", []string{"sync-three-times", filepath.Join(e.Dir, "file")})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Gone()
	if strings.Contains(p.Tail(), "seccomp") {
		t.Skip("this system does not let a process filter its calls: ", p.Tail())
	}
	if p.how != nil {
		t.Fatalf("%v: %s", p.how, p.Tail())
	}
	if got := e.slow.syncs()["sync-three-times"]; got != 3 {
		t.Errorf("%v calls were held up, not 3", e.slow.syncs())
	}
	if e.slow.over(0) {
		t.Error("the row goes on, and nobody listens for its next process")
	}
	one, err := e.timeSync(context.Background())
	if err != nil || one.Value <= 0 || e.slow.syncs()[syncArg] == 0 {
		t.Errorf("%+v %v %v", one, err, e.slow.syncs())
	}
}

// A row on a slow disk that is over leaves nothing behind that takes time from the
// next: neither of a process that has ended by itself nor of one that is ended.
func TestASlowRowLeavesNothingBusy(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{Binary: self, Sync: time.Millisecond, Log: io.Discard, Dir: t.TempDir()}
	ended, err := e.Start("syncer", []string{"sync-three-times", filepath.Join(e.Dir, "file")})
	if err != nil {
		e.end()
		t.Fatal(err)
	}
	<-ended.Gone()
	if strings.Contains(ended.Tail(), "seccomp") {
		e.end()
		t.Skip("this system does not let a process filter its calls: ", ended.Tail())
	}
	lives, err := e.Start("lives", []string{"sync-and-wait", filepath.Join(e.Dir, "file")})
	if err == nil {
		err = until(context.Background(), "it has synced", time.Millisecond, 10*time.Second, func() bool { return e.slow.syncs()["sync-and-wait"] > 0 })
	}
	e.end()
	if err != nil {
		t.Fatalf("%v: %s", err, lives.Tail())
	}
	if !e.slow.over(10 * time.Second) {
		t.Error("a filter is served that has no process")
	}
}
