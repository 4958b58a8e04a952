package words

import (
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Word is what a story can say. args are what follows the word; neg that it
// stands behind a "!".
type Word = func(ts *testscript.TestScript, neg bool, args []string)

// Run runs a command, makes what it prints the story's stdout and stderr, and
// gives its exit code. One that cannot be run at all ends the story.
type Run func(ts *testscript.TestScript, args []string) (code int)

// Say runs a command aside and gives all that it prints, also when it fails.
type Say func(ts *testscript.TestScript, args []string) []byte

// neverFor is for how long a thing must not be said.
const neverFor = 3 * time.Second

// Exec is the Run of a command on this machine, with the story's environment.
func Exec(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		ts.Fatalf("cannot run %s: %v", args[0], err)
	}
	return 0
}

// Exits is the word that wants an exit code: exits N COMMAND….
func Exits(run Run) Word {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: exits N COMMAND…")
		}
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		if got := run(ts, args[1:]); got != want {
			ts.Fatalf("exit code %d, want %d", got, want)
		}
	}
}

// Until is the word that runs a command again and again until it says something:
// until PATTERN COMMAND…. show is told what it said then.
func Until(patience time.Duration, say Say, show func(*testscript.TestScript, []byte)) Word {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: until PATTERN COMMAND…")
		}
		want := regexp.MustCompile("(?m)" + args[0])
		var out []byte
		if !Within(patience, func() bool { out = say(ts, args[1:]); return want.Match(out) }) {
			ts.Fatalf("%s does not come; last it said:\n%s", args[0], out)
		}
		show(ts, out)
	}
}

// Log shows what was said in the story's log.
func Log(ts *testscript.TestScript, out []byte) { ts.Logf("%s", out) }

// Never is the word that runs a command again and again for a while, in which it
// must not say something: never PATTERN COMMAND….
func Never(say Say) Word {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: never PATTERN COMMAND…")
		}
		bad := regexp.MustCompile("(?m)" + args[0])
		var out []byte
		if Within(neverFor, func() bool { out = say(ts, args[1:]); return bad.Match(out) }) {
			ts.Fatalf("it said %s:\n%s", args[0], out)
		}
		ts.Logf("%s", out)
	}
}

// Keep is the word that sets a variable to the last thing in stdout that fits a
// pattern: keep NAME PATTERN.
func Keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME PATTERN")
	}
	all := regexp.MustCompile(args[1]).FindAllString(ts.ReadFile("stdout"), -1)
	if len(all) == 0 {
		ts.Fatalf("nothing in stdout fits %s", args[1])
	}
	ts.Setenv(args[0], all[len(all)-1])
}

// Within polls a condition until it holds; false if it does not within the limit.
func Within(limit time.Duration, holds func() bool) bool {
	over := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-over:
			return false
		}
	}
	return true
}
