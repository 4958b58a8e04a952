package designs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqlite"
)

var hanako = banto.Principal{Name: "hanako", Admin: true}

type world struct {
	t     *testing.T
	store *sqlite.Store
	*designs.Designs
}

func newWorld(t *testing.T, change ...func(*designs.Options)) *world {
	t.Helper()
	st, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := st.Begin(t.Context(), "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	opt := designs.Options{Store: st, Now: time.Now, KnownHost: func(_ context.Context, name string) (bool, error) { return name == "db01", nil }}
	for _, f := range change {
		f(&opt)
	}
	return &world{t: t, store: st, Designs: designs.New(opt)}
}

// files makes a request of texts that are called a.yaml, b.yaml, ….
func files(texts ...string) banto.ApplyRequest {
	var req banto.ApplyRequest
	for i, text := range texts {
		req.Files = append(req.Files, banto.File{Name: string(rune('a'+i)) + ".yaml", Text: text})
	}
	return req
}

// apply applies and spells the changes.
func (w *world) apply(req banto.ApplyRequest) string {
	w.t.Helper()
	r, err := w.Apply(w.t.Context(), hanako, req)
	if err != nil {
		w.t.Fatalf("apply: %v", spell(err))
	}
	return spellChanges(r)
}

func spellChanges(r banto.ApplyResult) string {
	var out []string
	for _, c := range r.Changes {
		out = append(out, fmt.Sprintf("%s %s %s %d", c.Action, c.Kind, c.Path, c.Version))
	}
	return strings.Join(out, "; ")
}

// refused applies and wants problems, spelled as file:line:column message.
func (w *world) refused(req banto.ApplyRequest, want ...string) {
	w.t.Helper()
	_, err := w.Apply(w.t.Context(), hanako, req)
	if banto.KindOf(err) != banto.KindInvalid {
		w.t.Fatalf("got %v, want it refused", err)
	}
	got := spell(err)
	for _, text := range want {
		if !strings.Contains(got, text) {
			w.t.Errorf("no %q in:\n%s", text, got)
		}
	}
}

func spell(err error) string {
	out := err.Error()
	var e *banto.ErrorInfo
	if errors.As(err, &e) {
		for _, p := range e.Problems {
			out += fmt.Sprintf("\n%s:%d:%d %s [%s]", p.File, p.Line, p.Column, p.Message, p.Hint)
		}
	}
	return out
}

func (w *world) is(got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("got  %s\nwant %s", got, want)
	}
}

// active lists what is in use.
func (w *world) active() string {
	w.t.Helper()
	var out []string
	for _, kind := range []store.DefinitionKind{store.KindFolder, store.KindJobnet} {
		defs, err := w.store.ListDefinitions(w.t.Context(), kind, "", "", 0)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range defs {
			out = append(out, fmt.Sprintf("%s@%d", d.Path, d.Version))
		}
	}
	return strings.Join(out, " ")
}

// net spells a jobnet of one part.
func net(path, job string) string {
	return "jobnet: " + path + "\nparts:\n  p:\n    job: " + job + "\n"
}

func TestApplyMakesVersionsOfWhatChanged(t *testing.T) {
	w := newWorld(t)
	w.is(w.apply(files(net("a", "x"), net("b", "x")+"---\nfolder: f\ntitle: F\n")),
		"created jobnet a 1; created jobnet b 1; created folder f 1")
	w.is(w.apply(files(net("a", "y"), net("b", "x")+"---\nfolder: f\ntitle: F\n")),
		"changed jobnet a 2; unchanged jobnet b 1; unchanged folder f 1")
	w.is(w.active(), "f@1 a@2 b@1")
	entries, err := w.store.ListAudit(t.Context(), "", 0, 0)
	if err != nil || len(entries) != 4 {
		t.Fatalf("audit %v, %v", entries, err)
	}
	if e := entries[0]; e.Principal != "hanako" || e.Action != "jobnet.apply" || e.Object != "a" || e.Outcome != "done" || e.Detail != "version 2 from a.yaml" {
		t.Errorf("entry %+v", e)
	}
}

func TestDryRunStoresNothing(t *testing.T) {
	w := newWorld(t)
	w.apply(files(net("f/a", "x"), net("f/b", "x")))
	req := files(net("f/a", "y"), net("f/c", "x"))
	req.DryRun, req.Prune = true, true
	w.is(w.apply(req), "changed jobnet f/a 0; created jobnet f/c 0; deleted jobnet f/b 0")
	w.is(w.active(), "f/a@1 f/b@1")
	if entries, _ := w.store.ListAudit(t.Context(), "", 0, 0); len(entries) != 2 {
		t.Errorf("audit %+v", entries)
	}
}

