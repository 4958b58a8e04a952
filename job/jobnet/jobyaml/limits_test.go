package jobyaml

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/bantoops/banto/job/jobnet"
)

// Files made to hurt are refused with a reason, and at a bounded price: the
// bytes allocated, which do not depend on how busy the machine is.
func TestHurtfulFiles(t *testing.T) {
	const million = 1_000_000
	rows := func(n int, format string) string {
		var b strings.Builder
		b.WriteString("jobnet: a\nparts:\n")
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name, text, want string
		most             uint64 // MiB
	}{
		{"100 MB", strings.Repeat("jobnet: a\n", 10*million), "the file has 100000000 bytes, more than 16 MiB", 1},
		{"deep lists", "jobnet: a\nparts: " + strings.Repeat("[", 200_000), "max depth", 300},
		{"deep mappings", "jobnet: a\nparts: " + strings.Repeat("{a: ", 200_000), "max depth", 300},
		{"many values", "jobnet: a\nparts: [" + strings.Repeat("a,", 4*million) + "]", "too many values", 20},
		{"many documents", strings.Repeat("a\n---\n", 30_000), "more than 20000 documents", 300},
		{"many empty documents", strings.Repeat("---\n", 200_000), "no definition", 100},
		{"long alias chain", "jobnet: a\nparts:\n  p: {run: &a [" + strings.Repeat("x, ", 30_000) + "]}\n" + strings.TrimPrefix(rows(300, "  q%d: {run: *a}\n"), "jobnet: a\nparts:\n"), "its aliases written out", 1500},
		{"long text behind aliases", "jobnet: a\nparts:\n  p: {job: &a \"" + strings.Repeat("x", 400_000) + "\"}\n" + strings.TrimPrefix(rows(300, "  q%d: {job: *a}\n"), "jobnet: a\nparts:\n"), "its aliases written out", 300},
		{"script too long", "jobnet: a\nparts: {p: {job: \"" + strings.Repeat("x", 9*million) + "\"}}", "the script has 8790 KiB; the limit is 8 MiB", 300},
		{"argument too long", "jobnet: a\nparts: {p: {run: [\"" + strings.Repeat("x", 200_000) + "\"]}}", "the text has 200000 bytes", 100},
		{"escapes", "jobnet: a\nparts: {p: {run: [\"" + strings.Repeat("$${", 40_000) + "${x\"]}}", "${ without its }", 100},
		{"many variables", "jobnet: a\nparts: {p: {job: x, sets: {" + strings.Repeat("a, ", 1) + rowsOf(2000, "b%d, ") + "}}}", "more than 1000 variables", 100},
		{"many parameters", "jobnet: a\nparams: {" + rowsOf(2000, "b%d: , ") + "}\nparts: {p: {job: x}}", "more than 1000 parameters", 100},
		{"many parts", rows(jobnet.MaxParts+1, "  p%d: {}\n"), "more than 200000", 1000},
		{"all wrong", rows(20_000, "  p%d: {job: x, when: zzz.exit == 1 && yyy}\n"), "and 39900 more", 1500},
		{"brackets in an expression", "jobnet: a\nparts: {p: {job: x, when: \"" + strings.Repeat("(", million) + "\"}}", "longer than 4096 characters", 100},
		{"NULs", "jobnet: a\n" + strings.Repeat("\x00", million), "a NUL stands here", 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := []byte(c.text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, problems := check("x", text)
			runtime.ReadMemStats(&after)
			if got := told(problems); !strings.Contains(got, c.want) {
				t.Errorf("%.3000s", got)
			}
			if len(problems) > jobnet.MaxProblems+1 {
				t.Errorf("%d problems", len(problems))
			}
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > c.most {
				t.Errorf("it took %d MiB", used)
			}
		})
	}
}

// A script of 8 MiB, as installers that carry their archive are, is read at a
// bounded price, and comes through letter for letter.
func TestLongScript(t *testing.T) {
	line := strings.Repeat("QmFudG8g", 9) + "Cg==\n" // as base64 writes it
	var script, file strings.Builder
	file.WriteString("jobnet: a\nparts:\n  p:\n    job: |\n")
	for script.Len()+len(line) <= jobnet.MaxScript {
		script.WriteString(line)
		file.WriteString("      " + line)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	flows, problems := check("x", []byte(file.String()))
	runtime.ReadMemStats(&after)
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	if flows[0].Parts[0].Script != script.String() {
		t.Error("the script is not what was written")
	}
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 300 {
		t.Errorf("it took %d MiB", used)
	}
}

func rowsOf(n int, format string) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// A large jobnet is checked whole.
func TestLargeJobnet(t *testing.T) {
	const parts = 20_000
	flows, problems := check("x", large(parts, true))
	if len(problems) > 0 || len(flows[0].Parts) != parts {
		t.Fatal(told(problems))
	}
}
