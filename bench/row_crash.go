//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rowTakeover and rowCrash run what tries to break the promises (scripts/crash),
// which judges by itself whether anything was lost or ran twice.
func rowTakeover() Row {
	return Row{
		Name: "takeover", On: []string{"postgres"}, Run: runTakeover,
		Work: "The active manager of two is killed (kill -9), and in rounds of their own stopped (SIGSTOP), under 200 jobs a second: until the first new job starts. Each job appends a line to a file, which must be there once.",
	}
}

func rowCrash() Row {
	return Row{
		Name: "crash", On: both(), Run: runCrash,
		Work: "Manager, agents and link are killed at random while thousands of jobs each append a line to a file: in the end each line is there once, and the tracker has ended.",
	}
}

func runTakeover(ctx context.Context, e *Env) ([]Measure, error) {
	rounds := e.rounds(3, 50)
	var out []Measure
	for _, kind := range []struct {
		test, what string
		limit      float64
	}{{"TestTakeOverOfAKilledManager", "first new job after kill -9", 3}, {"TestTakeOverOfAStoppedManager", "first new job after SIGSTOP", 15}} {
		lines, err := e.harness(ctx, kind.test, rounds, 0)
		if err != nil {
			return out, err
		}
		m, err := takeover(lines, rounds)
		if err != nil {
			return out, err
		}
		m.What, m.Goal = kind.what, atMost(kind.limit)
		out = append(out, m)
	}
	return append(out, Measure{What: "lost or run twice", Value: 0, Goal: Goal{}, Note: fmt.Sprintf("in %d kills and %d stops; one would have made the row fail", rounds, rounds)}), nil
}

func runCrash(ctx context.Context, e *Env) ([]Measure, error) {
	rounds, jobs, test := e.rounds(2, 50), 1000, "TestCrashOnSQLite"
	if e.Store == "postgres" {
		test = "TestCrashOnPostgres"
	}
	if e.All {
		jobs = 5000
	}
	from := time.Now()
	lines, err := e.harness(ctx, test, rounds, jobs)
	if err != nil {
		return nil, err
	}
	good, kills := crashes(lines)
	return []Measure{
		{What: "rounds with each line once", Value: float64(good), Goal: atLeast(float64(rounds)), Note: fmt.Sprintf("of %d rounds of %d jobs; %d kills, cuts and stops", rounds, jobs, kills)},
		{What: "a round", Value: time.Since(from).Seconds() / float64(rounds), Unit: "s"},
	}, nil
}

// rounds says how often: few, or as the published figures want it.
func (e *Env) rounds(few, all int) int {
	switch {
	case e.Rounds > 0:
		return e.Rounds
	case e.All:
		return all
	}
	return few
}

// harness runs a test of scripts/crash, and gives what it printed.
func (e *Env) harness(ctx context.Context, test string, rounds, jobs int) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count", "1", "-timeout", "3h", "-v", "-run", "^"+test+"$", "./scripts/crash")
	cmd.Env = append(os.Environ(), "BANTO_ROUNDS="+strconv.Itoa(rounds))
	if jobs > 0 {
		cmd.Env = append(cmd.Env, "BANTO_JOBS="+strconv.Itoa(jobs))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	in, out := io.Pipe()
	cmd.Stdout, cmd.Stderr = out, out
	var lines []string
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines = append(lines, s.Text())
			if m := logged.FindStringSubmatch(s.Text()); m != nil {
				e.Say("%s", m[1])
			}
		}
		_, _ = io.Copy(io.Discard, in) // behind a line that is too long
	}()
	err := cmd.Run()
	_ = out.Close()
	<-read
	if err != nil {
		return nil, fmt.Errorf("%s failed: %w\n%s", test, err, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
	if !passed(lines, test) {
		return nil, fmt.Errorf("%s did not run:\n%s", test, strings.Join(lines[max(0, len(lines)-10):], "\n"))
	}
	return lines, nil
}

var (
	logged   = regexp.MustCompile(`_test\.go:\d+: ((?:round \d+|first new job).*)`)
	firstJob = regexp.MustCompile(`first new job after: median (\S+), longest (\S+)$`)
	eachOnce = regexp.MustCompile(`round \d+: \d+ jobs, each once; killed: (.*)$`)
)

// passed says whether a test ran and was not skipped.
func passed(lines []string, test string) bool {
	for _, line := range lines {
		if strings.HasPrefix(line, "--- PASS: "+test+" ") {
			return true
		}
	}
	return false
}

// takeover reads the times of the rounds: the longest counts.
func takeover(lines []string, rounds int) (Measure, error) {
	for _, line := range lines {
		if m := firstJob.FindStringSubmatch(line); m != nil {
			middle, err1 := time.ParseDuration(m[1])
			longest, err2 := time.ParseDuration(m[2])
			if err1 != nil || err2 != nil {
				return Measure{}, fmt.Errorf("no times can be read from %q", line)
			}
			return Measure{Value: longest.Seconds(), Unit: "s", Beside: "median " + number(middle.Seconds()) + " s", Note: fmt.Sprintf("the longest of %d rounds", rounds)}, nil
		}
	}
	return Measure{}, fmt.Errorf("it did not say how long the first new job took")
}

// crashes counts the rounds that went well, and what was done to them.
func crashes(lines []string) (good, kills int) {
	for _, line := range lines {
		if m := eachOnce.FindStringSubmatch(line); m != nil {
			good++
			kills += len(strings.Split(m[1], ", "))
		}
	}
	return good, kills
}
