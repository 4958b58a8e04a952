package habits_test

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// shortest is how long a package comment must at least be: one that only
// repeats the name says nothing.
const shortest = 100

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs := map[string]string{}
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.abs, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		docs[f.pkg] += parsed.Doc.Text()
	}
	for pkg, doc := range docs {
		if len(doc) < shortest {
			t.Errorf("package %q has no comment that says what it owns, refuses and promises", pkg)
		}
	}
}
