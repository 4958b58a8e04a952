package habits_test

import (
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bantoops/banto"

// wall says which rooms a room may import. Rooms are named by their first
// folders; the longest name that fits a package counts. "banto" is the root.
type wall struct {
	room string
	may  []string
	why  string
}

// walls is the import rule of docs/ARCHITECTURE.md, a line a room. A new room
// needs a new line here.
var walls = []wall{
	{"banto", nil, "the nouns import the standard library alone"},
	{"internal", []string{"banto", "internal"}, "small satellites know only the nouns"},
	{"job", []string{"banto", "internal", "job"}, "the pure core knows nothing of the world around it"},
	{"store", []string{"banto", "internal", "job", "store"}, "a store keeps what the core makes"},
	{"fabric", []string{"banto", "internal", "job", "fabric"}, "the wire knows neither end"},
	{"lease", []string{"banto", "internal", "job", "store", "lease"}, "which manager is active"},
	{"auth", []string{"banto", "internal", "job", "store", "auth"}, "who may"},
	{"audit", []string{"banto", "internal", "job", "store", "audit"}, "who did"},
	{"notice", []string{"banto", "internal", "notice"}, "what is told to those who watch from outside"},
	{"manager", []string{"banto", "internal", "job", "store", "fabric", "auth", "audit", "notice", "manager"}, "the manager never imports the agent"},
	{"agent", []string{"banto", "internal", "job", "fabric", "notice", "agent"}, "the agent never imports the store or the manager"},
	{"client", []string{"banto"}, "a program that imports the client gets nothing else with it"},
	{"cli", []string{"banto", "internal", "job/jobnet", "client", "app", "cli"}, "commands talk through the client"},
	{"app", []string{"*"}, "the wiring may import everything"},
	{"cmd", []string{"banto", "cli"}, "main is a paragraph"},
	{"sim", []string{"*"}, "the simulator brings all rooms together, and nobody imports it"},
	{"scripts", []string{"banto", "cli"}, "the stories run the commands"},
	{"bench", []string{"banto", "internal", "client", "job", "fabric", "store", "agent", "auth"}, "the benchmark measures the real binary from outside; its simulated agents speak the real protocol"},
	{"examples", []string{"banto", "cli"}, "the examples run the commands"},
}

func TestImportWalls(t *testing.T) {
	for _, f := range goFiles(t) {
		room := roomOf(f.pkg)
		if room == nil {
			t.Errorf("%s: its room has no line in the import rule (internal/habits/imports_test.go)", f.path)
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.abs, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		// A test may bring in the rooms around it, to be tried with the real
		// thing rather than a fake; only the core stays pure in its tests too.
		if strings.HasSuffix(f.path, "_test.go") && room.room != "job" && room.room != "banto" {
			continue
		}
		for _, spec := range parsed.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if bad := forbidden(room, path); bad != "" {
				t.Errorf("%s imports %s: %s (%s)", f.path, path, bad, room.why)
			}
		}
	}
}

func forbidden(room *wall, path string) string {
	if path != module && !strings.HasPrefix(path, module+"/") {
		if room.room == "banto" && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
			return "the nouns use the standard library alone"
		}
		return ""
	}
	pkg := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	if pkg == "" {
		pkg = "banto"
	}
	for _, may := range room.may {
		if may == "*" || pkg == may || strings.HasPrefix(pkg, may+"/") {
			return ""
		}
	}
	return "not among the rooms that " + room.room + " may import"
}

func roomOf(pkg string) *wall {
	if pkg == "" {
		pkg = "banto"
	}
	for i := range walls {
		if pkg == walls[i].room || strings.HasPrefix(pkg, walls[i].room+"/") {
			return &walls[i]
		}
	}
	return nil
}

// impure are the packages that the core must not see.
var impure = map[string]string{
	"os": "I/O", "net": "I/O", "net/http": "I/O", "io/fs": "I/O", "os/exec": "I/O", "database/sql": "I/O",
	"log": "a logger", "log/slog": "a logger", "math/rand": "chance", "math/rand/v2": "chance", "crypto/rand": "chance",
	"sync": "a lock", "sync/atomic": "a lock", "context": "a context",
}

func TestCoreIsPure(t *testing.T) {
	for _, f := range goFiles(t) {
		if !strings.HasPrefix(f.path, "job/") || strings.HasSuffix(f.path, "_test.go") || strings.Contains(f.path, "enginetest/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.abs, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if what, bad := impure[path]; bad && !allowed(t, "impure", f.path+" "+path) {
				t.Errorf("%s imports %s: no %s in the core", f.path, path, what)
			}
		}
	}
}
