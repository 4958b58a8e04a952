package jobnet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func ptr[T any](v T) *T { return &v }

// told writes problems a line each.
func told(problems []banto.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s (%s)\n", p.Path, p.Message, p.Hint)
	}
	return b.String()
}

func TestBindParams(t *testing.T) {
	f := &Flow{Params: []Param{
		{Name: "source", Type: String, Default: ptr(".")},
		{Name: "generations", Type: Integer, Default: ptr("7"), Min: ptr(1.0), Max: ptr(99.0)},
		{Name: "ratio", Type: Number, Min: ptr(0.5)},
		{Name: "mode", Type: Choice, Of: []string{"full", "diff"}, Default: ptr("full")},
		{Name: "dir", Type: String, Required: true},
		{Name: "force", Type: Boolean},
		{Name: "day", Type: DateT},
		{Name: "files", Type: List},
	}}
	for _, c := range []struct {
		name  string
		given map[string]string
		want  string // bound values, or problems
	}{
		{"defaults", map[string]string{"dir": "/x"}, "dir=/x generations=7 mode=full source=."},
		{"all", map[string]string{"dir": " /x ", "source": "", "generations": " 010", "ratio": "+1.50e0", "mode": "diff", "force": "true", "day": "2026-01-02", "files": "a\r\nb\n"},
			`day=2026-01-02 dir= /x  files=["a","b"] force=true generations=10 mode=diff ratio=1.5 source=`},
		{"json list", map[string]string{"dir": "x", "files": `["a", 1, true, "<&>"]`}, `dir=x files=["a","1","true","<&>"] generations=7 mode=full source=.`},
		{"required", nil, "params.dir: is required and was not given (it takes a text)\n"},
		{"required and empty", map[string]string{"dir": ""}, "params.dir: is required and is empty (it takes a text)\n"},
		{"limits", map[string]string{"dir": "x", "generations": "200", "ratio": "0.4"},
			"params.generations: 200 is more than 99 (it takes an integer from 1 to 99)\nparams.ratio: 0.4 is less than 0.5 (it takes a number of at least 0.5)\n"},
		{"types", map[string]string{"dir": "x", "generations": "7.5", "ratio": "1_0", "mode": "some", "force": "yes", "day": "2026-02-30", "files": "[1,"},
			"params.generations: \"7.5\" is not an integer (it takes an integer from 1 to 99)\n" +
				"params.ratio: \"1_0\" is not a number (it takes a number of at least 0.5)\n" +
				"params.mode: \"some\" is not one of its choices (it takes one of full, diff)\n" +
				"params.force: \"yes\" is not true or false (it takes true or false)\n" +
				"params.day: \"2026-02-30\" is not a date such as 2026-11-21 (it takes a date such as 2026-11-21)\n" +
				"params.files: \"[1,\" is not a list: it begins like a JSON array and is none (it takes a list: a JSON array such as [\"a\", \"b\"], or a line for each item)\n"},
		{"unknown", map[string]string{"dir": "x", "generation": "1", "zzz": ""},
			"params.generation: the jobnet has no such parameter (did you mean generations?)\n" +
				"params.zzz: the jobnet has no such parameter (it takes source, generations, ratio, mode, dir, force, day, files)\n"},
		{"bytes", map[string]string{"dir": "a\x00b", "source": "\xff"}, "params.source: is not UTF-8 ()\nparams.dir: holds a NUL ()\n"},
		{"too great", map[string]string{"dir": strings.Repeat("x", maxParam+1), "generations": "99999999999999999999", "ratio": "1e999"},
			"params.generations: \"99999999999999999999\" is not an integer of 64 bits (it takes an integer from 1 to 99)\n" +
				"params.ratio: \"1e999\" is not a number of 64 bits (it takes a number of at least 0.5)\n" +
				"params.dir: is longer than 65536 bytes (hand over the name of a file)\n"},
		{"NUL in a list", map[string]string{"dir": "x", "files": `["a\u0000"]`},
			"params.files: item 1 of the list holds a NUL (it takes a list: a JSON array such as [\"a\", \"b\"], or a line for each item)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bound, problems := f.BindParams(c.given)
			got := told(problems)
			if len(problems) == 0 {
				var words []string
				for _, name := range sorted(bound) {
					words = append(words, name+"="+bound[name])
				}
				got = strings.Join(words, " ")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What was bound once is bound to itself, and every value can be read.
func TestBindParamsTwice(t *testing.T) {
	types := []Type{String, Integer, Number, Boolean, DateT, List}
	rapid.Check(t, func(t *rapid.T) {
		f := &Flow{}
		given := map[string]string{}
		for i, typ := range rapid.SliceOfN(rapid.SampledFrom(types), 1, 5).Draw(t, "types") {
			name := fmt.Sprint("p", i)
			f.Params = append(f.Params, Param{Name: name, Type: typ})
			given[name] = textOf(t, typ)
		}
		once, problems := f.BindParams(given)
		if len(problems) > 0 {
			t.Fatal(told(problems))
		}
		twice, problems := f.BindParams(once)
		if diff := cmp.Diff(once, twice); diff != "" || len(problems) > 0 {
			t.Fatal(diff, told(problems))
		}
		for _, p := range f.Params {
			v, err := ValueOf(p.Type, once[p.Name])
			if err != nil || canonicalOf(v) != once[p.Name] {
				t.Fatalf("%q is %v: %v", once[p.Name], v, err)
			}
		}
	})
}

// textOf draws a text of a value of the type.
func textOf(t *rapid.T, typ Type) string {
	plain := rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
	switch typ {
	case Integer:
		return rapid.SampledFrom([]string{"", " ", "+"}).Draw(t, "lead") + fmt.Sprint(rapid.IntRange(0, 1<<62).Draw(t, "int"))
	case Number:
		return fmt.Sprint(rapid.Float64Range(-1e300, 1e300).Draw(t, "number"))
	case Boolean:
		return fmt.Sprint(rapid.Bool().Draw(t, "boolean"))
	case DateT:
		return banto.Date{Year: 2000, Month: 1, Day: 1}.AddDays(rapid.IntRange(-100_000, 100_000).Draw(t, "days")).String()
	case List:
		return ListText(rapid.SliceOf(plain).Draw(t, "list"))
	}
	return plain.Draw(t, "text")
}

func TestParseVars(t *testing.T) {
	sets := []Set{{Name: "files", Type: Integer}, {Name: "note", Type: String}, {Name: "names", Type: List}, {Name: "件数", Type: Integer}, {Name: "day", Type: DateT}}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "[]"},
		{"plain", "files=12\nnote=a=b\n", "files=12 note=a=b []"},
		{"blanks", "files=  12 \nnote=  a b \n\n   \n", "files=12 note=  a b  []"},
		{"CRLF", "files=12\r\nnote=x\r\n", "files=12 note=x []"},
		{"the later wins", "files=1\nfiles=2\nnote=\n", "files=2 note= []"},
		{"list of lines", "names=a\nnames= b\nnames=\n", `names=["a"," b",""] []`},
		{"list as JSON", `names=["a", 2]`, `names=["a","2"] []`},
		{"list of one", "names=a b", `names=["a b"] []`},
		{"empty list", "names=", `names=[] []`},
		{"undeclared", "x=1\nfiles=1\nx=2\ny=", "files=1 [x y]"},
		{"decomposed name", "か\u3099=1\n件数=3", "件数=3 [が]"},
		{"no equals", "files=1\nhello\nnote=x", `files=1 note=x [] line 2: "hello" is not name=value`},
		{"bad name", "a b=1", `[] line 1: the name "a b" holds ' '`},
		{"blank before equals", "files =1", `[] line 1: the name "files " holds ' '`},
		{"no name", "=1", `[] line 1: the name "" is empty`},
		{"reserved", "exit=1", `[] line 1: the name "exit" is a word of the expression language`},
		{"NUL", "note=a\x00", "[] line 1: the value of note holds a NUL"},
		{"not UTF-8", "note=\xff", `[] line 1: "note=\xff" is not UTF-8`},
		{"type", "files=many\nnote=x", `note=x [] line 1 sets files: "many" is not an integer`},
		{"last of the name counts", "files=many\nfiles=3", "files=3 []"},
		{"date", "day=2026-13-01", `[] line 1 sets day: "2026-13-01" is not a date such as 2026-11-21`},
	} {
		t.Run(c.name, func(t *testing.T) {
			vars, undeclared, err := ParseVars(sets, c.text)
			var words []string
			for _, name := range sorted(vars) {
				words = append(words, name+"="+vars[name])
			}
			words = append(words, fmt.Sprint(undeclared))
			if err != nil {
				words = append(words, err.Error())
			}
			if got := strings.Join(words, " "); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}
