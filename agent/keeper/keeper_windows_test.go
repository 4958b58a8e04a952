package keeper

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

func TestExitCodes(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, cmd("echo hello", "exit /b 0")), 0)
	if got := b.output(1); got != "hello\r\n" {
		t.Errorf("output %q", got)
	}
	wantExit(t, b.run(2, cmd("exit /b 7")), 7)
	wantExit(t, b.run(3, cmd("exit 9")), 9)
	wantExit(t, b.run(4, program("exit", "300")), 300)
	wantExit(t, b.run(5, program("exit", "3221225477")), 3221225477)
	wantExit(t, b.run(6, cmd("cmd /d /c exit 5")), 5) // the last command's is the script's
}

// TestScripts has what traps.md knows of cmd: its line ends, its quotes, and
// that it expands before it parses.
func TestScripts(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, cmd(`if "a"=="a" (`, `  echo yes & echo "quoted"`, `)`, `for %%i in (1 2) do echo %%i`)), 0)
	if got := b.output(1); got != "yes \r\n\"quoted\"\r\n1\r\n2\r\n" {
		t.Errorf("output %q", got)
	}
	s := cmd(`echo !name!`)
	s.Env = []string{`name=a & b | "c" %PATH%`}
	wantExit(t, b.run(2, s), 0)
	s.Delayed = true
	wantExit(t, b.run(3, s), 0)
	if plain, delayed := b.output(2), b.output(3); plain != "!name!\r\n" || delayed != s.Env[0][5:]+"\r\n" {
		t.Errorf("without delayed %q, with it %q", plain, delayed)
	}
}

func TestScriptInACodePage(t *testing.T) {
	if got, ok, err := toCodePage("番頭\r\n", 932); err != nil || !ok || string(got) != "\x94\xd4\x93\xaa\r\n" {
		t.Errorf("in 932: % x, %v, %v", got, ok, err)
	}
	if _, ok, err := toCodePage("番頭", 437); err != nil || ok {
		t.Errorf("437 has no such characters: %v, %v", ok, err)
	}
	if got, ok, err := toCodePage("é", 437); err != nil || !ok || string(got) != "\x82" {
		t.Errorf("in 437: % x, %v, %v", got, ok, err)
	}
	if oemCodePage() == 437 {
		b := setUp(t)
		if e := b.run(1, cmd("echo 番頭")); e.Reason != banto.ReasonNotStarted || !strings.Contains(e.Message, "code page 437") {
			t.Errorf("%+v", e)
		}
	}
}

func TestVariables(t *testing.T) {
	b := setUp(t)
	if e := b.run(1, cmd(`>>"%BANTO_VARS%" echo n=3`, `>>"%BANTO_VARS%" echo name=value`)); e.Vars != "n=3\nname=value\n" || e.Reason != "" {
		t.Errorf("%+v", e)
	}
	if e := b.run(2, program("utf16", "名前=番頭\r\nn=3\r\n")); e.Vars != "名前=番頭\nn=3\n" || e.Reason != "" {
		t.Errorf("%+v", e)
	}
	s := program("args", "x")
	s.WantOutput = true
	if e := b.run(3, s); e.OutputHead != "[\"x\"]\n" {
		t.Errorf("%+v", e)
	}
}

