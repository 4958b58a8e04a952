package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said gives every text that the code says, with its place.
func said(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	set := token.NewFileSet()
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || name.Sel.Name != "say" {
				return true
			}
			place := set.Position(call.Pos()).String()
			text, ok := literal(call.Args[0])
			if !ok {
				t.Errorf("%s: say needs a text that stands in the code", place)
				return true
			}
			found[text] = place
			if got := len(verbs(text)); got != len(call.Args)-1 {
				t.Errorf("%s: %q has %d verbs and %d arguments", place, text, got, len(call.Args)-1)
			}
			return true
		})
	}
	return found
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

func verbs(text string) []string {
	return regexp.MustCompile(`%(\[\d+\])?[a-z]`).FindAllString(text, -1)
}

func TestEveryTextIsInTheCatalogue(t *testing.T) {
	code, catalogue := said(t), wordsJA()
	for text, place := range code {
		ja, ok := catalogue[text]
		if !ok {
			t.Errorf("%s: words_ja.go has no %q", place, text)
			continue
		}
		a, b := verbs(text), verbs(ja)
		for i := range b {
			b[i] = "%" + b[i][len(b[i])-1:] // %[2]s is a %s at another place
		}
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: %q and %q do not take the same arguments", place, text, ja)
		}
	}
	for text := range catalogue {
		if _, ok := code[text]; !ok {
			t.Errorf("words_ja.go: nobody says %q any more", text)
		}
	}
}

func TestChooseLanguage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  map[string]string
		want language
	}{
		{nil, nil, english},
		{nil, map[string]string{"LANG": "ja_JP.UTF-8"}, japanese},
		{nil, map[string]string{"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, english},
		{nil, map[string]string{"LANG": "C", "BANTO_LANG": "ja"}, japanese},
		{[]string{"up", "--lang", "ja"}, map[string]string{"BANTO_LANG": "en"}, japanese},
		{[]string{"--lang=en", "up"}, map[string]string{"BANTO_LANG": "ja"}, english},
		{[]string{"run", "--", "--lang=ja"}, nil, english},
		{nil, map[string]string{"LANG": "java"}, english},
	} {
		if got := chooseLanguage(tt.args, func(k string) string { return tt.env[k] }); got != tt.want {
			t.Errorf("%v %v: got %s, want %s", tt.args, tt.env, got, tt.want)
		}
	}
}
