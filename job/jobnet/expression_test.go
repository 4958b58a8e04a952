package jobnet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// values is a scope of plain values: "params.x", "part.field".
type values map[string]Value

func (v values) Param(name string) Value       { return v["params."+name] }
func (v values) Part(name, field string) Value { return v[name+"."+field] }
func (v values) Date() banto.Date              { return banto.Date{Year: 2026, Month: 11, Day: 21} }
func (v values) Tracker() banto.TrackerID      { return "20261121-7k3mq0x" }
func (v values) Attempt() int                  { return 2 }

func testNames() *namespace {
	parts := map[string][]Set{
		"count": {{Name: "files", Type: Integer}, {Name: "ratio", Type: Number}, {Name: "done", Type: Boolean}, {Name: "day", Type: DateT}, {Name: "names", Type: List}, {Name: "名", Type: String}},
		"map":   {{Name: "x", Type: String}},
		"集計":    {{Name: "件数", Type: Integer}},
	}
	return &namespace{
		params: map[string]Type{"mode": Choice, "n": Integer, "s": String, "list": List, "day": DateT, "f": Number, "b": Boolean},
		part: func(name string) *FlowPart {
			if s, ok := parts[name]; ok {
				return &FlowPart{Name: name, Kind: KindJob, Sets: s}
			}
			return nil
		},
		all: func() []string { return []string{"count", "map", "集計"} },
	}
}

func testScope() values {
	return values{
		"params.mode": "full", "params.n": 7, "params.s": "Hello", "params.list": []string{"a", "b"},
		"params.day": banto.Date{Year: 2026, Month: 11, Day: 20}, "params.f": 1.5, "params.b": true,
		"count.files": 12, "count.ratio": 0.25, "count.done": false, "count.names": []string{"x"},
		"count.day": banto.Date{Year: 2026, Month: 1, Day: 2}, "count.名": "n",
		"count.outcome": "warning", "count.exit": 3, "count.output": " 5\n",
		"map.x": "m", "集計.件数": 4,
	}
}

