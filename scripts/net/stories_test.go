//go:build linux

package net_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/bantoops/banto/cli"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
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
			"at": at, "exits": exits, "start": start, "end": end, "kill9": kill9,
			"until": until, "cut": cut, "mend": mend, "route": route, "keep": keep,
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

func at(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: at PLACE COMMAND…")
	}
	w := worldOf(ts)
	line := w.line(args[0], args[1:])
	ts.Check(ts.Exec(line[0], line[1:]...))
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: exits N PLACE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	line := worldOf(ts).line(args[1], args[2:])
	err = ts.Exec(line[0], line[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got, err = exit.ExitCode(), nil
	}
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
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

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: until PATTERN PLACE COMMAND…")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	line := worldOf(ts).line(args[1], args[2:])
	var out []byte
	if !within(func() bool {
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Dir = ts.Getenv("WORK")
		out, _ = cmd.CombinedOutput() // also one that fails may say what is waited for
		return want.Match(out)
	}) {
		ts.Fatalf("%s does not come; last it said:\n%s", args[0], out)
	}
	ts.Logf("%s", out)
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

// keep sets a variable to the last thing in stdout that fits a pattern.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME PATTERN")
	}
	all := regexp.MustCompile(args[1]).FindAllString(ts.ReadFile("stdout"), -1)
	if len(all) == 0 {
		ts.Fatalf("nothing in stdout fits %s", args[1])
	}
	ts.Setenv(args[0], all[len(all)-1])
}

// banto is the binary that the stories run.
func banto(ts *testscript.TestScript) string {
	bin := filepath.SplitList(ts.Getenv("PATH"))[0]
	return filepath.Join(bin, "banto")
}
