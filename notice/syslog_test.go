package notice

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// rfc5424 is what a line looks like whose server is not on the same machine.
var rfc5424 = regexp.MustCompile(`^<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) banto \d+ (BANTO\d{4}[IWE]) - (.*)$`)

func message(id ID, pairs ...string) Message {
	m := Message{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Notice: Notice{ID: id, English: textOf(id, false), Japanese: textOf(id, true)}}
	for i := 0; i < len(pairs); i += 2 {
		m.Fields = append(m.Fields, Field{pairs[i], pairs[i+1]})
	}
	return m
}

// sending runs a syslog with a target until the test ends.
func sending(t *testing.T, target string) *Syslog {
	t.Helper()
	parsed, err := ParseSyslog(target)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSyslog(parsed, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// framed reads messages whose octets are counted.
func framed(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	size, err := r.ReadString(' ')
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSyslogByUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := sending(t, "udp://"+conn.LocalAddr().String()+"?facility=local3")
	s.Send(message(HostLost, "host", "db01"))
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 9000)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	m := rfc5424.FindStringSubmatch(string(buf[:n]))
	if m == nil || m[1] != strconv.Itoa(19*8+4) || m[2] != "2026-01-02T03:04:05.000000Z" || m[4] != "BANTO0301W" || m[5] != "BANTO0301W a host is lost: host=db01" {
		t.Errorf("%q", buf[:n])
	}
}

func TestSyslogByTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := sending(t, "tcp://"+l.Addr().String()+"?lang=ja")
	s.Send(message(StoreFull))
	s.Send(message(StoreBack, "why", "a\nb"))
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(first)
	if got := framed(t, r); !strings.HasPrefix(got, "<27>1 ") || !strings.HasSuffix(got, "BANTO0202E ストアが満杯である") {
		t.Errorf("%q", got)
	}
	if got := framed(t, r); !strings.HasSuffix(got, `why="a\nb"`) {
		t.Errorf("%q", got)
	}
	// The server goes, and is there again: the next message is not lost.
	first.Close()
	s.Send(message(HostBack, "host", "db02"))
	second, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if got := framed(t, bufio.NewReader(second)); !strings.Contains(got, "host=db02") {
		t.Errorf("%q", got)
	}
}

func TestSyslogByTLS(t *testing.T) {
	cert, file := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := sending(t, "tls://localhost:"+port+"?ca="+file)
	s.Send(message(ManagerActive))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := framed(t, bufio.NewReader(conn)); rfc5424.FindString(got) == "" {
		t.Errorf("%q", got)
	}
}

func TestSyslogOfThisMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Skip("no sockets of this kind here: ", err)
	}
	defer conn.Close()
	s := sending(t, "unix://"+path)
	s.Send(message(HostProblem, "host", "db01", "why", "its disk is full"))
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 9000)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`<27>Jan  2 03:04:05 banto[%d]: BANTO0305E a host takes nothing new: host=db01 why="its disk is full"`, os.Getpid())
	if got := string(buf[:n]); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestASyslogServerThatTakesNothing: nobody waits for it, and it is told how
// many it has missed.
func TestASyslogServerThatTakesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // nobody is there
	target, err := ParseSyslog("tcp://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSyslog(target, nil)
	for range syslogQueue + 500 {
		s.Send(message(AttemptLost))
	}
	if n := s.Dropped(); n != 500 {
		t.Errorf("%d are dropped", n)
	}
	if l, err = net.Listen("tcp", addr); err != nil {
		t.Skip("another process has taken the port: ", err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	if got := framed(t, r); !strings.Contains(got, string(AttemptLost)) {
		t.Errorf("%q", got)
	}
	if got := framed(t, r); !strings.Contains(got, string(SyslogDropped)) || !strings.HasSuffix(got, "dropped=500") {
		t.Errorf("%q", got)
	}
	for range syslogQueue - 1 {
		framed(t, r)
	}
	cancel()
	<-done
}

func TestWhatASyslogServerIsNot(t *testing.T) {
	for _, text := range []string{
		"", "loghost", "loghost:514", "http://loghost", "udp://", "udp:///x", "tcp://h/x", "unix://", "unix://h/x", "udp://h?facility=x",
		"udp://h?lang=fr", "udp://h?what=1", "tcp://h?ca=x", "tls://h?ca=/nothing/here", "udp://h?format=json", "udp://h:99999:1",
	} {
		if _, err := ParseSyslog(text); banto.KindOf(err) != banto.KindInvalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"udp://h": "h:514", "tcp://h": "h:601", "tls://h": "h:6514", "tcp://[::1]": "[::1]:601", "udp://h:5514?facility=cron": "h:5514", "unix:///dev/log": "/dev/log",
	} {
		if got, err := ParseSyslog(text); err != nil || got.address != want {
			t.Errorf("%q: %v, %+v", text, err, got)
		}
	}
}

func TestALongLineIsCut(t *testing.T) {
	target, err := ParseSyslog("udp://h")
	if err != nil {
		t.Fatal(err)
	}
	got := string(NewSyslog(target, nil).form(message(HostLost, "why", strings.Repeat("あ", 5000))))
	if len(got) > 4200 || !strings.HasSuffix(got, "…") || strings.Contains(got, "\uFFFD") {
		t.Errorf("%d bytes, ...%q", len(got), got[len(got)-20:])
	}
}

// certificate makes one for localhost, and a file with it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
