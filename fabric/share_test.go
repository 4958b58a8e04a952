package fabric_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto/fabric"
)

// What one manager has issued lets a host in at another that has its keys.
func TestManagersShareTheirKeys(t *testing.T) {
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "fabric")
	body, err := fabric.ExportKeys(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fabric.ExportKeys(second); err != nil { // it has made its own
		t.Fatal(err)
	}
	for range 2 {
		if err := fabric.ImportKeys(second, body); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := fabric.ExportKeys(second); err != nil || !bytes.Equal(again, body) {
		t.Fatalf("they are others: %v", err)
	}
	if info, err := os.Stat(filepath.Join(second, "account.nk")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	issuer, err := fabric.StartServer(fabric.ServerOptions{Listen: "127.0.0.1:0", Dir: first})
	if err != nil {
		t.Fatal(err)
	}
	defer issuer.Close()
	identity, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Issue("h-aaaaaaaaaa", identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := fabric.StartServer(fabric.ServerOptions{Listen: "127.0.0.1:0", Dir: second})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := nats.Connect(other.URL(), nats.UserJWTAndSeed(token, identity.Seed))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestKeysThatAreNone(t *testing.T) {
	good, err := fabric.ExportKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	swapped := strings.NewReplacer(`"operator"`, `"account"`, `"account"`, `"operator"`).Replace(text)
	for _, body := range []string{"", "{}", "[]", `{"operator":"x","account":"y"}`, swapped, strings.Replace(text, "SO", "SOA", 1)} {
		dir := t.TempDir()
		if err := fabric.ImportKeys(dir, []byte(body)); err == nil {
			t.Errorf("%.40q is taken", body)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%.40q leaves %v", body, left)
		}
	}
}

// A manager that becomes active and stands by again and again in one process
// leaves nothing behind, and its hosts are cut off at once.
func TestServerThatStartsAndStops(t *testing.T) {
	dir := t.TempDir()
	settled := 0
	for n := range 12 {
		s, err := fabric.StartServer(fabric.ServerOptions{Listen: "127.0.0.1:0", Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Client(); err != nil {
			t.Fatal(err)
		}
		identity, err := fabric.LoadOrCreateIdentity(dir)
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Issue("h-aaaaaaaaaa", identity.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		cut := make(chan struct{})
		if _, err = nats.Connect(s.URL(), nats.UserJWTAndSeed(token, identity.Seed), nats.NoReconnect(),
			nats.ClosedHandler(func(*nats.Conn) { close(cut) })); err != nil {
			t.Fatal(err)
		}
		s.Close()
		select {
		case <-cut:
		case <-time.After(10 * time.Second):
			t.Fatal("the host is not cut off")
		}
		if n == 3 {
			settled = goroutines(0)
		}
	}
	if left := goroutines(settled + 3); left > settled+3 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines are left, of %d\n%s", left, settled, stacks[:runtime.Stack(stacks, true)])
	}
}

// goroutines counts them, once there are few or no fewer any more.
func goroutines(few int) int {
	n := runtime.NumGoroutine()
	for range 200 {
		if n <= few {
			break
		}
		pause := time.NewTimer(10 * time.Millisecond)
		<-pause.C
		n = min(n, runtime.NumGoroutine())
	}
	return n
}