func TestAllProblemsOfAllFilesAndNothingStored(t *testing.T) {
	w := newWorld(t)
	w.refused(files(
		net("good", "x"),
		"jobnet: bad\nparts:\n  p:\n    jab: x\n",
		"jobnet: worse\nparts:\n  p:\n    job: x\n    after: q\n---\njobnet: good\nparts:\n  p:\n    job: x\n",
		"jobnet: far\nparts:\n  p:\n    job: x\n    host: db99\n",
	), "cannot apply: ", "b.yaml:4:5 ", "c.yaml:5:", "c.yaml:7:1 jobnet good is defined twice, also at a.yaml:1",
		`d.yaml:5:11 host "db99" is not known, and no group has that name [banto host list, banto group list]`)
	w.is(w.active(), "")
	w.refused(files("# only a comment\n"), "no definition")
	w.refused(banto.ApplyRequest{}, "no definition")
}

func TestUnknownHostOfJobnetAndFolder(t *testing.T) {
	w := newWorld(t)
	w.refused(files("jobnet: a\ndefaults: {host: db98}\nparts:\n  p:\n    job: x\n"), `a.yaml:2:18 host "db98" is not known`)
	w.refused(files(net("f/a", "x"), "title: F\nfolder: f\ndefaults: {host: db97}\n"), `b.yaml:3:18 host "db97" is not known`)
	w.refused(files("folder: empty\ndefaults: {host: db96}\n"), `a.yaml:2:18 host "db96" is not known`)
	w.apply(files("jobnet: a\ndefaults: {host: db01}\nparts:\n  p:\n    job: x\n"))
}

func TestFolderMayNotBreakWhatIsBelow(t *testing.T) {
	known := map[string]bool{"db01": true, "db02": true}
	w := newWorld(t, func(o *designs.Options) {
		o.KnownHost = func(_ context.Context, name string) (bool, error) { return known[name], nil }
	})
	old := "# a comment\n\njobnet: f/g/a\nparts:\n  p:\n    job: x\n    dir: ${params.place}\nparams:\n  place: {default: /tmp}\n"
	w.apply(files("folder: f\ndefaults: {host: db01}\n", old, "jobnet: f/b\nparts:\n  p:\n    job: x\n    host: db02\n"))
	// A host that is gone is only the business of who names it now.
	known["db02"] = false
	w.is(w.apply(files("folder: f\ntitle: F\n")), "changed folder f 2")
	w.refused(files("folder: f\ndefaults: {host: db99}\n"), `a.yaml:2:18 host "db99" is not known`)
	long := strings.Repeat("x", 101<<10)
	env := "{env: {A: " + long + ", B: " + long + ", C: " + long + ", D: " + long + "}}\n"
	w.refused(files("folder: /\ndefaults: "+env),
		"b.yaml:5:3 it carries 405 KiB", "jobnet f/g/a, which is in use")
	w.is(w.active(), "f@2 f/b@1 f/g/a@1")
	// The request's own documents count in place of the stored ones.
	w.apply(files("folder: f\ndefaults: "+env+"---\nfolder: f/g\ndefaults: {env: {A: x, B: x, C: x, D: x}}\n",
		"jobnet: f/b\nenv: {A: x, B: x, C: x, D: x}\nparts:\n  p:\n    job: x\n"))
}

func TestLargeScripts(t *testing.T) {
	w := newWorld(t)
	w.refused(files("jobnet: a\nparts:\n  small:\n    job: x\n  large:\n    job: |\n      "+strings.Repeat("x", 9<<20)+"\n"),
		"a.yaml:5:3 the script has 9217 KiB; the limit is 8 MiB")
	w.apply(files(net("a", strings.Repeat("x", 8<<20-1))))
	if r := w.resolve("a"); len(r.Flow.Parts[0].Script) != 8<<20-1 {
		t.Errorf("the script has %d bytes", len(r.Flow.Parts[0].Script))
	}
}

