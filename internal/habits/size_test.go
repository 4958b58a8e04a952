package habits_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The tail is what makes code hard to hold in one's head.
const (
	longFile     = 500
	longFunction = 60
)

func TestLongFilesAndFunctionsHaveAReason(t *testing.T) {
	used := map[string]bool{}
	excused := func(rule, thing string) bool {
		used[rule+" "+thing] = true
		return allowed(t, rule, thing)
	}
	for _, f := range goFiles(t) {
		src, err := os.ReadFile(f.abs)
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(f.path, "_test.go")
		if n := bytes.Count(src, []byte("\n")); n > longFile && !excused("file", f.path) {
			t.Errorf("%s has %d lines, more than %d: cut it, or give a reason in internal/habits/allow.txt", f.path, n, longFile)
		}
		if test {
			continue // a table of cases is long and easy to read
		}
		for name, n := range functions(t, f.path, src) {
			if n > longFunction && !excused("func", f.path+" "+name) {
				t.Errorf("%s: %s has %d lines, more than %d: cut it, or give a reason in internal/habits/allow.txt", f.path, name, n, longFunction)
			}
		}
	}
	for _, line := range allowList(t) {
		key, _, _ := strings.Cut(line, ": ")
		rule, _, _ := strings.Cut(key, " ")
		if (rule == "file" || rule == "func") && !used[key] {
			t.Errorf("allow.txt: %q is not needed any more", key)
		}
	}
}

func functions(t *testing.T, path string, src []byte) map[string]int {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, path, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	lengths := map[string]int{}
	for _, decl := range parsed.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil && len(fn.Recv.List) == 1 {
			name = receiver(fn.Recv.List[0].Type) + "." + name
		}
		if _, twice := lengths[name]; twice {
			name += "@" + strconv.Itoa(set.Position(fn.Pos()).Line)
		}
		lengths[name] = set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
	}
	return lengths
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return receiver(e.X)
	}
	return "?"
}