func TestEval(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"count.files > 10", "true"},
		{"count.files * 2 + params.n", "31"},
		{"count.files / 5", "2.4"},
		{"count.files % 5", "2"},
		{"count.files / 4", "3"},
		{"2 ** 3", "8"},
		{"-count.files", "-12"},
		{"not count.done and params.b", "true"},
		{"params.mode == 'full' ? 'F' : 'D'", "F"},
		{"params.mode in ['full', 'diff']", "true"},
		{"count.files in [1, 12]", "true"},
		{"'a' in params.list", "true"},
		{"'z' not in params.list", "true"},
		{"params.list contains 'b'", "true"},
		{"params.s contains 'ell'", "true"},
		{"params.s matches '^H.*o$'", "true"},
		{"params.list[1]", "b"},
		{"params['s']", "Hello"},
		{"count.outcome == 'warning' || map.x == 'q'", "true"},
		{"format(date, 'yyyymmdd')", "20261121"},
		{"format(add_days(date, -21), 'yy/mm/dd')", "26/10/31"},
		{"weekday(date)", "sat"},
		{"date > params.day", "true"},
		{"date == add_days(params.day, 1)", "true"},
		{"date != count.day && date >= count.day", "true"},
		{"date in [params.day, add_days(params.day, 1)]", "true"},
		{"len(params.list) + len(params.s)", "7"},
		{"upper(params.s) + lower(params.s)", "HELLOhello"},
		{"int(trim(count.output)) + 1", "6"},
		{"int(params.f)", "1"},
		{"split('a,b', ',')", `["a","b"]`},
		{"string(params.list)", `["a","b"]`},
		{"string(date) + string(params.b) + string(params.f)", "2026-11-21true1.5"},
		{"params.f + 1", "2.5"},
		{"集計.件数 + 1", "5"},
		{"集計.件数 == 4 and count.名 == 'n'", "true"},
		{"tracker + '.' + string(attempt)", "20261121-7k3mq0x.2"},
		{"true || count.missing2 == 1", "fault: count sets no variable missing2"},
		{"params.s | upper()", "HELLO"},
		{"'が' == 'か\u3099'", "true"},
	} {
		ns := testNames()
		var got string
		if a := ns.analyse(c.source); len(a.faults) > 0 {
			got = "fault: " + a.faults[0].message
		} else if v, err := ns.eval(c.source, testScope()); err != nil {
			got = "error: " + err.Error()
		} else {
			got = canonicalOf(v)
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

func TestExpressionFaults(t *testing.T) {
	for _, c := range []struct {
		source string
		want   string // place, message, hint
	}{
		{`"10" == 10`, "5: == does not go with a text and an integer (declare the type: integer, or write int(…))"},
		{`params.s > 1000`, "9: > does not go with a text and an integer (declare the type: integer, or write int(…))"},
		{`date == "2026-11-21"`, `5: == does not go with a date and a text (compare texts: format(date, 'yyyy-mm-dd') == "2026-11-21")`},
		{`date + 1`, "5: + does not go with a date and an integer (write add_days(date, 1))"},
		{`date.Year`, "5: this has no values of its own (only params and parts have values behind a dot)"},
		{`coutn.files`, "0: there is no part coutn (did you mean count?)"},
		{`count.file`, "0: count sets no variable file (did you mean files?)"},
		{`count.result`, "0: result is not supported by this version (let the job set a variable and name it under sets)"},
		{`params.mod`, "0: there is no parameter mod (did you mean mode?)"},
		{`count`, "0: the part count alone is no value (write count.outcome, count.exit, count.output or a variable that it sets)"},
		{`mode == 'full'`, "0: mode is not known (write params.mode)"},
		{`params`, "0: params alone is no value (write params.name)"},
		{`now()`, "0: there is no function now (functions are format, add_days, weekday, len, lower, upper, trim, split, int, string)"},
		{`all(params.list, {# == 'a'})`, "0: there is no function all (functions are format, add_days, weekday, len, lower, upper, trim, split, int, string)"},
		{`filter(params.list, true)`, "0: there is no function filter (functions are format, add_days, weekday, len, lower, upper, trim, split, int, string)"},
		{`openday_from_end(date) == 1`, "0: openday_from_end is not supported by this version (it needs calendars)"},
		{`is_open(date)`, "0: is_open is not supported by this version (it needs calendars)"},
		{`frame`, "0: frame is not known (names are params.x, part.x, date, tracker and attempt; texts stand in quotes)"},
		{`ref_integer(0)`, "0: there is no function ref_integer (functions are format, add_days, weekday, len, lower, upper, trim, split, int, string)"},
		{`$env`, "0: $env is not known (names are params.x, part.x, date, tracker and attempt; texts stand in quotes)"},
		{`let x = 1; x`, "4: this cannot stand in an expression (only values, operators and the listed functions can)"},
		{`1; 2`, "0: this cannot stand in an expression (only values, operators and the listed functions can)"},
		{`{"a": 1}`, "0: this cannot stand in an expression (only values, operators and the listed functions can)"},
		{`1..1000000`, "1: .. is not an operator of expressions (operators are == != < > <= >= && || ! + - * / % in, contains, matches and a ? b : c)"},
		{`params.s ?? 'x'`, "9: ?? is not an operator of expressions (operators are == != < > <= >= && || ! + - * / % in, contains, matches and a ? b : c)"},
		{`nil`, "0: there is no nil (a value that is not set stops the part by itself)"},
		{`params.s = 'x'`, "9: = does not compare (write == for equal)"},
		{`count.files >`, "12: the expression ends too early ()"},
		{`params.s matches '('`, "17: missing closing ): `(` (it is a regular expression of Go's kind)"},
		{`format(date, 'hh')`, "13: format does not know 'h' (it knows yyyy, yy, mm and dd, and keeps what is not a Latin letter; put other letters outside)"},
		{`format('x', 'yy')`, "7: format wants a date here, not a text (write format(date, 'yyyymmdd'))"},
		{`len(1, 2)`, "0: len takes 1 values, not 2 (write len(params.files))"},
		{`!params.n`, "0: ! wants true or false, not an integer (it turns true into false)"},
		{`params.n && true`, "9: && does not go with an integer and true or false (both sides must be true or false)"},
		{`1 in [1, 'a']`, "9: in looks for an integer, and this is a text (the items must be of one type with what is looked for)"},
		{`params.b ? 1 : 'a'`, "15: one way gives an integer, the other a text (use string(…) or int(…))"},
		{`params.s[0]`, "8: a text has no items (only a list has items)"},
		{`params?.s`, "8: this cannot stand in an expression (only values, operators and the listed functions can)"},
		{`params.s.x`, "9: this has no values of its own (only params and parts have values behind a dot)"},
		{strings.Repeat("1+", 200) + "1", "112: the expression has more than 256 parts (let a job work it out and set a variable)"},
		{strings.Repeat("(", 5000), "0: the expression is longer than 4096 characters (let a job work it out and set a variable)"},
	} {
		a := testNames().analyse(c.source)
		got := "none"
		if len(a.faults) > 0 {
			got = fmt.Sprintf("%d: %s (%s)", a.faults[0].at, a.faults[0].message, a.faults[0].hint)
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", clip(c.source), got, c.want)
		}
	}
}
