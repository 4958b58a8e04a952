package jobyaml

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// check does what a check of one file does: parse, then compile.
func check(name string, text []byte) ([]*jobnet.Flow, []banto.Problem) {
	docs, problems := Parse(name, text)
	var folders []*jobnet.Folder
	for _, d := range docs {
		if d.Folder != nil {
			folders = append(folders, d.Folder)
		}
	}
	var flows []*jobnet.Flow
	for _, d := range docs {
		if d.Jobnet != nil {
			flow, more := jobnet.Compile(d.Jobnet, folders)
			flows, problems = append(flows, flow), append(problems, more...)
		}
	}
	return flows, problems
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Each file of testdata/bad has its problems beside it. Run with -update to
// write them anew, and read the difference.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := check(filepath.Base(file), text)
			if len(problems) == 0 {
				t.Fatal("no problem was found")
			}
			for _, p := range problems {
				if p.File != filepath.Base(file) {
					t.Errorf("a problem without its file: %+v", p)
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", told(problems))
		})
	}
}

// Each file of testdata/good has the flows that it gives beside it.
func TestGood(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flows, problems := check(filepath.Base(file), text)
			if len(problems) > 0 {
				t.Fatal(told(problems))
			}
			var b strings.Builder
			for _, f := range flows {
				b.Write(f.Encode())
				b.WriteString("\n")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", b.String())
		})
	}
}
