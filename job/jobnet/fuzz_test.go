package jobnet

import (
	"maps"
	"testing"
	"unicode/utf8"
)

// What resolves and types also evaluates, to a value or an error, and never
// panics.
func FuzzText(f *testing.F) {
	for _, s := range []string{"x", "${params.n}", "a${count.files > 1 ? 'x' : \"}\"}b", "$${x}", "${", "${${}", "${'\\''}", "${params.list[0] + string(date)}", "${1 in [1, 2.0]}", "${'a' matches '('}", "${集計.件数 ** 2}", "${a /* } */}", "${params.n | string()}", "${date in [date]}", "${b'x'}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if !utf8.ValidString(source) || len(source) > 10_000 {
			return
		}
		c := &compilation{jobnet: &Jobnet{}, flow: &Flow{Parts: make([]FlowPart, 1), byName: map[string]int{"count": 0}}, names: testNames(), report: &Report{}}
		text := c.text(source, place{level: levelPart, part: 0, pos: Pos{1, 1, true}})
		got, err := text.Eval(testScope())
		if c.report.Len() == 0 && err == nil && len(got) > maxText+len(source) {
			t.Error("it grew")
		}
		if literal, ok := text.Literal(); ok && c.report.Len() == 0 && (literal != got || err != nil) {
			t.Errorf("%q is %q, not %q: %v", source, literal, got, err)
		}
		cond := &Condition{src: source, names: testNames()}
		c.condition(cond, place{level: levelPart, part: 0})
		_, _ = cond.Eval(testScope())
	})
}

func FuzzExitCodes(f *testing.F) {
	for _, s := range []string{"0", "1-3", "4-", "0,2, 5-", "-", "9999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		codes, err := ParseCodes(text)
		if err != nil {
			return
		}
		again, err := ParseCodes(codesText(codes))
		if err != nil || codesText(again) != codesText(codes) {
			t.Errorf("%q: %v, %v, %v", text, codes, again, err)
		}
		rules := &ExitRules{OK: codes}
		if rules.Outcome(codes[0].From) != "ok" || rules.Outcome(codes[0].To) != "ok" {
			t.Errorf("%q does not hold its own ends", text)
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"30m", "1h30m", "2d", "10", "1.5h", "0s", "00001s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := ParseDuration(FormatDuration(d)); d < 0 || d > MaxDuration || again != d || err != nil {
			t.Errorf("%q: %s, %s, %v", text, d, again, err)
		}
	})
}

func FuzzParseVars(f *testing.F) {
	for _, s := range []string{"n=1\ns=x\r\n", "l=a\nl=b", `l=["a"]`, "d=2026-11-21\nb=true\nf=1e3", "=", "n", "n=\x00", "件=1"} {
		f.Add(s)
	}
	sets := []Set{{Name: "n", Type: Integer}, {Name: "s", Type: String}, {Name: "l", Type: List}, {Name: "d", Type: DateT}, {Name: "b", Type: Boolean}, {Name: "f", Type: Number}}
	f.Fuzz(func(t *testing.T, text string) {
		vars, _, _ := ParseVars(sets, text)
		for _, s := range sets {
			v, ok := vars[s.Name]
			if !ok {
				continue
			}
			value, err := ValueOf(s.Type, v)
			if err != nil || canonicalOf(value) != v {
				t.Errorf("%s=%q is %v: %v", s.Name, v, value, err)
			}
		}
	})
}

// A size and a share read back as they were, and labels too.
func FuzzSizes(f *testing.F) {
	for _, s := range []string{"512M", "1K", "2G", "0M", "9999999999G", "50%", "%", "-1K", "１M", "a=b,c=d", "a=", "=", "a=b,a=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseSize(text); err == nil {
			if again, err := ParseSize(FormatSize(n)); n <= 0 || again != n || err != nil {
				t.Errorf("%q: %d, %d, %v", text, n, again, err)
			}
		}
		if n, err := ParsePercent(text); err == nil && n <= 0 {
			t.Errorf("%q: %d", text, n)
		}
		if labels, ok := ParseLabels(text); ok {
			if again, ok := ParseLabels(LabelsText(labels)); !ok || !maps.Equal(labels, again) {
				t.Errorf("%q: %v, %v", text, labels, again)
			}
		}
		if name, ok := ParseEncoding(text); ok {
			if again, ok := ParseEncoding(name); !ok || again != name {
				t.Errorf("%q: %s, %s", text, name, again)
			}
		}
	})
}
