package notice

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "rewrite the list of IDs and the tables of the guides")

// TestIDsStay holds the list of all IDs that there ever were: one may come to
// it, and none may go or be given another severity.
func TestIDsStay(t *testing.T) {
	const golden = "testdata/ids.txt"
	body, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	before := strings.Fields(string(body))
	var now []string
	for _, n := range Table() {
		now = append(now, string(n.ID))
	}
	for _, id := range before {
		if !slices.Contains(now, id) {
			t.Errorf("%s is gone: monitors match it, and its number must never mean anything else", id)
		}
	}
	if slices.Equal(before, now) || t.Failed() {
		return
	}
	if !*update {
		t.Fatalf("IDs are new, or out of order: run with -update\nbefore %q\nnow    %q", before, now)
	}
	if err := os.WriteFile(golden, []byte(strings.Join(now, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheTableIsWhole(t *testing.T) {
	form := regexp.MustCompile(`^BANTO0([1-9])\d\d[IWE]$`) // three digits: the event log of Windows knows 1 to 1000
	numbers := map[string]bool{}
	last := ID("")
	for _, n := range Table() {
		if !form.MatchString(string(n.ID)) || n.ID < last {
			t.Errorf("%s is not an ID, or out of order", n.ID)
		}
		last = n.ID
		number := string(n.ID[:len(n.ID)-1])
		if numbers[number] {
			t.Errorf("%s is there twice", number)
		}
		numbers[number] = true
		for _, text := range []string{n.English.Says, n.English.Do, n.Japanese.Says, n.Japanese.Do} {
			if text == "" || strings.ContainsAny(text, "|\n") || strings.TrimSpace(text) != text {
				t.Errorf("%s: the text %q", n.ID, text)
			}
		}
		if strings.ContainsFunc(n.English.Says+n.English.Do, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Errorf("%s: its English is not ASCII, and some syslog servers take nothing else", n.ID)
		}
	}
	for _, id := range constants(t) {
		if textOf(id, false).Says == "" {
			t.Errorf("%s has no line in the table", id)
		}
	}
}

// constants gives the IDs that code can name.
func constants(t *testing.T) []ID {
	t.Helper()
	body, err := os.ReadFile("table.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []ID
	for _, m := range regexp.MustCompile(`ID = "(BANTO\w+)"`).FindAllStringSubmatch(string(body), -1) {
		out = append(out, ID(m[1]))
	}
	if len(out) < 20 {
		t.Fatalf("only %d constants were found", len(out))
	}
	return out
}

// TestTheGuidesShowTheTable holds the tables of the guides, which -update makes.
func TestTheGuidesShowTheTable(t *testing.T) {
	for file, head := range map[string]string{
		"monitoring.md":    "| ID | what it says | what to do |",
		"monitoring.ja.md": "| ID | 内容 | 対処 |",
	} {
		path := filepath.Join("..", "docs", "guide", file)
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const begin, end = "<!-- notices -->\n", "<!-- end of notices -->"
		before, rest, ok1 := strings.Cut(string(body), begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s: the marks of the table are missing", path)
		}
		var table strings.Builder
		table.WriteString(head + "\n| --- | --- | --- |\n")
		for _, n := range Table() {
			text := n.English
			if strings.Contains(file, ".ja.") {
				text = n.Japanese
			}
			fmt.Fprintf(&table, "| `%s` | %s | %s |\n", n.ID, text.Says, text.Do)
		}
		want := before + begin + table.String() + end + after
		if want == string(body) {
			continue
		}
		if !*update {
			t.Fatalf("%s does not show the table: run with -update", path)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a guide is for all
			t.Fatal(err)
		}
	}
}
