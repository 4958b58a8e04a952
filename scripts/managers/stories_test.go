//go:build unix

package managers_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/cli"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/scripts/words"
)

// withDatabase runs the tests and ends the shared PostgreSQL behind them.
type withDatabase struct{ m *testing.M }

func (w withDatabase) Run() int { return pgtest.Main(w.m) }

func TestMain(m *testing.M) {
	testscript.Main(withDatabase{m}, map[string]func(){"banto": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Run(ctx, os.Args[1:], cli.System("story"))
		stop()
		os.Exit(code)
	}})
}

func TestStories(t *testing.T) {
	files, err := filepath.Glob("*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".txtar"), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true, RequireUniqueNames: true,
				Condition: condition,
				Setup: func(env *testscript.Env) error {
					env.Values["world"] = &world{t: t, dir: env.WorkDir, procs: map[string]*words.Process{}, ports: map[string][2]string{}}
					for name, value := range map[string]string{
						"BANTO_LANG": "en", "TZ": "UTC", "HOME": env.WorkDir, "BANTO_CONFIG": filepath.Join(env.WorkDir, "none.json"),
						"STORE": "", "BANTO_URL": "", "BANTO_TOKEN": "",
					} {
						env.Setenv(name, value)
					}
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"database": database, "harm": harm, "sql": sql, "load": load,
					"manager": manager, "agent": agent, "exits": words.Exits(words.Exec), "keep": words.Keep,
					"until": words.Until(patience, said, words.Log), "never": words.Never(said),
					"end": signalled(syscall.SIGTERM, true), "kill9": signalled(syscall.SIGKILL, true),
					"freeze": signalled(syscall.SIGSTOP, false), "thaw": signalled(syscall.SIGCONT, false),
					"flood": flood, "watch": watch, "took": took,
				},
			})
		})
	}
}

// condition says what this machine has.
func condition(what string) (bool, error) {
	switch what {
	case "postgres":
		return pgtest.Bin() != "", nil
	case "disk":
		return os.Geteuid() == 0 && mountable(), nil
	}
	return false, errors.New("no such condition")
}

func worldOf(ts *testscript.TestScript) *world {
	w := ts.Value("world").(*world)
	if w.ts == nil {
		w.ts = ts
		ts.Defer(w.clear)
	}
	return w
}

func manager(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: manager NAME [FLAG…]")
	}
	worldOf(ts).manager(args[0], args[1:])
}

func agent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: agent NAME [FLAG…]")
	}
	worldOf(ts).agent(args[0], args[1:])
}

// signalled is a word that sends a signal, and waits for the end of the process
// if it is one that ends it.
func signalled(sig syscall.Signal, ends bool) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: end, kill9, freeze or thaw NAME")
		}
		worldOf(ts).signal(args[0], sig, ends)
	}
}

// said runs a command aside and gives what it prints, also when it fails.
func said(ts *testscript.TestScript, args []string) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	name := args[0]
	if name == "banto" {
		name = binary(ts)
	}
	cmd := exec.CommandContext(ctx, name, args[1:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), environment(ts)
	out, _ := cmd.CombinedOutput() // one that fails may say what is waited for
	return out
}

func watch(ts *testscript.TestScript, _ bool, _ []string) { worldOf(ts).since = time.Now() }

// took logs what has passed since watch; with a limit it is a promise.
func took(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: took WHAT [LIMIT]")
	}
	passed := time.Since(worldOf(ts).since).Round(10 * time.Millisecond)
	worldOf(ts).t.Logf("%s: %s", args[0], passed)
	if len(args) == 2 {
		limit, err := time.ParseDuration(args[1])
		ts.Check(err)
		if passed > limit {
			ts.Fatalf("%s took %s, more than %s", args[0], passed, limit)
		}
	}
}
