//go:build unix

package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// The test binary is the keeper, and an agent that can be killed, when it is
// started again with one of these in its environment.
const (
	asKeeperEnv = "BANTO_TEST_AS_KEEPER"
	asAgentEnv  = "BANTO_TEST_AS_AGENT"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asKeeperEnv) != "" && len(os.Args) >= 4 && os.Args[1] == "keeper":
		if err := Main(context.Background(), Options{Dir: os.Args[3], Version: "test", Grace: 200 * time.Millisecond, Allow: Allow{Root: true}}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case os.Getenv(asAgentEnv) != "":
		os.Exit(agentMain(os.Getenv(asAgentEnv)))
	}
	os.Exit(m.Run())
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
	if err := c.Send(Request{Start: []Start{{Attempt: "20261121-0000000.1", Spec: spec}}}); err != nil {
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

// bench is one test's keeper and the agent's end of it.
type bench struct {
	*testing.T
	ctx   context.Context
	dir   string
	allow Allow
	c     *Client
	pid   int // the keeper's
	hear  Event
	last  *Hello
}

const testTracker = banto.TrackerID("20261121-0000000")

func try(n int) banto.AttemptID { return banto.NewAttemptID(testTracker, n) }

func setUp(t *testing.T) *bench {
	t.Helper()
	return setUpIn(t, filepath.Join(t.TempDir(), "k"))
}

// log wants a line of the keeper's log to hold a text.
func (b *bench) log(text string) {
	b.Helper()
	if all, err := os.ReadFile(filepath.Join(b.dir, logName)); err != nil || !strings.Contains(string(all), text) {
		b.Fatalf("the keeper's log does not say %q (%v):\n%s", text, err, all)
	}
}

func setUpIn(t *testing.T, dir string) *bench {
	t.Helper()
	t.Setenv(asKeeperEnv, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	b := &bench{T: t, ctx: ctx, dir: dir, allow: Allow{Root: true}}
	t.Cleanup(func() {
		if b.pid > 0 {
			b.killKeeper()
		}
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(b.dir, logName))
			t.Logf("keeper's log:\n%s", text)
		}
	})
	b.connect()
	return b
}

func (b *bench) connect() {
	b.Helper()
	c, err := Connect(b.ctx, ClientOptions{Dir: b.dir, Version: "test", Allow: b.allow})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	b.c, b.hear = c, Event{}
	b.await(func() bool { return b.hear.Hello != nil })
	b.pid, b.last = b.hear.Hello.PID, b.hear.Hello
}

// await takes events until the condition holds.
func (b *bench) await(ok func() bool) {
	b.Helper()
	for !ok() {
		select {
		case e, open := <-b.c.Events():
			if !open {
				b.Fatalf("the connection was lost; heard %+v", b.hear)
			}
			if e.Hello != nil {
				b.hear.Hello = e.Hello
			}
			b.hear.Done, b.hear.Claims = max(b.hear.Done, e.Done), max(b.hear.Claims, e.Claims)
			b.hear.Problem, b.hear.NotReplaced = cmp.Or(e.Problem, b.hear.Problem), cmp.Or(e.NotReplaced, b.hear.NotReplaced)
			b.hear.Started = append(b.hear.Started, e.Started...)
			b.hear.Output = append(b.hear.Output, e.Output...)
			b.hear.Ended = append(b.hear.Ended, e.Ended...)
			b.hear.Cleaned = append(b.hear.Cleaned, e.Cleaned...)
		case <-b.ctx.Done():
			b.Fatalf("waited too long; heard %+v", b.hear)
		}
	}
}

func (b *bench) send(r Request) {
	b.Helper()
	if err := b.c.Send(r); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) start(n int, spec banto.Spec) {
	b.Helper()
	spec.Tracker, spec.Part, spec.Attempt = testTracker, "p", n
	b.send(Request{Start: []Start{{Attempt: try(n), Spec: spec}}})
}

func (b *bench) started(n int) Started {
	b.Helper()
	var got Started
	b.await(func() bool {
		for _, s := range b.hear.Started {
			if s.Attempt == try(n) {
				got = s
				return true
			}
		}
		return false
	})
	return got
}

func (b *bench) ended(n int) Ended {
	b.Helper()
	var got Ended
	b.await(func() bool {
		for _, e := range b.hear.Ended {
			if e.Attempt == try(n) {
				got = e
				return true
			}
		}
		return false
	})
	return got
}

// wrote waits until an attempt's output holds a text.
func (b *bench) wrote(n int, text string) {
	b.Helper()
	b.await(func() bool { return strings.Contains(b.output(n), text) })
}

func (b *bench) run(n int, spec banto.Spec) Ended {
	b.Helper()
	b.start(n, spec)
	return b.ended(n)
}

func (b *bench) output(n int) string {
	b.Helper()
	var all []byte
	buf := make([]byte, 32<<10)
	for {
		got, err := b.c.ReadOutput(try(n), int64(len(all)), buf)
		all = append(all, buf[:got]...)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrNotExist) {
			return string(all)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
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

// allowing connects anew and says which OS users jobs may run as.
func (b *bench) allowing(a Allow) {
	b.Helper()
	b.c.Close()
	b.allow = a
	b.connect()
}

func (b *bench) killKeeper() {
	b.Helper()
	// The test is the keeper's parent: the goroutine of Connect reaps it.
	syscall.Kill(b.pid, syscall.SIGKILL)
	for range b.c.Events() { // until the connection is lost
	}
	b.pid = 0
}

func wantExit(t *testing.T, e Ended, code int) {
	t.Helper()
	if e.Exit == nil || *e.Exit != code || e.Reason != "" || e.Message != "" || e.StartedAt == nil {
		t.Fatalf("want exit %d, got %+v", code, e)
	}
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
