package store_test

import (
	"strings"
	"testing"

	"github.com/bantoops/banto/store"
)

// The shape of a statement has nothing of what it says.
func TestShape(t *testing.T) {
	for statement, want := range map[string]string{
		"":                                     "",
		" ; ":                                  "…",
		"select * from lease for update":       "select … from lease for update",
		"BEGIN; SELECT * FROM lease FOR SHARE": "BEGIN; SELECT … FROM lease FOR SHARE",
		"UPDATE lease SET holder = 'hunter2' WHERE epoch = 471147":     "UPDATE lease SET … WHERE …",
		"ALTER ROLE hunter2 PASSWORD E'hun\\'ter2'":                    "ALTER …",
		"/* hunter2 */ SELECT $$hunter2$$, $x$hunter2$x$, \"hunter2\"": "… SELECT …",
		"SELECT 'hunter2 that was cut":                                 "SELECT …",
		strings.Repeat("SELECT hunter2 FROM lease ", 9):                "SELECT … FROM lease SELECT … FROM lease SELECT … FROM lease SELECT … FROM lease",
		"SELECT 'ひみつ' FROM lease, ｓｅｃｒｅｔ":                              "SELECT … FROM lease …",
	} {
		if got := store.Shape(statement); got != want || strings.Contains(got, "hunter") {
			t.Errorf("%q: %q, not %q", statement, got, want)
		}
	}
}
