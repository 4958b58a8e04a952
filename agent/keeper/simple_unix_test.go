//go:build unix

package keeper

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

func TestSimpleScripts(t *testing.T) {
	for script, want := range map[string]string{
		"true":                       "true",
		"true\n":                     "true",
		"  date +%s%N  ":             "date|+%s%N",
		"dd if=a of=b bs=1":          "dd|if=a|of=b|bs=1",
		"tar -czf /tmp/x.tgz a,b @c": "tar|-czf|/tmp/x.tgz|a,b|@c",
		"":                           "",
		" ":                          "",
		"A=1 env":                    "",
		"exit 3":                     "",
		"echo a":                     "",
		"cd /":                       "",
		"/bin/true":                  "",
		"./x":                        "",
		"ls *":                       "",
		"ls ~":                       "",
		"true # no":                  "",
		"true; true":                 "",
		"true\ntrue":                 "",
		"true &":                     "",
		"cat <a":                     "",
		"cat a>b":                    "",
		"ls $X":                      "",
		"ls `a`":                     "",
		"ls 'a'":                     "",
		"ls {a,b}":                   "",
		"!true":                      "",
		"日付":                         "",
		"true\ttrue":                 "",
		"true\r":                     "",
		"f() true":                   "",
		"a\\":                        "",
	} {
		if got := strings.Join(simple(Start{Spec: banto.Spec{Script: script}}), "|"); got != want {
			t.Errorf("%q: %q, not %q", script, got, want)
		}
	}
	for _, spec := range []banto.Spec{{Script: "true", Shell: "bash"}, {Args: []string{"true"}}, {Script: "true", Env: []string{"PWD=/"}}} {
		if got := simple(Start{Spec: spec}); got != nil {
			t.Errorf("%+v: %q", spec, got)
		}
	}
}

// TestSimpleIsAsWithShell runs the same with and without a shell: a job sees, and
// answers, the same.
func TestSimpleIsAsWithShell(t *testing.T) {
	b := setUp(t)
	// " ;" is more than plain words, and no more to a shell.
	for i, script := range []string{"env", "pwd", "ls -la /proc/self/fd/0", "false", "nosuchprogram", "true", "env A=1 B=2"} {
		plain := b.run(2*i+1, banto.Spec{Script: script, WantOutput: true})
		shell := b.run(2*i+2, banto.Spec{Script: script + " ;", WantOutput: true})
		told := func(e Ended) string {
			var lines []string
			for _, line := range strings.Split(e.OutputHead, "\n") {
				// What differs between attempts, and what some shells say of themselves.
				if name, _, _ := strings.Cut(line, "="); slices.Contains([]string{"BANTO_ATTEMPT", "BANTO_VARS", "_", "SHLVL", "OLDPWD"}, name) {
					continue
				}
				if !strings.Contains(line, "/proc/") {
					lines = append(lines, line)
				}
			}
			slices.Sort(lines)
			return strings.Join(lines, "\n")
		}
		if *plain.Exit != *shell.Exit || told(plain) != told(shell) || plain.Reason != shell.Reason {
			t.Errorf("%s: exit %d %s\n%s\nand with a shell %d %s\n%s", script, *plain.Exit, plain.Reason, told(plain), *shell.Exit, shell.Reason, told(shell))
		}
	}
}

// TestProgramThatIsGone has a program looked for anew when it is not where it was.
func TestProgramThatIsGone(t *testing.T) {
	var p paths
	now := time.Now()
	p.note("x", "/a/x", now)
	p.note("./y", "/a/y", now)
	if at, ok := p.where("x", now.Add(rememberFor/2)); !ok || at != "/a/x" {
		t.Error(at, ok)
	}
	for _, c := range []struct {
		name string
		at   time.Time
	}{{"x", now.Add(rememberFor)}, {"x", now.Add(-time.Second)}, {"./y", now}, {"z", now}} {
		if at, ok := p.where(c.name, c.at); ok {
			t.Errorf("%s: %s", c.name, at)
		}
	}

	dir := t.TempDir()
	planner := newPlanner(&files{dir: dir, made: map[banto.TrackerID]map[int]bool{}, left: map[banto.AttemptID]bool{}}, ownAccount(), Allow{Root: true}, time.Now)
	if err := os.Mkdir(filepath.Join(dir, workName), 0o700); err != nil {
		t.Fatal(err)
	}
	start := Start{Attempt: banto.NewAttemptID(testTracker, 1), Spec: banto.Spec{Args: []string{"true"}}}
	planner.paths.note("true", filepath.Join(dir, "gone"), time.Now())
	if !planner.sure(start) {
		t.Error("what is known is not known")
	}
	plan, no := planner.plan(start, &look{})
	if no != nil || plan.program != filepath.Join(dir, "gone") || !plan.stale() {
		t.Fatalf("%+v, %+v", plan, no)
	}
	if plan, no = planner.plan(start, &look{}); no != nil || filepath.Base(plan.program) != "true" || plan.stale() {
		t.Errorf("%+v, %+v", plan, no)
	}
}
