//go:build linux

package net_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/cli"
	"github.com/bantoops/banto/scripts/words"
)

func TestMain(m *testing.M) {
	// Stories wait more than they work; a flag of the command line comes later.
	_ = flag.Set("test.parallel", "6")
	testscript.Main(m, map[string]func(){"banto": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Run(ctx, os.Args[1:], cli.System("story"))
		stop()
		os.Exit(code)
	}})
}

func TestStories(t *testing.T) {
	if why := missing(); why != "" {
		t.Skip("the stories with network namespaces do not run: " + why)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values["world"] = &world{}
			env.Setenv("BANTO_LANG", "en")
			env.Setenv("TZ", "UTC")
			env.Setenv("MANAGER", addressOf["manager"])
			env.Setenv("ROUTER", "192.168.214.1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"at": at, "exits": words.Exits(there), "start": start, "end": end, "kill9": kill9,
			"until": words.Until(patience, saidThere, words.Log), "cut": cut, "mend": mend, "route": route, "keep": words.Keep,
		},
	})
}

// missing says what the stories need and this machine does not have.
func missing() string {
	if os.Geteuid() != 0 {
		return "they need root"
	}
	for _, program := range []string{"ip", "nft", "tinyproxy"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	if out, err := exec.Command("ip", "netns", "add", "banto-probe").CombinedOutput(); err != nil {
		return "no network namespace can be made: " + string(out)
	}
	exec.Command("ip", "netns", "delete", "banto-probe").Run()
	return ""
}

// at is the word that runs a command at a place, which has to work.
func at(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: at PLACE COMMAND…")
	}
	line := worldOf(ts).line(args[0], args[1:])
	ts.Check(ts.Exec(line[0], line[1:]...))
}

// there runs a command at a place: the first argument.
func there(ts *testscript.TestScript, args []string) int {
	return words.Exec(ts, worldOf(ts).line(args[0], args[1:]))
}

// saidThere runs one aside.
func saidThere(ts *testscript.TestScript, args []string) []byte {
	line := worldOf(ts).line(args[0], args[1:])
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	out, _ := cmd.CombinedOutput() // one that fails may say what is waited for
	return out
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: start PLACE NAME COMMAND…")
	}
	worldOf(ts).start(args[0], args[1], args[2:])
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: end NAME")
	}
	worldOf(ts).end(args[0], syscall.SIGTERM)
}

func kill9(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kill9 NAME")
	}
	worldOf(ts).end(args[0], syscall.SIGKILL)
}

func cut(ts *testscript.TestScript, neg bool, args []string)  { link(ts, neg, args, "down") }
func mend(ts *testscript.TestScript, neg bool, args []string) { link(ts, neg, args, "up") }

func link(ts *testscript.TestScript, neg bool, args []string, way string) {
	if neg || len(args) != 1 || addressOf[args[0]] == "" {
		ts.Fatalf("usage: cut or mend PLACE")
	}
	worldOf(ts).link(args[0], way)
}

func route(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: route nat|proxy|none")
	}
	worldOf(ts).route(args[0])
}

// banto is the binary that the stories run.
func banto(ts *testscript.TestScript) string {
	bin := filepath.SplitList(ts.Getenv("PATH"))[0]
	return filepath.Join(bin, "banto")
}
