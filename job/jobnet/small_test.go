package jobnet

import (
	"fmt"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"30m", "30m0s"}, {"2h", "2h0m0s"}, {"10s", "10s"}, {"1d", "24h0m0s"}, {"1h30m", "1h30m0s"}, {"1d2h3m4s", "26h3m4s"},
		{"0s", "0s"}, {"90m", "1h30m0s"}, {"3650d", "87600h0m0s"},
		{"", `"" is not a duration; write 30m, 1h30m, 10s or 2d`},
		{"30", `"30" has no unit; write 30s, 30m, 30h or 30d`},
		{"1.5h", `"1.5h" is not a duration; write 30m, 1h30m, 10s or 2d`},
		{"-1h", `"-1h" is not a duration; write 30m, 1h30m, 10s or 2d`},
		{"30m1h", `"30m1h" is not a duration; write 30m, 1h30m, 10s or 2d`},
		{"1h1h", `"1h1h" is not a duration; write 30m, 1h30m, 10s or 2d`},
		{"10ms", `"10ms" is not a duration; write 30m, 1h30m, 10s or 2d`},
		{"3651d", `"3651d" is longer than 3650d`},
		{"99999999999999999999h", `"99999999999999999999h" is not a duration; write 30m, 1h30m, 10s or 2d`},
	} {
		d, err := ParseDuration(c.text)
		got := d.String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"0", "[0]"}, {"1-3", "[1-3]"}, {"4-", "[4-]"}, {"0,2, 5-6", "[0 2 5-6]"}, {"7-7", "[7]"}, {"3221225477", "[3221225477]"},
		{"", "error"}, {"-1", "error"}, {"3-1", "error"}, {"1-2-3", "error"}, {"a", "error"}, {"1,", "error"}, {"4294967296", "error"}, {"+1", "error"},
	} {
		codes, err := ParseCodes(c.text)
		got := fmt.Sprint(codes)
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestOutcome(t *testing.T) {
	var none *ExitRules
	rules := &ExitRules{OK: []CodeRange{{0, 0}, {9, 9}}, Warning: []CodeRange{{1, 3}}, Error: []CodeRange{{4, 8}}}
	for _, c := range []struct {
		rules *ExitRules
		code  int
		want  banto.Outcome
	}{
		{none, 0, banto.OK}, {none, 1, banto.Error}, {none, -1, banto.Error},
		{rules, 0, banto.OK}, {rules, 9, banto.OK}, {rules, 2, banto.Warning}, {rules, 4, banto.Error}, {rules, 100, banto.Error},
		{&ExitRules{}, 0, banto.Error},
	} {
		if got := c.rules.Outcome(c.code); got != c.want {
			t.Errorf("%+v %d: %s", c.rules, c.code, got)
		}
	}
}

func TestFolderChain(t *testing.T) {
	for path, want := range map[string][]string{
		"a/b/c": {"/", "a", "a/b"}, "a": {"/"}, "a/b": {"/", "a"}, "/": {"/"}, "売上/日次": {"/", "売上"},
	} {
		if diff := cmp.Diff(want, FolderChain(path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestTextEval(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"plain", "plain"}, {"", ""}, {"$HOME {x} $$ }", "$HOME {x} $$ }"},
		{"${params.n}", "7"}, {"a${params.n}b${count.files}c", "a7b12c"}, {"$${params.n}", "${params.n}"},
		{"$${a} ${ params.s }", "${a} Hello"}, {"${date}", "2026-11-21"}, {"${tracker}.${attempt}", "20261121-7k3mq0x.2"},
		{"${count.names}", `["x"]`}, {"${集計.件数}", "4"}, {"${'}' + \"{\" + `}`}", "}{}"},
		{"${count.ratio}", "0.25"}, {"${count.done}", "false"}, {"日${params.n + 1}本", "日8本"},
		{"${params.missing}", "error: params.missing is not set: it was not given and has no default"},
		{"${count.x}", "error: count.x is not set: count has not set it"},
		{"${map.exit}", "error: map.exit is not set: map has not ended with an exit code"},
		{"${map.outcome}", "error: map.outcome is not set: map has not ended with an outcome"},
		{"${map.output}", "error: map.output is not set: map has not run"},
		{"${map.exit + 1}", `error: cannot evaluate "map.exit + 1": map.exit is not set: map has not ended with an exit code`},
		{"${count.files % 0}", `error: cannot evaluate "count.files % 0": integer divide by zero`},
		{"${params.list[5]}", `error: cannot evaluate "params.list[5]": index out of range: 5 (array length is 2)`},
		{"${int(params.s)}", `error: cannot evaluate "int(params.s)": int("Hello"): it is not an integer`},
		{"${add_days(date, 9999999)}", `error: cannot evaluate "add_days(date, 9999999)": add_days(2026-11-21, 9999999) leaves the years 1 to 9999`},
	} {
		text := Text{src: c.source}
		if fault := text.resolve(testNames()); fault != nil {
			t.Errorf("%s: %s", c.source, fault.message)
			continue
		}
		got, err := text.Eval(testScope())
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

// A text cannot grow without limit, however often it names a long value.
func TestTextLimit(t *testing.T) {
	long := make([]byte, maxParam)
	for i := range long {
		long[i] = 'x'
	}
	scope := testScope()
	scope["params.s"] = string(long)
	text := Text{src: "${params.s}${params.s}${params.s}"}
	if fault := text.resolve(testNames()); fault != nil {
		t.Fatal(fault.message)
	}
	if _, err := text.Eval(scope); err == nil {
		t.Error("it grew")
	}
}

// A duration written out is read as itself.
func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(MaxDuration/time.Second)).Draw(t, "seconds")) * time.Second
		if got, err := ParseDuration(FormatDuration(d)); got != d || err != nil {
			t.Fatalf("%s: %s %v", d, got, err)
		}
	})
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"aftr", "after"}, {"jbo", "job"}, {"xyz", ""}, {"timezon", "timezone"}, {"timeuot", "timeout"}, {"", ""}, {"a", ""},
	} {
		if got := Nearest(c.word, []string{"after", "job", "timezone", "timeout"}); got != c.want {
			t.Errorf("%q: %q", c.word, got)
		}
	}
}

// Who submits gives a parameter's value, the designer a variable's: so a
// variable may say where programs are, and a parameter may not.
func TestNamesOfVariables(t *testing.T) {
	for name, want := range map[string]struct{ env, param bool }{
		"A":               {true, true},
		"_a1":             {true, true},
		"PATH":            {true, false},
		"LD_LIBRARY_PATH": {true, false},
		"Path":            {true, false},
		"IFS":             {},
		"ENV":             {},
		"BASH_ENV":        {},
		"BANTO_WORK":      {},
		"LD_ x":           {},
		"1st":             {},
		"":                {},
	} {
		if got := envNameFault(name) == ""; got != want.env {
			t.Errorf("%q as a variable: %v", name, got)
		}
		if got := paramNameFault(name) == ""; got != want.param {
			t.Errorf("%q as a parameter: %v", name, got)
		}
	}
}
