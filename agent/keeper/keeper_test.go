//go:build unix

package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/boottime"
)

// The test binary is the keeper, and an agent that can be killed, when it is
// started again with one of these in its environment.
const (
	asKeeperEnv = "BANTO_TEST_AS_KEEPER"
	asAgentEnv  = "BANTO_TEST_AS_AGENT"
	versionEnv  = "BANTO_TEST_VERSION"
	limitEnv    = "BANTO_TEST_LIMIT" // the agent's job has a dead-man's limit
	answerEnv   = "BANTO_TEST_ANSWER"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asKeeperEnv) != "" && len(os.Args) == 3 && os.Args[1] == "keeper" && os.Args[2] == "--check":
		if err := Check(os.Stdout, Options{Version: cmp.Or(os.Getenv(versionEnv), "test")}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	case os.Getenv(asKeeperEnv) != "" && len(os.Args) >= 4 && os.Args[1] == "keeper":
		if err := Main(context.Background(), testOptions(os.Args[3])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case os.Getenv(asAgentEnv) != "":
		os.Exit(agentMain(os.Getenv(asAgentEnv)))
	}
	os.Exit(m.Run())
}

func testOptions(dir string) Options {
	answer, _ := time.ParseDuration(os.Getenv(answerEnv)) // else the default
	return Options{Dir: dir, Answer: answer, Version: cmp.Or(os.Getenv(versionEnv), "test"), Grace: 200 * time.Millisecond, Unkillable: 500 * time.Millisecond, Allow: Allow{Root: true}}
}

// gateScript waits until it can read a word from the pipe gate.
const gateScript = "mkfifo gate; echo waiting; read -r x < gate; echo survived $x"

// agentMain connects, so that a keeper is started, starts one job, and waits
// to be killed.
func agentMain(dir string) int {
	c, err := Connect(context.Background(), ClientOptions{Dir: dir, Allow: Allow{Root: true}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	spec := banto.Spec{Script: gateScript}
	if os.Getenv(limitEnv) != "" {
		spec.DeadManMS = limitMS
	}
	if err := c.Send(Request{Contact: boottime.Now(), Start: []Start{{Attempt: "20261121-0000000.1", Spec: spec}}}); err != nil {
		fmt.Println(err)
		return 1
	}
	for e := range c.Events() {
		for range e.Started {
			fmt.Println("started")
		}
	}
	return 0
}

// open writes a word into the gate of a job that runs gateScript.
func (b *bench) open(word string) {
	b.Helper()
	path := filepath.Join(b.dir, workName, string(testTracker), "gate")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	f.WriteString(word + "\n")
}

func tempDir(t *testing.T) string {
	t.Helper()
	return t.TempDir()
}

func (b *bench) killKeeper() {
	b.Helper()
	// The test is the keeper's parent: the goroutine of Connect reaps it.
	syscall.Kill(b.pid, syscall.SIGKILL)
	for range b.c.Events() { // until the connection is lost
	}
	b.pid = 0
}

func TestRun(t *testing.T) {
	b := setUp(t)
	e := b.run(1, banto.Spec{Script: `echo hello; echo "$GREETING" >&2; pwd; exit 3`, Env: []string{"GREETING=こんにちは"}, WantOutput: true})
	wantExit(t, e, 3)
	want := "hello\nこんにちは\n" + filepath.Join(b.dir, "work", string(testTracker)) + "\n"
	if got := b.output(1); got != want || e.OutputHead != want || e.OutputSize != int64(len(want)) {
		t.Fatalf("output %q, result %+v", got, e)
	}
	wantExit(t, b.run(2, banto.Spec{Args: []string{"true"}}), 0)
	if _, err := os.Stat(filepath.Join(b.dir, "output", string(testTracker), "2.log")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a silent job has an output file", err)
	}
}

// BenchmarkTrue runs nothing, many times, beside what the system itself does
// in that time: go test -bench True -benchtime 5000x. The processor time says
// more than the rate on a machine that has other things to do.
func BenchmarkTrue(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "k")
	b.Setenv(asKeeperEnv, "1")
	c, err := Connect(b.Context(), ClientOptions{Dir: dir, Allow: Allow{Root: true}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Send(Request{Stop: true})
		for range c.Events() {
		}
	})
	pid := (<-c.Events()).Hello.PID
	for _, spec := range []banto.Spec{{Args: []string{"true"}}, {Script: "true"}} {
		name := "run"
		if spec.Script != "" {
			name = "job"
		}
		b.Run(name, func(b *testing.B) { benchmarkTrue(b, c, pid, spec) })
	}
	b.Run("xargs", func(b *testing.B) {
		var lines strings.Builder
		for i := range b.N {
			fmt.Fprintln(&lines, i)
		}
		cmd := exec.Command("xargs", "-P2", "-n1", "true")
		cmd.Stdin = strings.NewReader(lines.String())
		b.ResetTimer()
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		b.ReportMetric(used.Seconds()*1e6/float64(b.N), "cpu-µs/job")
	})
}

// cpuOf gives the processor time that a process and its children have used,
// or 0 where that cannot be seen.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, field := range strings.Fields(string(text))[13:17] {
		ticks, _ := strconv.Atoi(field)
		sum += time.Duration(ticks) * time.Second / 100
	}
	return sum
}

func benchmarkTrue(b *testing.B, c *Client, pid int, spec banto.Spec) {
	tracker := banto.TrackerID(fmt.Sprintf("20261121-%07d", time.Now().UnixNano()/1000%1e7))
	var req Request
	for i := range b.N {
		req.Start = append(req.Start, Start{Attempt: banto.NewAttemptID(tracker, i+1), Spec: spec})
	}
	before := cpuOf(pid)
	b.ResetTimer()
	if err := c.Send(req); err != nil {
		b.Fatal(err)
	}
	for left := b.N; left > 0; {
		e, ok := <-c.Events()
		if !ok {
			b.Fatal("the connection was lost")
		}
		var ack Request
		for _, r := range e.Ended {
			if r.Exit == nil || *r.Exit != 0 {
				b.Fatalf("%+v", r)
			}
			ack.Ack = append(ack.Ack, r.Attempt)
		}
		left -= len(ack.Ack)
		if len(ack.Ack) > 0 {
			if err := c.Send(ack); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric((cpuOf(pid)-before).Seconds()*1e6/float64(b.N), "cpu-µs/job")
}

// okay is a job that ends well at once.
func okay() banto.Spec { return banto.Spec{Args: []string{"true"}} }
