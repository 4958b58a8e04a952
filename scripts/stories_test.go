//go:build unix

package scripts_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/cli"
	"github.com/bantoops/banto/scripts/words"
)

var update = flag.Bool("update", false, "rewrite what the stories compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"banto": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Run(ctx, os.Args[1:], cli.System("story"))
		stop()
		os.Exit(code)
	}})
}

func TestStories(t *testing.T) {
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		UpdateScripts:       *update,
		Dir:                 ".",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("BANTO_CONFIG", filepath.Join(env.WorkDir, "config.json"))
			env.Setenv("BANTO_LANG", "en")
			env.Setenv("TZ", "UTC")
			env.Setenv("EXAMPLES", examples)
			env.Values["house"] = &house{dir: env.WorkDir}
			return os.MkdirAll(home, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up":    up,
			"down":  down,
			"kill9": kill9,
			"exits": words.Exits(words.Exec),
			"keep":  words.Keep,
			"shape": shape,

			"get":     get,
			"syslogd": syslogd,

			"screen": onScreen,
			"keys":   keys,
		},
	})
}

// shape writes what names a document has, and of which type: the part of it
// that programs rely on.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shape FILE")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("stdout is not one JSON document: %v", err)
	}
	lines := map[string]bool{}
	flatten(lines, "", v)
	text := strings.Join(slices.Sorted(namesOf(lines)), "\n") + "\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

func namesOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func flatten(lines map[string]bool, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			flatten(lines, strings.TrimPrefix(at+"."+name, "."), value)
		}
	case []any:
		for _, value := range v {
			flatten(lines, at+"[]", value)
		}
	default:
		lines[fmt.Sprintf("%s %s", at, strings.TrimSuffix(fmt.Sprintf("%T", v), "64"))] = true
	}
}