// TestArguments proves that arguments arrive as they were written.
func TestArguments(t *testing.T) {
	b := setUp(t)
	want := []string{"", "a b", `a"b`, `c:\dir\`, `\\"`, "%PATH%", "a&b|c>d", "番頭", "^", "'"}
	wantExit(t, b.run(1, program("args", want...)), 0)
	var got []string
	if err := json.Unmarshal([]byte(b.output(1)), &got); err != nil || !slices.Equal(got, want) {
		t.Errorf("arrived as %q, %v", got, err)
	}
}

// TestBatchFiles are given only arguments that cmd cannot take for commands.
func TestBatchFiles(t *testing.T) {
	b := setUp(t)
	dir := tempDir(t)
	file := filepath.Join(dir, "a b.cmd")
	if err := os.WriteFile(file, []byte("@echo off\r\necho [%1] [%2]\r\nexit /b 4\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantExit(t, b.run(1, banto.Spec{Args: []string{file, "x & exit 1", "a^b|c>d"}}), 4)
	if got := b.output(1); got != "[\"x & exit 1\"] [\"a^b|c>d\"]\r\n" {
		t.Errorf("output %q", got)
	}
	for n, arg := range []string{`" & calc`, "%PATH%", "a\nb"} {
		if e := b.run(2+n, banto.Spec{Args: []string{file, arg}}); e.Reason != banto.ReasonNotStarted || !strings.Contains(e.Message, "safely") {
			t.Errorf("%q: %+v", arg, e)
		}
	}
}

func TestEnvironment(t *testing.T) {
	b := setUp(t)
	s := program("env")
	s.Env = append(s.Env, "Greeting=番頭", "GREETING=hello", "BANTO_ATTEMPT=mine", "=x")
	wantExit(t, b.run(1, s), 0)
	env := strings.Split(strings.TrimSpace(b.output(1)), "\n")
	for name, want := range map[string]string{"greeting": "hello", "BANTO_ATTEMPT": string(try(1)), "BANTO_PART": "p",
		"BANTO_WORK": filepath.Join(b.dir, workName, string(testTracker)), asKeeperEnv: "", readyEnv: ""} {
		if got, _ := lookEnv(env, name); got != want {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"SystemRoot", "Path", "PATHEXT", "TEMP", "ComSpec", "USERPROFILE", "NUMBER_OF_PROCESSORS"} {
		if got, _ := lookEnv(env, name); got == "" {
			t.Errorf("%s is not set", name)
		}
	}
}

func TestMerged(t *testing.T) {
	got := merged([]string{"b=1", "a=1", "B=2", "none", "=C:=x", "PATH=x", "Path=y"})
	if want := []string{"a=1", "B=2", "Path=y"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestWhatCannotStart(t *testing.T) {
	b := setUp(t)
	none := func(s banto.Spec, dir, account string) banto.Spec {
		s.Dir, s.Account = dir, account
		return s
	}
	text := filepath.Join(tempDir(t), "text.txt")
	fake := filepath.Join(tempDir(t), "fake.exe")
	for _, file := range []string{text, fake} {
		if err := os.WriteFile(file, []byte("no program"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n, c := range []struct {
		spec   banto.Spec
		reason banto.Reason
		words  string
	}{
		{banto.Spec{Script: "true", Shell: "sh"}, banto.ReasonNoProgram, "the shell sh does not exist on Windows"},
		{banto.Spec{Script: "true", Shell: "bash"}, banto.ReasonNoProgram, "the shell bash does not exist on Windows"},
		{banto.Spec{Script: "1", Shell: "pwsh"}, banto.ReasonNoProgram, "the shell pwsh was not found"},
		{banto.Spec{Args: []string{"no-such-program"}}, banto.ReasonNoProgram, "was not found in Path"},
		{banto.Spec{Args: []string{`C:\no\such.exe`}}, banto.ReasonNoProgram, "does not exist"},
		{banto.Spec{Args: []string{text}}, banto.ReasonNoProgram, "name the program that reads it first"},
		{banto.Spec{Args: []string{filepath.Dir(text)}}, banto.ReasonNoProgram, "is a directory"},
		{banto.Spec{Args: []string{fake}}, banto.ReasonNotStarted, "is not a program of this machine"},
		{banto.Spec{Args: []string{"cmd", "a\x00b"}}, banto.ReasonNotStarted, "NUL"},
		{none(cmd("ver"), `C:\no\such`, ""), banto.ReasonNoDirectory, "does not exist"},
		{none(cmd("ver"), text, ""), banto.ReasonNoDirectory, "is not a directory"},
		{none(cmd("ver"), "", "nobody-of-this-name"), banto.ReasonNoAccount, "does not exist on this host"},
		{none(cmd("ver"), "", `NT AUTHORITY\SYSTEM`), banto.ReasonNoRight, "without a password"},
	} {
		e := b.run(n+1, c.spec)
		if e.Reason != c.reason || !strings.Contains(e.Message, c.words) || e.StartedAt != nil {
			t.Errorf("%+v: want %s with %q, got %+v", c.spec, c.reason, c.words, e)
		}
	}
	own := ownAccount().name
	_, bare, _ := strings.Cut(own, `\`)
	wantExit(t, b.run(50, none(cmd("ver"), "", own)), 0)
	wantExit(t, b.run(51, none(cmd("ver"), "", strings.ToUpper(bare))), 0)
}

func TestMissingShells(t *testing.T) {
	for _, name := range []string{"powershell", "cmd", "pwsh"} {
		if _, no := lookShell(name, []string{"SystemRoot=" + tempDir(t)}, ""); no == nil || no.reason != banto.ReasonNoProgram ||
			!strings.Contains(no.message, "the shell "+name+" was not found on this host") {
			t.Errorf("%s: %+v", name, no)
		}
	}
	if found := setUp(t).last.Shells; !slices.Contains(found, "cmd") {
		t.Errorf("the keeper says that the host has %q", found)
	}
}

func TestRefusedLogons(t *testing.T) {
	for code, want := range map[windows.Errno]banto.Reason{
		windows.ERROR_LOGON_FAILURE: banto.ReasonLogonFailed, windows.ERROR_ACCOUNT_EXPIRED: banto.ReasonExpired,
		windows.ERROR_PASSWORD_EXPIRED: banto.ReasonExpired, windows.ERROR_ACCOUNT_RESTRICTION: banto.ReasonLogonFailed,
		windows.ERROR_LOGON_TYPE_NOT_GRANTED: banto.ReasonNoRight, windows.ERROR_NONE_MAPPED: banto.ReasonNoAccount,
	} {
		if no := refusedLogon("batch", &os.PathError{Err: code}); no == nil || no.reason != want || !strings.Contains(no.message, "batch") {
			t.Errorf("%v: %+v, want %s", code, no, want)
		}
	}
	for _, r := range logonRefusals {
		if strings.Count(r.words, "%s") != 1 {
			t.Errorf("%v does not name the user", r.code)
		}
	}
	if no := refusedLogon("batch", windows.ERROR_FILE_NOT_FOUND); no != nil {
		t.Errorf("%+v", no)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct{ percent, processors, want int }{{50, 2, 2500}, {100, 1, 10_000}, {400, 2, 10_000}, {1, 128, 1}, {0, 0, 1}} {
		if got := cpuRate(c.percent, c.processors); int(got) != c.want {
			t.Errorf("%d%% of one of %d: %d", c.percent, c.processors, got)
		}
	}
	for nice, want := range map[int]uint32{0: windows.NORMAL_PRIORITY_CLASS, 1: windows.BELOW_NORMAL_PRIORITY_CLASS,
		14: windows.BELOW_NORMAL_PRIORITY_CLASS, 19: windows.IDLE_PRIORITY_CLASS} {
		if got := priorityClass(nice); got != want {
			t.Errorf("nice %d: %#x", nice, got)
		}
	}
	b := setUp(t)
	s := cmd("echo within limits")
	s.Limits = &banto.Limits{Memory: 1 << 30, Processes: 20, Nice: 10}
	wantExit(t, b.run(1, s), 0)
	s.Limits = &banto.Limits{Files: 10}
	if e := b.run(2, s); e.Exit == nil || *e.Exit != 0 || !strings.Contains(e.Message, "no limit of open files") {
		t.Errorf("%+v", e)
	}
}

func TestOneKeeper(t *testing.T) {
	b := setUp(t)
	pids := make(chan int, 5)
	var all sync.WaitGroup
	for range cap(pids) {
		all.Go(func() {
			c, err := Connect(b.ctx, ClientOptions{Dir: b.dir})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			pids <- (<-c.Events()).Hello.PID
		})
	}
	all.Wait()
	close(pids)
	for pid := range pids {
		if pid != b.pid {
			t.Errorf("a second keeper, %d beside %d", pid, b.pid)
		}
	}
	if err := Main(b.ctx, Options{Dir: b.dir}); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("a second keeper said %v", err)
	}
}
