package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/store"
)

// addHost puts a host into the store, behind the runner's back.
func (w *world) addHost(h banto.Host) {
	w.t.Helper()
	if h.ID == "" {
		h.ID = banto.HostID("h-" + h.Name)
	}
	if h.Since.IsZero() {
		h.Since = time.Now()
	}
	h.EnrolledAt = h.Since
	w.write(func(tx store.Tx) error { return tx.PutHost(h) })
}

func TestHostsAreFilteredPageByPage(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		h := banto.Host{Name: fmt.Sprintf("m%02d", i), State: banto.HostConnected, Labels: map[string]string{"area": "east"}}
		if i%10 == 0 {
			h.State, h.Labels = banto.HostLost, map[string]string{"area": "west", "role": "batch"}
		}
		w.addHost(h)
	}
	names := func(q string) string {
		t.Helper()
		var all []string
		for cursor, n := "", 0; ; n++ {
			status, _, body := w.call("GET", "/api/v1/hosts?limit=2&"+q+cursor, "")
			var page banto.Page[banto.Host]
			decodeInto(t, body, &page)
			if status != 200 || n > 40 || len(page.Items) > 2 {
				t.Fatalf("%d %s", status, body)
			}
			for _, h := range page.Items {
				all = append(all, h.Name)
			}
			if page.Next == "" {
				return strings.Join(all, " ")
			}
			cursor = "&cursor=" + page.Next
		}
	}
	for q, want := range map[string]string{
		"label=area=west":                  "m00 m10 m20 m30",
		"label=role":                       "m00 m10 m20 m30",
		"label=role&label=area=east":       "",
		"state=lost":                       "m00 m10 m20 m30",
		"state=lost&state=never&label=rol": "",
		"state=lost&label=area=west":       "m00 m10 m20 m30",
	} {
		if got := names(q); got != want {
			t.Errorf("%s: got %q, want %q", q, got, want)
		}
	}
	if got := names(""); strings.Count(got, " ") != 40 {
		t.Errorf("all: %s", got)
	}
	w.problems["h-m10"] = "a second agent with its identity"
	found, err := w.client.FindHosts(t.Context(), client.HostQuery{Labels: map[string]string{"area": "west"}, States: []banto.HostState{banto.HostLost}})
	if err != nil || len(found) != 4 || found[1].Problem == "" || found[0].Problem != "" || found[0].Admission != banto.AdmissionOpen {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestHostIsChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := w.enrol(banto.EnrolRequest{Name: "db01"})
	if _, err := client.New(w.url, "").Join(ctx, banto.JoinRequest{Secret: token.Secret, Name: "x", PublicKey: newKey(t)}); err != nil {
		t.Fatal(err)
	}
	east := "east"
	h, err := w.client.ChangeHost(ctx, "db01", banto.HostChange{
		Admission: banto.AdmissionDraining, Labels: map[string]*string{"area": &east}, Reason: "patch night",
	})
	if err != nil || h.Admission != banto.AdmissionDraining || h.AdmissionWhy != "patch night" || h.AdmissionBy != "root" || h.Labels["area"] != "east" {
		t.Fatalf("%+v, %v", h, err)
	}
	w.apply("group: eastern\ntitle: 東\nhosts: {labels: {area: east}}\npick: all\n")
	g, err := w.client.Group(ctx, "eastern")
	if err != nil || fmt.Sprint(g.Hosts) != "[db01]" || g.Pick != "all" || g.Labels["area"] != "east" || g.Title != "東" || g.AppliedBy != "root" {
		t.Errorf("group %+v, %v", g, err)
	}
	if _, err := w.client.ChangeHost(ctx, "db01", banto.HostChange{Labels: map[string]*string{"area": nil}}); err != nil {
		t.Error(err)
	}
	all, err := w.client.Groups(ctx)
	if err != nil || len(all) != 1 || len(all[0].Hosts) != 0 {
		t.Errorf("groups %+v, %v", all, err)
	}
	h, err = w.client.RemoveHost(ctx, "db01", false, "sold")
	if err != nil || h.Name != "db01" {
		t.Fatalf("%+v, %v", h, err)
	}
	for what, do := range map[string]func() error{
		"read": func() error { _, err := w.client.Host(ctx, "db01"); return err },
		"change": func() error {
			_, err := w.client.ChangeHost(ctx, "db01", banto.HostChange{Admission: banto.AdmissionOpen})
			return err
		},
		"remove": func() error { _, err := w.client.RemoveHost(ctx, "db01", true, ""); return err },
		"again":  func() error { _, err := w.client.Enrol(ctx, banto.EnrolRequest{Again: "db01"}); return err },
	} {
		if err := do(); banto.KindOf(err) != banto.KindNotFound || !strings.Contains(err.Error(), "banto host list") {
			t.Errorf("%s what was removed: %v", what, err)
		}
	}
	if err := w.client.DeleteGroup(ctx, "eastern"); err != nil {
		t.Error(err)
	}
	if _, err := w.client.Group(ctx, "eastern"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("a group that was deleted: %v", err)
	}
}

func TestAccounts(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.apply("account: nightly\nusers: [{user: batch}]\n", "account: daily\nusers: [{hosts: local, user: day}]\n")
	all, err := w.client.Accounts(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "daily" || all[0].Users[0] != (banto.AccountUser{Hosts: "local", User: "day"}) {
		t.Errorf("%+v, %v", all, err)
	}
	page := banto.Page[banto.AccountInfo]{}
	_, _, body := w.call("GET", "/api/v1/accounts?limit=1&cursor=daily", "")
	if decodeInto(t, body, &page); len(page.Items) != 1 || page.Items[0].Name != "nightly" || page.Next != "" {
		t.Errorf("second page %s", body)
	}
	a, err := w.client.Account(ctx, "nightly")
	if err != nil || a.Users[0].User != "batch" || a.Blocked != nil {
		t.Errorf("%+v, %v", a, err)
	}
	if err := w.client.ReleaseAccount(ctx, "nightly"); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("one that is not blocked: %v", err)
	}
	if err := w.client.DeleteAccount(ctx, "nightly"); err != nil {
		t.Error(err)
	}
	if err := w.client.ReleaseAccount(ctx, "nightly"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("one that is gone: %v", err)
	}
}
