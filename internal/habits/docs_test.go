package habits_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is a Markdown file that people read. Path and text; code blocks are cut
// out of prose.
type page struct {
	path, text, prose string
}

func pages(t *testing.T) []page {
	t.Helper()
	root := top(t)
	var out []page
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "bin" || name == "node_modules" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text := string(body)
		out = append(out, page{filepath.ToSlash(rel), text, codeBlock.ReplaceAllString(text, "")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no Markdown file was found")
	}
	return out
}

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	inCode    = regexp.MustCompile("`([^`\n]+)`")
	filePath  = regexp.MustCompile(`^[A-Za-z_.][A-Za-z0-9_.<>*-]*(/[A-Za-z0-9_.<>*-]+)*/?$`)
)

func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	root := top(t)
	all := pages(t)
	for _, p := range all {
		for _, m := range link.FindAllStringSubmatch(p.prose, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // of the world outside
			}
			to := p.path
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(p.path), target))
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", p.path, m[1])
				continue
			}
			if anchor != "" && !hasAnchor(all, to, anchor) {
				t.Errorf("%s: the link %s leads to no heading", p.path, m[1])
			}
		}
	}
}

// hasAnchor says whether a page has a heading that GitHub gives this anchor.
func hasAnchor(all []page, path, anchor string) bool {
	for _, p := range all {
		if p.path != path {
			continue
		}
		for _, m := range heading.FindAllStringSubmatch(p.prose, -1) {
			if anchorOf(m[1]) == anchor {
				return true
			}
		}
	}
	return false
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

func anchorOf(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Developers are sent to files by these pages: each path in backquotes whose
// first folder is one of ours must be there. <name> and * stand for anything.
func TestPathsThatDocumentsNameExist(t *testing.T) {
	root := top(t)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "bin" && e.Name() != ".git" && e.Name() != ".tools" {
			ours = append(ours, e.Name())
		}
	}
	for _, name := range []string{"README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/ARCHITECTURE.md"} {
		body, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inCode.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(body), ""), -1) {
			path := m[1]
			first, _, deep := strings.Cut(path, "/")
			if !deep || !filePath.MatchString(path) || !slices.Contains(ours, first) {
				continue
			}
			if found, err := filepath.Glob(filepath.Join(root, placeholder.ReplaceAllString(path, "*"))); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which is not there", name, path)
			}
		}
	}
}

// The table of rooms says which file to open first.
func TestTheFilesToOpenFirstExist(t *testing.T) {
	root := top(t)
	body, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := roomRow.FindAllStringSubmatch(string(body), -1)
	if len(rows) < 10 {
		t.Fatalf("only %d rooms were found", len(rows))
	}
	for _, m := range rows {
		room, file := m[1], m[2]
		if _, err := os.Stat(filepath.Join(root, room, file)); err == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			t.Errorf("docs/ARCHITECTURE.md sends readers of %s to %s, which is not there", room, file)
		}
	}
}

var roomRow = regexp.MustCompile("(?m)^\\| `([^`]+)`.* \\| `([a-z_/]+\\.[a-zA-Z]+)` \\|$")

var placeholder = regexp.MustCompile(`<[a-z]+>|NNNN`)

// The tutorial is true because a story does what it says.
func TestTheTutorialIsAStory(t *testing.T) {
	root := top(t)
	story, err := os.ReadFile(filepath.Join(root, "scripts", "tutorial.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]bool{}
	for line := range strings.Lines(string(story)) {
		line = unquoted.Replace(strings.TrimSpace(line))
		if rest, ok := strings.CutPrefix(line, "exec "); ok {
			line = rest
		} else if rest, ok := strings.CutPrefix(line, "exits "); ok {
			_, line, _ = strings.Cut(rest, " ")
		}
		done[strings.TrimPrefix(line, "sh -c ")] = true
	}
	for name, ends := range map[string][2]string{"README.md": {"## Ten minutes", "## Read on"}, "README.ja.md": {"## 10 分で試す", "## 次に読むもの"}} {
		body, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		_, text, found := strings.Cut(string(body), ends[0])
		text, _, ended := strings.Cut(text, ends[1])
		if !found || !ended {
			t.Fatalf("%s has no tutorial between %q and %q", name, ends[0], ends[1])
		}
		commands := 0
		for line := range strings.Lines(text) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			if !ok || command == "make build" || command == "banto up" || strings.HasPrefix(command, "export PATH=") {
				continue // the story has its own binary and house
			}
			commands++
			if want := unquoted.Replace(asInStory.Replace(command)); !done[want] {
				t.Errorf("%s: scripts/tutorial.txtar does not do this: %s", name, want)
			}
		}
		if commands < 15 {
			t.Errorf("%s: only %d commands were found in the tutorial", name, commands)
		}
	}
}

var (
	asInStory = strings.NewReplacer("$PWD/", "$WORK/", "/tmp/", "$WORK/", "TRACKER", "$TRACKER")
	unquoted  = strings.NewReplacer(`"`, "", `'`, "")
)
