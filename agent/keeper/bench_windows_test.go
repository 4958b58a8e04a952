package keeper

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

const (
	asKeeperEnv = "BANTO_TEST_AS_KEEPER"
	asJobEnv    = "BANTO_TEST_AS_JOB"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asJobEnv) != "":
		os.Exit(jobMain(os.Args[1], os.Args[2:]))
	case len(os.Args) == 3 && os.Args[1] == "keeper" && os.Args[2] == "--check":
		Check(os.Stdout, Options{Version: "next"})
		os.Exit(0)
	case os.Getenv(asKeeperEnv) != "" && len(os.Args) >= 4 && os.Args[1] == "keeper":
		if err := Main(context.Background(), Options{Dir: os.Args[3], Version: "test", Grace: 300 * time.Millisecond}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// jobMain is what the test binary does as a job.
func jobMain(verb string, args []string) int {
	switch verb {
	case "args":
		text, _ := json.Marshal(args)
		fmt.Println(string(text))
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "exit":
		code, _ := strconv.ParseUint(args[0], 10, 32)
		windows.ExitProcess(uint32(code))
	case "utf16": // as PowerShell 5 writes with >>
		text := []byte{0xFF, 0xFE}
		for _, unit := range utf16.Encode([]rune(args[0])) {
			text = append(text, byte(unit), byte(unit>>8))
		}
		os.WriteFile(os.Getenv("BANTO_VARS"), text, 0o600)
	case "spam":
		n, _ := strconv.Atoi(args[0])
		line := []byte(strings.Repeat("x", 99) + "\n")
		for range n / len(line) {
			os.Stdout.Write(line)
		}
		fmt.Print("the last words")
	case "gate":
		return gateJob(args[0])
	case "deaf":
		signal.Ignore(os.Interrupt)
		return gateJob(args[0])
	case "tree", "daemon": // gates below it; a daemon's parent does not wait
		for range 3 {
			below := exec.Command(os.Args[0], "gate", args[0]) //nolint:noctx // the test ends it
			below.Stdout = os.Stdout
			if err := below.Start(); err != nil {
				fmt.Println(err)
				return 1
			}
		}
		if verb == "tree" {
			return gateJob(args[0])
		}
		fmt.Println("daemons left behind")
	}
	return 0
}

// gateJob connects to the test, and does what it is told: to say something, or
// to exit.
func gateJob(addr string) int {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("waiting")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "say":
			fmt.Println(rest)
			fmt.Fprintln(conn, "said")
		case "exit":
			code, _ := strconv.Atoi(rest)
			return code
		}
	}
	return 99
}

// gates is where the test meets its jobs.
type gates struct {
	*testing.T
	net.Listener
}

func openGates(t *testing.T) gates {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return gates{t, l}
}

// next waits for the next job at the gates.
func (g gates) next() *gate {
	g.Helper()
	g.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second))
	conn, err := g.Accept()
	if err != nil {
		g.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	g.Cleanup(func() { conn.Close() })
	return &gate{g.T, conn, bufio.NewReader(conn)}
}

type gate struct {
	*testing.T
	conn net.Conn
	r    *bufio.Reader
}

// say has the job print something, and waits until it has.
func (g *gate) say(text string) {
	g.Helper()
	fmt.Fprintln(g.conn, "say", text)
	if _, err := g.r.ReadString('\n'); err != nil {
		g.Fatal(err)
	}
}

func (g *gate) exit(code int) { fmt.Fprintln(g.conn, "exit", code) }

// gone waits until the job's process has ended.
func (g *gate) gone() {
	g.Helper()
	if _, err := g.r.ReadString('\n'); err == nil || os.IsTimeout(err) {
		g.Fatalf("the process at the gate lives: %v", err)
	}
}

// program is a job that runs this binary.
func program(verb string, args ...string) banto.Spec {
	exe, _ := os.Executable()
	return banto.Spec{Args: append([]string{exe, verb}, args...), Env: []string{asJobEnv + "=1"}}
}

// cmd is a script for cmd.
func cmd(lines ...string) banto.Spec {
	return banto.Spec{Script: strings.Join(lines, "\n"), Shell: "cmd"}
}

// tempDir is t.TempDir where that cannot remove what it made, as under Wine.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "banto-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeTree(dir) })
	return dir
}

func (b *bench) killKeeper() {
	b.Helper()
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE|windows.SYNCHRONIZE, false, uint32(b.pid))
	if err != nil {
		return // it has ended
	}
	defer windows.CloseHandle(h)
	windows.TerminateProcess(h, 1)
	windows.WaitForSingleObject(h, windows.INFINITE)
	for range b.c.Events() { // until the connection is lost
	}
	b.pid = 0
}

// okay is a job that ends well at once.
func okay() banto.Spec { return cmd("exit /b 0") }
