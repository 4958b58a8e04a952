package jobyaml

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/bantoops/banto/job/jobnet"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Whatever a file holds, it is parsed and compiled, or refused with reasons;
// and what was accepted is accepted again from its own source.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(nightly))
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, problems := Parse("x", text)
		if (len(docs) == 0) == (len(problems) == 0) {
			t.Fatalf("%d documents and %d problems", len(docs), len(problems))
		}
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 2
		for _, p := range problems {
			if p.Message == "" || p.Line < 0 || p.Column < 0 || p.Line > lines && !bytes.Contains(text, []byte("\u0085")) && !bytes.Contains(text, []byte("\u2028")) && !bytes.Contains(text, []byte("\u2029")) {
				t.Fatalf("%+v", p)
			}
		}
		for _, d := range docs {
			again, problems := Parse("x", []byte(d.Source))
			if len(problems) > 0 || len(again) != 1 || again[0].Path != d.Path {
				t.Fatalf("the source of %s is not itself: %s", d.Path, told(problems))
			}
			places := cmp.Options{cmpopts.IgnoreTypes(jobnet.Pos{}, map[string]jobnet.Pos{}), cmpopts.IgnoreFields(Document{}, "Jobnet", "Folder", "Source", "Line")}
			if diff := cmp.Diff(d, again[0], places); diff != "" {
				t.Fatal(diff)
			}
			if d.Jobnet == nil {
				continue
			}
			if diff := jobnet.Diff(d.Jobnet, again[0].Jobnet); len(diff) > 0 {
				t.Fatal(diff)
			}
			flow, problems := jobnet.Compile(d.Jobnet, nil)
			if len(problems) > 0 {
				continue
			}
			body := flow.Encode()
			decoded, err := jobnet.Decode(body)
			if err != nil || !bytes.Equal(decoded.Encode(), body) {
				t.Fatalf("%v\n%s", err, body)
			}
		}
	})
}
