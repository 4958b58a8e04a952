package designs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/store"
)

// reads counts the flows that are read from a store.
type reads struct {
	store.ReadWriter
	flows int
}

func (r *reads) Flow(ctx context.Context, hash string) ([]byte, error) {
	body, err := r.ReadWriter.Flow(ctx, hash)
	if err == nil {
		r.flows++
	}
	return body, err
}

// long is a jobnet that is large enough to be kept compiled.
func long(path, what string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "jobnet: %s\nparts:\n", path)
	for i := range 2000 {
		fmt.Fprintf(&b, "  w%d: {run: [%s]}\n", i, what)
	}
	return b.String()
}

// anew gives a flow as a manager does that has just started, and says whether
// it was kept.
func (w *world) anew(path, version string) (designs.Resolved, bool) {
	w.t.Helper()
	r := &reads{ReadWriter: w.store}
	got, err := designs.New(designs.Options{Store: r, Version: version}).Resolve(w.t.Context(), path)
	if err != nil {
		w.t.Fatal(spell(err))
	}
	if got.Flow.Jobnet != path || string(got.Flow.Encode()) != string(got.Body) {
		w.t.Errorf("%s resolves to a flow of %s that is not its body", path, got.Flow.Jobnet)
	}
	return got, r.flows > 0
}

// mark gives what is kept of a jobnet.
func (w *world) mark(path string) string {
	w.t.Helper()
	value, err := w.store.Mark(w.t.Context(), "compiled "+path)
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

// A manager that starts finds large jobnets compiled, and gets what it would
// have compiled.
func TestKept(t *testing.T) {
	w := newWorld(t)
	w.apply(files("folder: f\ndefaults: {timeout: 1h}\n---\n" + long("f/n", "'true'") + "---\njobnet: f/small\nparts: {a: {job: x}}\n"))
	kept, ok := w.anew("f/n", "")
	if !ok || kept.Version != 1 {
		t.Errorf("kept is %v, version %d", ok, kept.Version)
	}
	other, ok := w.anew("f/n", "another program")
	if ok || other.Hash != kept.Hash || string(other.Body) != string(kept.Body) {
		t.Errorf("another program took what is kept: %v; flow %s, not %s", ok, other.Hash, kept.Hash)
	}
	if _, ok := w.anew("f/n", "another program"); !ok {
		t.Error("what was compiled anew was not kept")
	}
	if w.mark("f/small") != "" {
		t.Error("a small jobnet is kept")
	}
}

// What is kept never outlives what it was made of.
func TestKeptFollowsDefinitions(t *testing.T) {
	w := newWorld(t)
	w.apply(files("folder: f\ndefaults: {timeout: 1h}\n---\n" + long("f/n", "'true'")))
	before, _ := w.anew("f/n", "")

	w.apply(files("folder: f\ndefaults: {timeout: 2h}\n"))
	folder, ok := w.anew("f/n", "")
	if ok || folder.Hash == before.Hash || folder.Version != 1 {
		t.Errorf("with another folder: kept %v, flow %s, version %d", ok, folder.Hash, folder.Version)
	}
	if again, ok := w.anew("f/n", ""); !ok || again.Hash != folder.Hash {
		t.Errorf("the second time: kept %v, flow %s", ok, again.Hash)
	}
	w.apply(files(long("f/n", "'false'")))
	if changed, ok := w.anew("f/n", ""); !ok || changed.Hash == folder.Hash || changed.Version != 2 {
		t.Errorf("of version 2: kept %v, flow %s, version %d", ok, changed.Hash, changed.Version)
	}
	w.apply(files(long("f/n", "'true'"))) // as it was, under the folder as it is
	if back, ok := w.anew("f/n", ""); !ok || back.Hash != folder.Hash || back.Version != 3 {
		t.Errorf("of version 3: kept %v, flow %s, version %d", ok, back.Hash, back.Version)
	}
	if err := w.Delete(t.Context(), hanako, "f/n"); err != nil || w.mark("f/n") != "" {
		t.Errorf("deleted, with the mark %q: %v", w.mark("f/n"), err)
	}
}

// A mark that leads nowhere, or to something else, costs time and no more.
func TestKeptIsNoTruth(t *testing.T) {
	w := newWorld(t)
	w.apply(files(long("n", "'true'") + "---\n" + long("m", "'false'")))
	want, _ := w.anew("n", "")
	from, _, _ := strings.Cut(w.mark("n"), " ")
	_, another, _ := strings.Cut(w.mark("m"), " ")
	for what, value := range map[string]string{
		"no flow": from + " nothing", "a flow of another": from + " " + another, "no words": "x", "damaged": from + " bad", "no JSON": from + " 0a",
	} {
		err := w.store.Write(t.Context(), func(tx store.Tx) error {
			if err := tx.PutFlow("bad", want.Body); err != nil {
				return err
			}
			return tx.PutMark("compiled n", value)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := w.anew("n", ""); got.Hash != want.Hash {
			t.Errorf("%s: the flow is %s, not %s", what, got.Hash, want.Hash)
		}
		if w.mark("n") != from+" "+want.Hash {
			t.Errorf("%s: the mark %q stays", what, w.mark("n"))
		}
	}
}
