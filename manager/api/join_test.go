package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
)

func newKey(t *testing.T) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (w *world) enrol(req banto.EnrolRequest) auth.JoinToken {
	w.t.Helper()
	given, err := w.client.Enrol(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := auth.ParseJoinToken(given.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	if given.Command != "banto agent --join "+given.Token || !given.ExpiresAt.Equal(token.Expires) {
		w.t.Errorf("token %+v", given)
	}
	return token
}

func TestJoin(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := w.enrol(banto.EnrolRequest{Name: "db01", Labels: map[string]string{"role": "batch"}})
	if token.URL != "https://banto.example.com:8600" || token.Fingerprint != w.server.Fingerprint {
		t.Errorf("token %+v", token)
	}
	stranger := client.New(w.url, "") // a machine has no token but this
	req := banto.JoinRequest{Secret: token.Secret, Name: "ip-10-0-0-1", PublicKey: newKey(t), Version: "1.4.0", OS: "linux", Arch: "amd64"}

	w.enrolment.fail.Store(true) // the answer is lost
	if _, err := stranger.Join(ctx, req); banto.KindOf(err) != banto.KindInternal || strings.Contains(err.Error(), "sign") {
		t.Errorf("got %v", err)
	}
	w.enrolment.fail.Store(false)
	first, err := stranger.Join(ctx, req)
	if err != nil || first.Name != "db01" || first.JWT != "jwt of "+string(first.Host)+" "+req.PublicKey || first.CA == "" || len(first.Endpoints) != 2 {
		t.Fatalf("got %+v, %v", first, err)
	}
	again, err := stranger.Join(ctx, req)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("again: %+v, %v", again, err)
	}
	h, err := w.client.Host(ctx, "db01")
	if err != nil || h.ID != first.Host || h.Labels["role"] != "batch" || h.Admission != banto.AdmissionOpen || h.State != banto.HostNever {
		t.Errorf("host %+v, %v", h, err)
	}
	other := req
	other.PublicKey = newKey(t)
	if _, err := stranger.Join(ctx, other); banto.KindOf(err) != banto.KindConflict || !strings.Contains(err.Error(), "used") {
		t.Errorf("a token that was used: %v", err)
	}

	// The host is taken in again, with a new key.
	token = w.enrol(banto.EnrolRequest{Again: "db01"})
	other.Secret = token.Secret
	taken, err := stranger.Join(ctx, other)
	if err != nil || taken.Host != first.Host || taken.Name != "db01" {
		t.Errorf("again, with a new key: %+v, %v", taken, err)
	}
	revoked, err := w.store.Revoked(ctx)
	if err != nil || len(revoked) != 1 || revoked[0].PublicKey != req.PublicKey {
		t.Errorf("revoked %+v, %v", revoked, err)
	}

	page, err := w.client.Audit(ctx, client.AuditQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range page.Items {
		got = append([]string{e.Action + " " + e.Object + " " + e.Outcome}, got...)
		if strings.Contains(e.Detail, token.Secret) {
			t.Errorf("the trail tells the secret: %s", e.Detail)
		}
	}
	want := "host.enrol db01 done, host.join db01 done, host.join ip-10-0-0-1 refused, host.enrol db01 done, host.join db01 done"
	if strings.Join(got, ", ") != want {
		t.Errorf("audit %s\nwant %s", strings.Join(got, ", "), want)
	}
}

func TestJoinRefused(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := w.enrol(banto.EnrolRequest{Expires: 1, URL: "https://[2001:db8::1]:8600"})
	if token.URL != "https://[2001:db8::1]:8600" {
		t.Errorf("token %+v", token)
	}
	plain := w.enrol(banto.EnrolRequest{URL: "http://127.0.0.1:8600"})
	if plain.Fingerprint != "" {
		t.Errorf("a fingerprint where there is no TLS: %+v", plain)
	}
	stranger := client.New(w.url, "")
	for name, tt := range map[string]struct {
		secret string
		kind   banto.Kind
		want   string
	}{
		"half a secret": {token.Secret[:20], banto.KindUnauthenticated, "does not know this token"},
		"none":          {"", banto.KindUnauthenticated, "does not know this token"},
		"another":       {strings.Repeat("A", 43), banto.KindUnauthenticated, "does not know this token"},
		"a whole token": {strings.TrimPrefix(w.admin, "banto_"), banto.KindUnauthenticated, "does not know this token"},
	} {
		_, err := stranger.Join(ctx, banto.JoinRequest{Secret: tt.secret, Name: "a", PublicKey: newKey(t)})
		if banto.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The machine's own name is no name for a host, and then another has it.
	for name, want := range map[string]string{"no name": "--name", "local": "already"} {
		_, err := stranger.Join(ctx, banto.JoinRequest{Secret: plain.Secret, Name: name, PublicKey: newKey(t)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	page, err := w.client.Audit(ctx, client.AuditQuery{Limit: 100})
	if err != nil || len(page.Items) != 4 { // two enrolments, two refusals of a token that is known
		t.Errorf("audit %+v, %v", page.Items, err)
	}
	w.server.Enrol = nil
	if _, err := w.client.Enrol(ctx, banto.EnrolRequest{}); banto.KindOf(err) != banto.KindUnavailable {
		t.Errorf("no enrolment: %v", err)
	}
	if _, err := stranger.Join(ctx, banto.JoinRequest{PublicKey: newKey(t)}); banto.KindOf(err) != banto.KindUnavailable {
		t.Errorf("no joining: %v", err)
	}
}

// Whoever guesses is soon told to wait; others go on.
func TestGuessesAreBounded(t *testing.T) {
	w := newWorld(t)
	kinds := map[banto.Kind]int{}
	for range 10 {
		_, err := client.New(w.url, "").Join(t.Context(), banto.JoinRequest{Secret: "guess", Name: "a", PublicKey: newKey(t)})
		kinds[banto.KindOf(err)]++
	}
	if kinds[banto.KindUnauthenticated] != 6 || kinds[banto.KindTooMany] != 4 {
		t.Errorf("got %v", kinds)
	}
	w.clock.ahead.Store(int64(time.Minute))
	_, err := client.New(w.url, "").Join(t.Context(), banto.JoinRequest{Secret: "guess", Name: "a", PublicKey: newKey(t)})
	if banto.KindOf(err) != banto.KindUnauthenticated {
		t.Errorf("a minute later: %v", err)
	}
}

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	count := func(tries int, remote func(int) string) (n int) {
		for i := range tries {
			if l.allow(remote(i)) {
				n++
			}
		}
		return n
	}
	one := func(int) string { return "192.0.2.1:1000" }
	if n := count(100, one); n != joinsPerAddress {
		t.Errorf("one address: %d", n)
	}
	network := func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i+1) }
	if n := count(100, network); n != joinsPerAddress {
		t.Errorf("one network of IPv6: %d", n)
	}
	many := func(i int) string { return fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255) }
	if n := count(1000, many); n != joinsInAll-2*joinsPerAddress {
		t.Errorf("in all: %d", n)
	}
	now = now.Add(10 * time.Second)
	if n := count(100, one); n != 10*joinRate {
		t.Errorf("ten seconds later: %d", n)
	}
	now = now.Add(-time.Hour) // a clock that is set back gives nothing and takes nothing
	if n := count(100, one); n != 0 {
		t.Errorf("an hour earlier: %d", n)
	}
	// Memory is bounded, whoever comes.
	for i := range 3 * maxAddresses {
		l.charge(many(i))
	}
	if len(l.each) > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", len(l.each))
	}
	now = now.Add(2 * time.Hour)
	if !l.allow("198.51.100.1:1") || len(l.each) > 10 {
		t.Errorf("%d addresses are remembered after they have recovered", len(l.each))
	}
	if addressOf("nonsense") != addressOf("") {
		t.Error("what is no address is one")
	}
}

func TestJoinIsOnlyForMachines(t *testing.T) {
	w := newWorld(t)
	for _, origin := range []string{"http://evil.example", "null"} {
		status, header, body := w.call(http.MethodPost, "/api/v1/join", `{}`, "Origin", origin, "Authorization", "")
		if status != http.StatusForbidden || !isProblem(t, header, body, banto.KindDenied) {
			t.Errorf("%d %s", status, body)
		}
	}
}
