//go:build unix

package scripts_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/internal/config"
)

// get asks the manager for a path and wants a status: get STATUS PATH [TOKEN],
// where TOKEN is a file with one, or none; else it is the administrator's.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: get STATUS PATH [TOKEN-FILE|none]")
	}
	c, err := config.Load(ts.Getenv("BANTO_CONFIG"))
	ts.Check(err)
	token := c.Token
	if len(args) == 3 {
		token = ""
		if args[2] != "none" {
			token = strings.TrimSpace(ts.ReadFile(args[2]))
		}
	}
	url, _, _ := strings.Cut(c.URL, ",")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+args[1], http.NoBody)
	ts.Check(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
	if strconv.Itoa(res.StatusCode) != args[0] {
		ts.Fatalf("%s answered %s", args[1], res.Status)
	}
}

// syslogd is a syslog server: syslogd FILE. It listens on a UDP port, which it
// leaves in $SYSLOG, and writes a line of FILE for each message.
func syslogd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: syslogd FILE")
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	ts.Check(err)
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			fmt.Fprintf(file, "%s\n", buf[:n])
		}
	}()
	ts.Defer(func() {
		_ = conn.SetDeadline(time.Now())
		conn.Close()
		<-done
		file.Close()
	})
	ts.Setenv("SYSLOG", conn.LocalAddr().String())
}
