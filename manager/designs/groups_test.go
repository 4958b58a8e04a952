package designs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/store"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// hosts makes a world with these hosts, which counts the calls of Changed.
func hosts(t *testing.T, names ...string) (w *world, changed *int) {
	t.Helper()
	changed = new(int)
	w = newWorld(t, func(o *designs.Options) {
		o.KnownHost = func(_ context.Context, name string) (bool, error) {
			for _, n := range names {
				if n == name {
					return true, nil
				}
			}
			return false, nil
		}
		o.Changed = func() { *changed++ }
	})
	return w, changed
}

const (
	east    = "group: east\ntitle: 東\nhosts: [db01, db02]\n"
	nightly = "account: nightly\nusers: [{hosts: east, user: batch}, {hosts: {labels: {os: windows}}, user: 'DOM\\batch'}, {user: nobody}]\n"
)

// on spells a jobnet of one part that runs on a host or group as an account.
func on(path, host, account string) string {
	return "jobnet: " + path + "\nparts:\n  p:\n    job: x\n    host: " + host + "\n    account: " + account + "\n"
}

func TestGroupsAndAccountsAreApplied(t *testing.T) {
	w, changed := hosts(t, "db01", "db02", "db03")
	req := files(east, nightly, on("a", "east", "nightly"))
	req.DryRun = true
	w.is(w.apply(req), "created group east 0; created account nightly 0; created jobnet a 0")
	if *changed != 0 {
		t.Error("a dry run told of a change")
	}
	req.DryRun = false
	w.is(w.apply(req), "created group east 1; created account nightly 1; created jobnet a 1")
	w.is(w.apply(files(east, nightly, net("b", "x"))), "unchanged group east 1; unchanged account nightly 1; created jobnet b 1")
	if *changed != 1 {
		t.Errorf("told of %d changes", *changed)
	}
	w.is(w.apply(files("group: east\nhosts: {labels: {area: east}}\npick: all\n")), "changed group east 2")
	if *changed != 2 {
		t.Errorf("told of %d changes", *changed)
	}
	w.apply(files("group: west\nhosts: [db03]\n"))
	groups, err := w.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	times := cmpopts.IgnoreFields(banto.GroupInfo{}, "AppliedAt")
	if diff := cmp.Diff([]banto.GroupInfo{
		{Name: "east", Labels: map[string]string{"area": "east"}, Pick: "all", Hosts: []string{}, Version: 2, AppliedBy: "hanako"},
		{Name: "west", Names: []string{"db03"}, Pick: "least-loaded", Hosts: []string{}, Version: 1, AppliedBy: "hanako"},
	}, groups, times); diff != "" {
		t.Error(diff)
	}
	if g, err := w.Group(t.Context(), "west"); err != nil || g.Names[0] != "db03" || g.AppliedAt.IsZero() {
		t.Errorf("%+v, %v", g, err)
	}
	account, err := w.Account(t.Context(), "nightly")
	if diff := cmp.Diff(banto.AccountInfo{
		Name: "nightly", Users: []banto.AccountUser{{Hosts: "east", User: "batch"}, {Hosts: "os=windows", User: `DOM\batch`}, {User: "nobody"}}, Version: 1, AppliedBy: "hanako",
	}, account, cmpopts.IgnoreFields(banto.AccountInfo{}, "AppliedAt")); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if all, err := w.Accounts(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	for _, err := range []error{second(w.Group(t.Context(), "none")), second(w.Account(t.Context(), "east")), w.DeleteGroup(t.Context(), hanako, "nightly"), w.DeleteAccount(t.Context(), hanako, "none")} {
		if banto.KindOf(err) != banto.KindNotFound || !strings.Contains(err.Error(), "there is no ") {
			t.Errorf("got %v", err)
		}
	}
	entries, err := w.store.ListAudit(t.Context(), "", 0, 0)
	if err != nil || len(entries) != 6 || entries[0].Action != "group.apply" || entries[0].Object != "west" || entries[4].Action != "account.apply" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNamesOfHostsAndGroups(t *testing.T) {
	w, changed := hosts(t, "db01", "db02")
	unknown := func(name string) string {
		return fmt.Sprintf("host %q is not known, and no group has that name", name)
	}
	// All or none: what is right is not stored either.
	w.refused(files(east, on("a", "west", "nightly"), "account: nightly\nusers:\n  - {hosts: db01, user: x}\n  - {hosts: west, user: y}\n",
		"group: far\nhosts: [db01, db77]\n", "group: nested\nhosts: [east]\n", "group: db01\nhosts: [db02]\n", "folder: f\ndefaults: {host: west}\n"),
		"b.yaml:5:11 "+unknown("west"), "c.yaml:4:13 "+unknown("west"), "d.yaml:2:15 "+unknown("db77"),
		"e.yaml:2:9 east is a group, and a group holds hosts", "f.yaml:1:1 there is a host db01, so no group can have that name", "g.yaml:2:18 "+unknown("west"))
	if groups, err := w.Groups(t.Context()); err != nil || len(groups) != 0 || *changed != 0 {
		t.Errorf("%+v, %v, %d", groups, err, *changed)
	}
	// A group is there from the apply that brings it, whatever the order.
	w.is(w.apply(files("folder: f\ndefaults: {host: east}\n", on("f/a", "east", "os-user"), nightly, east)),
		"created folder f 1; created jobnet f/a 1; created account nightly 1; created group east 1")
	w.apply(files(on("b", "east", "nightly"), "jobnet: c\nparts: {p: {job: x, host: {role: anything}}}\n", "folder: g\ndefaults: {host: east}\n"))
	w.refused(files("group: nested\nhosts: [east]\n"), "east is a group")
}

func TestWhatIsNamedIsNotDeleted(t *testing.T) {
	w, changed := hosts(t, "db01", "db02")
	w.apply(files(east, nightly, "# first\n\n"+on("a", "east", "nightly"), "folder: f\ndefaults: {account: nightly}\n", net("f/x", "x"), net("other", "echo east nightly")))
	w.deleteRefused(w.DeleteGroup, "east", "cannot delete group east: jobnet a and account nightly name it")
	w.deleteRefused(w.DeleteAccount, "nightly", "cannot delete account nightly: folder f and jobnet a name it")
	// A prune is refused by the same rule, and so is the whole apply.
	prune := func(texts ...string) banto.ApplyRequest {
		req := files(texts...)
		req.Prune = true
		return req
	}
	w.refused(prune("group: west\nhosts: [db01]\n", on("b", "east", "y")),
		"b.yaml:5:11 group east is not in the files, so this apply would delete it; jobnet b names it",
		"b.yaml:2:17 group east is not in the files, so this apply would delete it; account nightly, which is in use, names it")
	w.is(w.active(), "f@1 a@1 f/x@1 other@1")
	w.refused(prune("account: daily\nusers: [{user: x}]\n", on("a", "db01", "nightly")),
		"b.yaml:6:14 account nightly is not in the files, so this apply would delete it; jobnet a names it",
		"d.yaml:2:21 account nightly is not in the files, so this apply would delete it; folder f, which is in use, names it")
	// What is deleted or changed with it does not hold it.
	*changed = 0
	w.is(w.apply(prune("folder: /\ntitle: R\n", "folder: f\ntitle: F\n", net("a", "x"))),
		"created folder / 1; changed folder f 2; changed jobnet a 2; deleted jobnet f/x 0; deleted jobnet other 0; deleted group east 0; deleted account nightly 0")
	if *changed != 1 {
		t.Errorf("told of %d changes", *changed)
	}
	// Nor does what was deleted before, and versions go on.
	w.is(w.apply(files(east)), "created group east 2")
	if err := w.DeleteGroup(t.Context(), hanako, "east"); err != nil || *changed != 3 {
		t.Errorf("%v, told of %d changes", err, *changed)
	}
	entries, err := w.store.ListAudit(t.Context(), "", 0, 1)
	if err != nil || entries[0].Action != "group.delete" || entries[0].Object != "east" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func (w *world) deleteRefused(remove func(context.Context, banto.Principal, string) error, name, want string) {
	w.t.Helper()
	err := remove(w.t.Context(), hanako, name)
	if banto.KindOf(err) != banto.KindConflict || !strings.Contains(err.Error(), want) {
		w.t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestManyNamers(t *testing.T) {
	w, _ := hosts(t, "db01", "db02")
	texts := []string{east}
	for i := range 9 {
		texts = append(texts, on(fmt.Sprint("n", i), `"\x65ast"`, "x")) // also when it is written with escapes
	}
	w.apply(files(texts...))
	w.deleteRefused(w.DeleteGroup, "east", "jobnet n0, jobnet n1, jobnet n2, jobnet n3, jobnet n4 and 4 more name it")
}

func TestPruneOfGroupsAndAccounts(t *testing.T) {
	w, _ := hosts(t, "db01", "db02")
	w.apply(files(east, "group: west\nhosts: [db01]\n", "account: a1\nusers: [{user: x}]\n", "account: a2\nusers: [{user: x}]\n"))
	prune := func(texts ...string) string {
		t.Helper()
		req := files(texts...)
		req.Prune = true
		return w.apply(req)
	}
	// Jobnets and their folders do not reach them.
	w.is(prune(net("a", "x"), net("f/a", "x"), "folder: f\ntitle: F\n"), "created jobnet a 1; created jobnet f/a 1; created folder f 1")
	// Each kind reaches its own.
	w.is(prune(east), "unchanged group east 1; deleted group west 0")
	w.is(prune("account: a2\nusers: [{user: x}]\n"), "unchanged account a2 1; deleted account a1 0")
	w.is(prune("folder: /\ntitle: R\n", "folder: f\ntitle: F\n", net("a", "x"), net("f/a", "x")), "created folder / 1; unchanged folder f 1; unchanged jobnet a 1; unchanged jobnet f/a 1; deleted group east 0; deleted account a2 0")
}

// A store that fails is not taken for a host that is not there.
func TestStoreFailsWhileHostsAreLookedFor(t *testing.T) {
	broken := errors.New("disk on fire")
	w := newWorld(t, func(o *designs.Options) {
		o.KnownHost = func(context.Context, string) (bool, error) { return false, broken }
	})
	for _, text := range []string{on("a", "db01", "x"), east, "account: a\nusers: [{hosts: db01, user: x}]\n", "folder: f\ndefaults: {host: db01}\n"} {
		_, err := w.Apply(t.Context(), hanako, files(text))
		if banto.KindOf(err) != banto.KindInternal || !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
	if groups, err := w.Groups(t.Context()); err != nil || len(groups) != 0 {
		t.Errorf("%+v, %v", groups, err)
	}
}

// Without anybody who knows hosts, names are not looked for.
func TestNobodyKnowsHosts(t *testing.T) {
	w := newWorld(t, func(o *designs.Options) { o.KnownHost = nil })
	w.apply(files(on("a", "anywhere", "x"), east, nightly, "folder: f\ndefaults: {host: anywhere}\n"))
}

func TestAStoredGroupThatCannotBeRead(t *testing.T) {
	w, _ := hosts(t, "db01")
	err := w.store.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.PutDefinition(store.Definition{Kind: store.KindGroup, Path: "odd", Source: "group: odd\nhosts: 7: 8\n", File: "g.yaml", Line: 1})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{second(w.Group(t.Context(), "odd")), second(w.Groups(t.Context()))} {
		if banto.KindOf(err) != banto.KindInvalid || !strings.Contains(spell(err), "g.yaml:2:") {
			t.Errorf("got %s", spell(err))
		}
	}
	if err := w.DeleteGroup(t.Context(), hanako, "odd"); err != nil {
		t.Error(err)
	}
}

// The flow carries what the jobnet says of where and how.
func TestFlowOfWhereAndHow(t *testing.T) {
	w, _ := hosts(t, "db01", "db02")
	w.apply(files(east, "folder: f\ndefaults: {host: {role: batch}, encoding: Shift_JIS, limits: {memory: 1G}}\n", on("f/a", "east", "nightly"), net("f/b", "x")))
	a, b := w.resolve("f/a").Flow.Parts[0], w.resolve("f/b").Flow.Parts[0]
	if host, _ := a.Host.Literal(); host != "east" || a.HostLabels != nil || a.Account != "nightly" || a.Encoding != "cp932" || *a.Limits != (banto.Limits{Memory: 1 << 30}) {
		t.Errorf("%+v", a)
	}
	if diff := cmp.Diff([]jobnet.HostLabel{{Name: "role"}}, b.HostLabels, cmpopts.IgnoreFields(jobnet.HostLabel{}, "Value")); diff != "" || b.Host.Source() != "" {
		t.Errorf("%s %+v", diff, b)
	}
}