func TestPruneTakesOnlyWhatTheRequestHoldsWhole(t *testing.T) {
	w := newWorld(t)
	stock := files(net("top", "x"), net("top2", "x"), net("f/a", "x"), net("f/b", "x"), net("f/g/c", "x"), net("fx/d", "x"), net("h/e", "x"))
	w.apply(stock)
	prune := func(texts ...string) string {
		t.Helper()
		req := files(texts...)
		req.Prune = true
		return w.apply(req)
	}
	w.is(prune(net("top", "x")), "unchanged jobnet top 1; deleted jobnet top2 0")
	w.is(prune(net("f/g/z", "x")), "created jobnet f/g/z 1; deleted jobnet f/g/c 0")
	w.is(prune(net("f/a", "x"), net("f/g/z", "y")), "unchanged jobnet f/a 1; changed jobnet f/g/z 2; deleted jobnet f/b 0")
	w.is(prune("folder: h\ntitle: H\n"), "created folder h 1; deleted jobnet h/e 0")
	w.is(w.active(), "h@1 f/a@1 f/g/z@2 fx/d@1 top@1")
	w.is(prune("folder: /\ntitle: R\n"), "created folder / 1; deleted jobnet f/a 0; deleted jobnet f/g/z 0; deleted jobnet fx/d 0; deleted jobnet top 0")
	// Versions go on after a delete.
	w.is(w.apply(files(net("f/a", "x"))), "created jobnet f/a 2")
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	many := banto.ApplyRequest{Files: make([]banto.File, designs.MaxFiles+1)}
	if _, err := w.Apply(t.Context(), hanako, many); banto.KindOf(err) != banto.KindInvalid || !strings.Contains(err.Error(), "10001 files") {
		t.Errorf("got %v", err)
	}
	big := strings.Repeat("# ", banto.MaxApply/4)
	if _, err := w.Apply(t.Context(), hanako, files(big, big+"x")); banto.KindOf(err) != banto.KindInvalid || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestProblemsAreCut(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&b, "---\njobnet: n%d\nparts:\n  p:\n    job: x\n    host: db99\n", i)
	}
	_, err := w.Apply(t.Context(), hanako, files(b.String()))
	var e *banto.ErrorInfo
	if !errors.As(err, &e) || len(e.Problems) != 1001 || e.Problems[1000].Message != "and 500 more" || e.Why != "1500 problems" {
		t.Errorf("got %v with %d problems", err, len(e.Problems))
	}
}

