package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

func TestTell(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		lang language
		want string
	}{
		{"all of it", banto.Fail(banto.KindConflict, "cannot cancel x", "it has ended", "see y"), english, "banto: cannot cancel x: it has ended (see y)\n"},
		{"nothing to do", banto.Fail(banto.KindConflict, "cannot cancel x", "it has ended", ""), english, "banto: cannot cancel x: it has ended\n"},
		{"a fault of ours", errors.New("index out of range"), japanese, "banto: 起こるはずのないことが起きました: index out of range (操作内容とともに報告してください)\n"},
		{"wrapped", fmt.Errorf("on the way: %w", banto.Fail(banto.KindDenied, "cannot", "no\x1b[2J", "")), english, "banto: cannot: no^[[2J\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			someEnv(tt.lang, 0, &b).tell(tt.err)
			if b.String() != tt.want {
				t.Errorf("got %q, want %q", b.String(), tt.want)
			}
		})
	}
}

// On a terminal a problem shows its line, with a caret under the place: also
// behind characters that are two columns wide, and far to the right.
func TestProblemsShowTheirLine(t *testing.T) {
	info := banto.Fail(banto.KindInvalid, "cannot accept the definitions", "3 problems", "")
	info.Problems = []banto.Problem{
		{File: "夜.yaml", Line: 2, Column: 8, Message: "unknown", Hint: "write this"},
		{File: "夜.yaml", Line: 3, Column: 101, Message: "far away"},
		{Path: "params.n", Message: "too much"},
		{File: "夜.yaml", Line: 9, Message: "no such line"},
	}
	var b strings.Builder
	e := someEnv(english, 0, &b)
	e.std.Terminal = func(io.Writer) (int, int, bool) { return 44, 24, true }
	e.sources = map[string]string{"夜.yaml": "jobnet: x\r\n夜間: {\tjbo: 1}\r\n" + strings.Repeat("a", 100) + "b" + strings.Repeat("c", 100)}
	e.tell(info)
	golden(t, "problems.txt", b.String())
}

func TestReadDefinitions(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	b, a := write("in/b.yml", "b"), write("in/deep/a.yaml", "a")
	write("in/README.md", "no")
	write("in/.git/c.yaml", "no")
	write("in/.d.yaml", "no")
	other := write("other.txt", "named")
	var out strings.Builder
	e := someEnv(english, 0, &out)
	e.std.In = strings.NewReader("from stdin")
	files, err := e.readDefinitions([]string{filepath.Join(dir, "in"), b, other, "-"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Name+"="+f.Text)
	}
	want := []string{filepath.ToSlash(b) + "=b", filepath.ToSlash(a) + "=a", filepath.ToSlash(other) + "=named", "-=from stdin"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}

	_, err = e.readDefinitions([]string{filepath.Join(dir, "none"), t.TempDir()})
	var info *banto.ErrorInfo
	if !errors.As(err, &info) || len(info.Problems) != 2 || info.Kind != banto.KindInvalid {
		t.Errorf("what cannot be read is told at once: %v", err)
	}
	e.std.In = endless{}
	if _, err := e.readDefinitions([]string{"-"}); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("what never ends is refused: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A token that is kept for one manager must not be shown to another.
func TestTokenStaysWithItsManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"url": "http://127.0.0.1:1/", "token": "secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		flag, env, want string
		token           bool
	}{
		{"", "", "http://127.0.0.1:1", true},
		{"http://127.0.0.1:1", "", "http://127.0.0.1:1", true},
		{"", "http://127.0.0.1:2", "http://127.0.0.1:2", false},
		{"http://127.0.0.1:3", "http://127.0.0.1:1", "http://127.0.0.1:3", false},
	} {
		e := someEnv(english, 0, io.Discard)
		e.url = tt.flag
		e.std.Env = func(name string) string {
			return map[string]string{"BANTO_CONFIG": path, "BANTO_URL": tt.env}[name]
		}
		got, err := e.address()
		if err != nil || got.URL != tt.want || (got.Token == "secret") != tt.token {
			t.Errorf("%+v: got %+v, %v", tt, got, err)
		}
	}
}

// Every command has help with an example, and reads are offered to programs.
func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	root := newRoot(someEnv(english, 80, io.Discard))
	for _, family := range root.Commands() {
		commands := family.Commands()
		if len(commands) == 0 {
			commands = append(commands, family)
		}
		for _, cmd := range commands {
			if cmd.Name() == "help" {
				continue
			}
			if cmd.Short == "" || cmd.Example == "" {
				t.Errorf("%s has no help or no example", cmd.CommandPath())
			}
			switch cmd.Name() {
			case "list", "show", "versions", "diff", "output", "check", "submit", "version":
				if cmd.Flags().Lookup("json") == nil {
					t.Errorf("%s has no --json", cmd.CommandPath())
				}
			}
		}
	}
}
