package habits_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// logKeys are other names for what has one already: a line about a tracker, an
// attempt or a host is found by the same key everywhere.
var logKeys = map[string]string{
	"tracker_id": "tracker", "trackerid": "tracker", "run": "tracker", "attempt_id": "attempt", "attemptid": "attempt",
	"host_id": "host", "hostid": "host", "hostname": "host", "node": "host", "agent": "host",
	"err": "error", "duration": "took", "elapsed": "took",
}

// TestLogLinesHaveTheSameKeys looks at every call of a logger: its keys are
// words in small letters, and of several names for one thing the one we use.
func TestLogLinesHaveTheSameKeys(t *testing.T) {
	form := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	looked := 0
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, f.abs, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isLog(call) {
				return true
			}
			looked++
			for i := 1; i < len(call.Args); i += 2 {
				lit, ok := call.Args[i].(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					break // an attribute, or a slice of them
				}
				key, _ := strconv.Unquote(lit.Value)
				at := files.Position(lit.Pos())
				if want := logKeys[key]; want != "" {
					t.Errorf("%s:%d: the key %q is %q elsewhere", f.path, at.Line, key, want)
				} else if !form.MatchString(key) {
					t.Errorf("%s:%d: the key %q is not a word in small letters", f.path, at.Line, key)
				}
			}
			return true
		})
	}
	if looked < 50 {
		t.Fatalf("only %d lines of a log were found", looked)
	}
}

// isLog says whether a call writes a line of a log: x.log.Warn("…", …).
func isLog(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error":
	default:
		return false
	}
	switch on := method.X.(type) {
	case *ast.SelectorExpr:
		return strings.EqualFold(on.Sel.Name, "log")
	case *ast.Ident:
		return strings.EqualFold(on.Name, "log")
	}
	return false
}
