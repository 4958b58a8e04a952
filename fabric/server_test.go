package fabric_test

import (
	"bufio"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

func startServer(t *testing.T, dir string) *fabric.Server {
	t.Helper()
	s, err := fabric.StartServer(fabric.ServerOptions{Listen: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// dialHost connects as a host; what the server refuses comes on the channel.
func dialHost(t *testing.T, s *fabric.Server, url string, id banto.HostID) (*nats.Conn, chan error) {
	t.Helper()
	identity, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Issue(id, identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 16)
	c, err := nats.Connect(url, nats.UserJWTAndSeed(token, identity.Seed),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, refused
}

func TestHostTouchesOnlyItsOwnSubjects(t *testing.T) {
	t.Run("tcp", func(t *testing.T) {
		s := startServer(t, t.TempDir())
		hostTouchesOnlyItsOwnSubjects(t, s, s.URL())
	})
	t.Run("websocket", func(t *testing.T) {
		s := startServer(t, t.TempDir())
		h := httptest.NewServer(s.Websocket())
		t.Cleanup(h.Close)
		hostTouchesOnlyItsOwnSubjects(t, s, "ws://"+h.Listener.Addr().String())
	})
}

func hostTouchesOnlyItsOwnSubjects(t *testing.T, s *fabric.Server, url string) {
	t.Helper()
	manager, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	up, err := manager.SubscribeSync(fabric.UpWildcard)
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Flush(); err != nil {
		t.Fatal(err)
	}
	const own, other = banto.HostID("h-aaaaaaaaaa"), banto.HostID("h-bbbbbbbbbb")
	victim, _ := dialHost(t, s, url, other)
	heard, err := victim.SubscribeSync(fabric.DownSubject(other))
	if err != nil {
		t.Fatal(err)
	}
	host, refused := dialHost(t, s, url, own)

	for _, subject := range []string{fabric.DownSubject(other), fabric.DownSubject("*"), "banto.>", ">", "$SYS.>", "_INBOX.>", fabric.UpSubject(own), fabric.UpWildcard, "_INBOX.x", "$SYS.>"} {
		if _, err := host.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, refused, "subscribe to "+subject)
	}
	for _, subject := range []string{fabric.UpSubject(other), fabric.DownSubject(other), fabric.DownSubject(own), "_INBOX.x", "elsewhere"} {
		if err := host.Publish(subject, []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, refused, "publish to "+subject)
	}

	mine, err := host.SubscribeSync(fabric.DownSubject(own))
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Publish(fabric.UpSubject(own), []byte("mine")); err != nil {
		t.Fatal(err)
	}
	if err := host.Flush(); err != nil {
		t.Fatal(err)
	}
	msg, err := up.NextMsg(5 * time.Second)
	if err != nil || string(msg.Data) != "mine" || msg.Subject != fabric.UpSubject(own) {
		t.Fatalf("the first that the manager hears is %v, %v", msg, err)
	}
	for _, id := range []banto.HostID{own, other} {
		if err := manager.Publish(fabric.DownSubject(id), []byte("for "+id)); err != nil {
			t.Fatal(err)
		}
	}
	if msg, err := mine.NextMsg(5 * time.Second); err != nil || string(msg.Data) != "for "+string(own) {
		t.Fatalf("the host hears %v, %v", msg, err)
	}
	if msg, err := heard.NextMsg(5 * time.Second); err != nil || string(msg.Data) != "for "+string(other) {
		t.Fatalf("the other host hears %v, %v", msg, err)
	}
	select {
	case err := <-refused:
		t.Fatalf("refused on its own subjects: %v", err)
	default:
	}
}

func wantRefusal(t *testing.T, refused chan error, what string) {
	t.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s is not refused", what)
	}
}

func TestStrangersAreNotLetIn(t *testing.T) {
	s := startServer(t, t.TempDir())
	identity, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	foreign := startServer(t, t.TempDir())
	token, err := foreign.Issue("h-aaaaaaaaaa", identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Connect(s.URL()); err == nil {
		t.Error("connected without credentials")
	}
	if _, err := nats.Connect(s.URL(), nats.UserJWTAndSeed(token, identity.Seed)); err == nil {
		t.Error("connected with another manager's credentials")
	}
	thief, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if token, err = s.Issue("h-aaaaaaaaaa", identity.PublicKey); err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Connect(s.URL(), nats.UserJWTAndSeed(token, thief.Seed)); err == nil {
		t.Error("connected with a JWT for another key")
	}
	for _, id := range []banto.HostID{"", "*", ">", "h.b", "h b", "H"} {
		if _, err := s.Issue(id, identity.PublicKey); err == nil {
			t.Errorf("credentials for host %q", id)
		}
	}
	if _, err := s.Issue("h-aaaaaaaaaa", "nonsense"); err == nil {
		t.Error("credentials for nonsense")
	}
}

// Who has not yet proved who he is does not count as a connection.
func TestWhichConnectionsCount(t *testing.T) {
	s := startServer(t, t.TempDir())
	stranger, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stranger).ReadString('\n'); err != nil { // what the server says at first
		t.Fatal(err)
	}
	if n := s.Connections(); n != 0 {
		t.Errorf("%d connections, of one stranger", n)
	}
	if _, err := s.Client(); err != nil {
		t.Fatal(err)
	}
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections, of a stranger and the manager", n)
	}
}

func TestKeysLastAndAreTheOwners(t *testing.T) {
	dir, host := t.TempDir(), t.TempDir()
	first := startServer(t, dir)
	identity, err := fabric.LoadOrCreateIdentity(host)
	if err != nil {
		t.Fatal(err)
	}
	token, err := first.Issue("h-aaaaaaaaaa", identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := startServer(t, dir)
	again, err := fabric.LoadOrCreateIdentity(host)
	if err != nil || again != identity {
		t.Fatalf("identity %v, %v; first %v", again, err, identity)
	}
	c, err := nats.Connect(second.URL(), nats.UserJWTAndSeed(token, again.Seed))
	if err != nil {
		t.Fatalf("credentials of before the restart: %v", err)
	}
	c.Close()
	credentials := fabric.Credentials{Host: "h-aaaaaaaaaa", Name: "db01", URL: second.URL(), JWT: token}
	if err := credentials.Save(host); err != nil {
		t.Fatal(err)
	}
	if got, err := fabric.LoadCredentials(host); err != nil || !reflect.DeepEqual(got, credentials) {
		t.Fatalf("credentials read back: %v, %v", got, err)
	}
	for _, pattern := range []string{filepath.Join(dir, "*"), filepath.Join(host, "*")} {
		files, _ := filepath.Glob(pattern)
		if len(files) != 2 {
			t.Errorf("%d files in %s", len(files), pattern)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v, %v", f, info.Mode(), err)
			}
		}
	}
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for listen, why := range map[string]string{
		taken.Addr().String(): "the port is in use",
		"0.0.0.0:0":           "not a loopback address",
		"192.0.2.1:8601":      "not a loopback address",
		"db01:8601":           "not a loopback address",
		"8601":                "is not an address",
		"127.0.0.1:http":      "is not a port",
		"127.0.0.1:99999":     "is not a port",
	} {
		s, err := fabric.StartServer(fabric.ServerOptions{Listen: listen, Dir: t.TempDir()})
		if err == nil {
			s.Close()
		}
		var info *banto.ErrorInfo
		if !errors.As(err, &info) || info.Kind != banto.KindInvalid || !strings.Contains(info.Why, why) || info.Hint == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", listen, err)
		}
	}
	for _, listen := range []string{"localhost:0", ":0", "[::1]:0"} {
		s, err := fabric.StartServer(fabric.ServerOptions{Listen: listen, Dir: t.TempDir()})
		if err != nil {
			t.Errorf("%s: %v", listen, err)
			continue
		}
		if host, port, err := net.SplitHostPort(s.Addr()); err != nil || port == "0" || !net.ParseIP(host).IsLoopback() {
			t.Errorf("%s: listens on %s", listen, s.Addr())
		}
		s.Close()
	}
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := fabric.StartServer(fabric.ServerOptions{Listen: ":0", Dir: filepath.Join(file, "below")})
	if banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("keys below a file: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "operator.nk"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = fabric.StartServer(fabric.ServerOptions{Listen: ":0", Dir: dir}); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("damaged key: %v", err)
	}
}

// A host that dials before the manager is there is connected once it is, and
// what it publishes meanwhile fails at once.
func TestDialWaitsForTheManager(t *testing.T) {
	dir := t.TempDir()
	first := startServer(t, dir)
	addr := first.Addr()
	identity, err := fabric.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token, err := first.Issue("h-aaaaaaaaaa", identity.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	changes := make(chan bool, 64)
	c, err := fabric.Dial(fabric.DialOptions{Endpoints: []string{"nats://" + addr}, Name: "test", Seed: identity.Seed, JWT: token,
		Changed: func(connected bool, _ string, _ error) {
			select {
			case changes <- connected:
			default:
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Publish(fabric.UpSubject("h-aaaaaaaaaa"), []byte("stale")); err == nil {
		t.Error("published into nothing")
	}
	second, err := fabric.StartServer(fabric.ServerOptions{Listen: addr, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for !<-changes {
	}
	if err := c.Publish(fabric.UpSubject("h-aaaaaaaaaa"), []byte("fresh")); err != nil {
		t.Error(err)
	}
}

func TestCredentialsThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := fabric.LoadOrCreateIdentity(filepath.Join(file, "agent"))
	for _, err := range []error{err, fabric.Credentials{Host: "h-1"}.Save(filepath.Join(file, "agent"))} {
		var e *banto.ErrorInfo
		if !errors.As(err, &e) || e.Kind != banto.KindInvalid || e.Hint == "" {
			t.Errorf("says %v", err)
		}
	}
}
