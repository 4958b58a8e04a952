package client_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// greeter is a port that says something to whoever comes.
func greeter(t *testing.T, greeting string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, greeting)
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Who calls the port for agents, or through a proxy that is not there, is told
// so.
func TestWhatWasReachedInstead(t *testing.T) {
	agents := greeter(t, `INFO {"server_id":"N","version":"2.12.0","tls_required":true,"max_payload":1048576} `+"\r\n")
	gone, noProxy := dead(t), dead(t)
	for _, tt := range []struct {
		name, url string
		opts      []client.Option
		want      []string
	}{
		{"agents' port with TLS", "https://" + agents, []client.Option{client.WithTLS(&tls.Config{})}, []string{"that is the port for agents", "8600 unless it was moved"}},
		{"agents' port without", "http://" + agents, nil, []string{"that is the port for agents", "8600 unless it was moved"}},
		{"nobody here", "http://" + gone, nil, []string{"is it running? banto up"}},
		{"nobody elsewhere", "http://banto.invalid:8600", nil, []string{"is it running, and is the address right?"}},
		{"no proxy", "https://banto.invalid:8600", []client.Option{client.WithProxy("http://me:secret@" + noProxy)}, []string{"cannot connect to the proxy http://" + noProxy + ": connection refused"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := client.New(tt.url, "secret", append(tt.opts, client.WithBackoff(time.Millisecond), client.WithTimeout(5*time.Second))...)
			_, err := c.Hosts(t.Context())
			if banto.KindOf(err) != banto.KindUnreachable {
				t.Fatalf("got %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if strings.Contains(err.Error(), "me:secret") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}