func TestAppliesAtOnceAreSerial(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := w.Apply(context.Background(), hanako, files(net("a", fmt.Sprintf("x%d", i)))); err != nil {
				t.Error(err)
			}
			if _, err := w.Resolve(context.Background(), "a"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.is(w.active(), "a@16")
	d, err := w.store.Definition(t.Context(), store.KindJobnet, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Resolve(t.Context(), "a")
	if err != nil || r.Version != 16 || "echo"+r.Flow.Parts[0].Script == "" || !strings.Contains(d.Source, strings.TrimSpace(r.Flow.Parts[0].Script)) {
		t.Errorf("resolved %+v, %v; stored %s", r, err, d.Source)
	}
}

func TestResolveFollowsTheFolders(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if _, err := w.Resolve(ctx, "f/a"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("before: %v", err)
	}
	w.apply(files(net("f/a", "x")))
	first := w.resolve("f/a")
	if again := w.resolve("f/a"); again.Flow != first.Flow {
		t.Error("an unchanged jobnet was compiled again")
	}
	if first.Version != 1 || first.Hash != jobnet.Hash(first.Body) {
		t.Errorf("resolved %+v", first)
	}
	// What does not concern it compiles nothing; its folder's change does.
	w.apply(files(net("other", "x")))
	if again := w.resolve("f/a"); again.Flow != first.Flow {
		t.Error("another jobnet's apply made it compile again")
	}
	w.apply(files("folder: f\ndefaults: {host: db01}\n"))
	second := w.resolve("f/a")
	if host, _ := second.Flow.Parts[0].Host.Literal(); host != "db01" || second.Hash == first.Hash || second.Version != 1 {
		t.Errorf("behind the folder's change: host %q, version %d", host, second.Version)
	}
	// A manager that starts anew comes to the same.
	fresh := designs.New(designs.Options{Store: w.store, Now: time.Now})
	if r, err := fresh.Resolve(ctx, "f/a"); err != nil || r.Hash != second.Hash {
		t.Errorf("after a restart: %v", err)
	}
	if err := w.Delete(ctx, hanako, "f/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Resolve(ctx, "f/a"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("after the delete: %v", err)
	}
	if err := w.Delete(ctx, hanako, "f/a"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("a second delete: %v", err)
	}
}

func (w *world) resolve(path string) designs.Resolved {
	w.t.Helper()
	r, err := w.Resolve(w.t.Context(), path)
	if err != nil {
		w.t.Fatal(spell(err))
	}
	return r
}

func TestFlowByHash(t *testing.T) {
	w := newWorld(t, func(o *designs.Options) { o.CacheBytes = 1 })
	w.apply(files(net("a", "x"), net("b", "y")))
	r := w.resolve("a")
	if err := w.store.Write(t.Context(), func(tx store.Tx) error { return tx.PutFlow(r.Hash, r.Body) }); err != nil {
		t.Fatal(err)
	}
	w.resolve("b") // takes a out of the cache
	f, err := w.FlowByHash(t.Context(), r.Hash)
	if err != nil || jobnet.Hash(f.Encode()) != r.Hash {
		t.Errorf("got %v", err)
	}
	again, err := w.FlowByHash(t.Context(), r.Hash)
	if err != nil || again != f {
		t.Errorf("it was decoded again, %v", err)
	}
	if _, err := w.FlowByHash(t.Context(), "none"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("got %v", err)
	}
}

func TestDiff(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.apply(files(net("a", "x")))
	w.apply(files(net("a", "y")))
	w.apply(files(net("a", "z")))
	for _, tt := range []struct {
		from, to int
		file     *banto.File
		want     string
	}{
		{0, 0, nil, "2 3 y→z"},
		{1, 0, nil, "1 3 x→z"},
		{0, 2, nil, "1 2 x→y"},
		{3, 1, nil, "3 1 z→x"},
		{0, 0, &banto.File{Name: "f", Text: net("a", "new")}, "3 0 z→new"},
		{1, 0, &banto.File{Name: "f", Text: net("b", "no") + "---\n" + net("a", "new")}, "1 0 x→new"},
	} {
		d, err := w.Diff(ctx, "a", tt.from, tt.to, tt.file)
		if err != nil || len(d.Lines) != 1 {
			t.Errorf("%d %d: %+v, %v", tt.from, tt.to, d, err)
			continue
		}
		w.is(fmt.Sprintf("%d %d %s→%s", d.From, d.To, strings.TrimSpace(d.Lines[0].Old), strings.TrimSpace(d.Lines[0].New)), tt.want)
	}
	if d, err := w.Diff(ctx, "a", 2, 2, nil); err != nil || d.Lines == nil || len(d.Lines) != 0 {
		t.Errorf("the same: %+v, %v", d, err)
	}
	for name, tt := range map[string]struct {
		path     string
		from, to int
		file     *banto.File
		kind     banto.Kind
	}{
		"no jobnet":       {"b", 0, 0, nil, banto.KindNotFound},
		"no version":      {"a", 9, 0, nil, banto.KindNotFound},
		"nothing before":  {"a", 0, 1, nil, banto.KindNotFound},
		"another file":    {"a", 0, 0, &banto.File{Text: net("b", "x")}, banto.KindInvalid},
		"an invalid file": {"a", 0, 0, &banto.File{Text: "jobnet: ["}, banto.KindInvalid},
	} {
		if _, err := w.Diff(ctx, tt.path, tt.from, tt.to, tt.file); banto.KindOf(err) != tt.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStoredPlaceIsThatOfItsFile(t *testing.T) {
	w := newWorld(t)
	w.apply(files("# first\n" + net("x", "x") + "---\n" + "jobnet: f/a\nparts:\n  p:\n    job: x\n"))
	d, err := w.store.Definition(t.Context(), store.KindJobnet, "f/a", 0)
	if err != nil || d.File != "a.yaml" || d.Line != 7 {
		t.Fatalf("stored at %s:%d, %v", d.File, d.Line, err)
	}
	w.refused(files("folder: f\ndefaults: {env: {X: '${params.wrong}'}}\n"), "a.yaml:")
}

func TestADeposedManagerAppliesNothing(t *testing.T) {
	w := newWorld(t)
	w.apply(files(net("a", "x")))
	if _, err := w.store.Begin(t.Context(), "again", time.Now()); err != nil {
		t.Fatal(err)
	}
	// The same process began anew: it is the active one still.
	w.is(w.apply(files(net("a", "y"))), "changed jobnet a 2")
	if _, err := w.Apply(t.Context(), banto.Principal{Name: "a\x00b"}, files(net("a", "z"))); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("a principal that cannot be stored: %v", err)
	}
	w.is(w.active(), "a@2")
}

func TestKeepIsHandedDown(t *testing.T) {
	w := newWorld(t)
	w.apply(files("folder: /\nkeep: {trackers: 3650d}\n", "folder: sales\nkeep: {trackers: 400d, output: 90d}\n",
		"folder: sales/east\nkeep: {output: 1d}\n", "folder: ops\ntitle: Operations\n"))
	const day = 24 * time.Hour
	for path, want := range map[string]jobnet.Keep{
		"close":            {Trackers: 3650 * day},
		"ops/close":        {Trackers: 3650 * day},
		"sales/close":      {Trackers: 400 * day, Output: 90 * day},
		"sales/east/close": {Trackers: 400 * day, Output: day},
		"sales/west/close": {Trackers: 400 * day, Output: 90 * day},
	} {
		if got, err := w.Keep(t.Context(), path); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", path, got, err, want)
		}
	}
	if got, err := newWorld(t).Keep(t.Context(), "close"); err != nil || got != (jobnet.Keep{}) {
		t.Errorf("nobody said it: %+v, %v", got, err)
	}
}
