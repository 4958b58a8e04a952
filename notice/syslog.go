package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
)

// SyslogTarget is where a syslog server listens, and what it understands.
type SyslogTarget struct {
	network, address string
	tls              *tls.Config
	facility         int
	local            bool // the form of syslog(3) instead of RFC 5424
	japanese         bool
}

// syslogHint says how a target is written.
const syslogHint = "write udp://HOST:514, tcp://HOST:601, tls://HOST:6514 or unix:///dev/log, and behind it, if need be, ?facility=local0&format=rfc5424&lang=ja&ca=FILE"

// ParseSyslog reads where a syslog server listens.
func ParseSyslog(text string) (*SyslogTarget, error) {
	const what = "cannot use the syslog server"
	bad := func(why string, err error) error {
		return banto.Fail(banto.KindInvalid, what, why, syslogHint).Because(err)
	}
	u, err := url.Parse(text)
	text = unsecret(text)
	if err != nil {
		return nil, bad(fmt.Sprintf("%.100q is not a URL", text), err)
	}
	t := &SyslogTarget{network: u.Scheme, address: u.Host, facility: facilities()["daemon"]}
	port := map[string]string{"udp": "514", "tcp": "601", "tls": "6514"}[u.Scheme]
	switch {
	case u.Scheme == "unix" && u.Path != "" && u.Host == "":
		t.address, t.local = u.Path, true
	case port == "":
		return nil, bad(fmt.Sprintf("%.100q is neither udp, tcp, tls nor unix", text), nil)
	case u.Hostname() == "" || u.Path != "" && u.Path != "/":
		return nil, bad(fmt.Sprintf("%.100q names no host and port", text), nil)
	case u.Port() == "":
		t.address = net.JoinHostPort(u.Hostname(), port)
	}
	if u.Scheme != "unix" {
		_, number, err := net.SplitHostPort(t.address)
		if err == nil {
			_, err = strconv.ParseUint(number, 10, 16)
		}
		if err != nil {
			return nil, bad(fmt.Sprintf("%.100q names no host and port", text), err)
		}
	}
	ca := ""
	for key, values := range u.Query() {
		v := values[len(values)-1]
		var ok bool
		switch key {
		case "facility":
			t.facility, ok = facilities()[v]
		case "format":
			t.local, ok = v == "local", v == "local" || v == "rfc5424"
		case "lang":
			t.japanese, ok = v == "ja", v == "ja" || v == "en"
		case "ca":
			ca, ok = v, u.Scheme == "tls" && v != ""
		}
		if !ok {
			return nil, bad(fmt.Sprintf("%.100q cannot be used: %.60s=%.60s", text, key, v), nil)
		}
	}
	if u.Scheme == "tls" {
		t.network, t.tls = "tcp", &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
		if ca != "" {
			if t.tls.RootCAs, err = readCA(ca); err != nil {
				return nil, bad("the certificates in "+ca+" cannot be read", err)
			}
		}
	}
	return t, nil
}

func readCA(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return pool, nil
}

// facilities are syslog's, by name.
func facilities() map[string]int {
	out := map[string]int{"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11}
	for i := range 8 {
		out["local"+strconv.Itoa(i)] = 16 + i
	}
	return out
}

// Syslog sends notices to a syslog server. What it does not take in time is
// dropped, and told once it takes again.
type Syslog struct {
	target  *SyslogTarget
	host    string
	queue   chan Message
	dropped atomic.Int64
	lost    atomic.Int64 // of them, not told yet
	log     *slog.Logger
	now     func() time.Time
}

// How a syslog server is written to.
const (
	syslogQueue = 1000
	syslogTime  = 5 * time.Second
	syslogPause = 30 * time.Second // at most, between tries to connect
)

// NewSyslog makes the way to a syslog server. Run sends.
func NewSyslog(t *SyslogTarget, log *slog.Logger) *Syslog {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "-"
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Syslog{target: t, host: host, queue: make(chan Message, syslogQueue), log: log, now: time.Now}
}

// Send hands a message over; it never waits.
func (s *Syslog) Send(m Message) {
	select {
	case s.queue <- m:
	default:
		s.drop(1)
	}
}

func (s *Syslog) drop(n int64) {
	s.dropped.Add(n)
	s.lost.Add(n)
}

// Dropped is how many messages the server has not got.
func (s *Syslog) Dropped() int64 { return s.dropped.Load() }

// Run sends until ctx ends; what waits then gets a moment.
func (s *Syslog) Run(ctx context.Context) error {
	w := &wire{target: s.target, log: s.log}
	defer w.close()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), syslogTime)
			defer cancel()
			for {
				select {
				case m := <-s.queue:
					if w.once(last, s.form(m)) != nil {
						return nil
					}
				default:
					return nil
				}
			}
		case m := <-s.queue:
			s.deliver(ctx, w, m)
		}
	}
}

// deliver sends one message, however long that takes; meanwhile others wait, and
// are dropped when too many do.
func (s *Syslog) deliver(ctx context.Context, w *wire, m Message) {
	if !w.surely(ctx, s.form(m)) {
		s.drop(1)
		return
	}
	if n := s.lost.Swap(0); n > 0 {
		s.log.Warn("notices did not reach the syslog server", "id", SyslogDropped, "dropped", n)
		told := Message{At: s.now(), Notice: Notice{ID: SyslogDropped, English: textOf(SyslogDropped, false), Japanese: textOf(SyslogDropped, true)},
			Fields: []Field{{"dropped", strconv.FormatInt(n, 10)}}}
		if !w.surely(ctx, s.form(told)) {
			s.lost.Add(n)
		}
	}
}

func textOf(id ID, japanese bool) Text {
	for _, n := range Table() {
		switch {
		case n.ID != id:
		case japanese:
			return n.Japanese
		default:
			return n.English
		}
	}
	return Text{}
}

// form writes a message as the server wants it.
func (s *Syslog) form(m Message) []byte {
	severity := map[Severity]int{Info: 6, Warning: 4, Error: 3}[m.Notice.ID.Severity()]
	pri := s.target.facility*8 + severity
	text := m.Notice.English
	if s.target.japanese {
		text = m.Notice.Japanese
	}
	line := strings.ToValidUTF8(m.Line(text), "\uFFFD")
	const most = 4000 // what a server has to take is 480 bytes, what they take is 8 KiB
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	if s.target.local {
		return fmt.Appendf(nil, "<%d>%s banto[%d]: %s", pri, m.At.Format(time.Stamp), os.Getpid(), line)
	}
	return fmt.Appendf(nil, "<%d>1 %s %s banto %d %s - %s", pri, m.At.UTC().Format("2006-01-02T15:04:05.000000Z"), s.host, os.Getpid(), m.Notice.ID, line)
}

// wire is the connection to a server.
type wire struct {
	target *SyslogTarget
	log    *slog.Logger
	conn   net.Conn
	stream bool
	failed bool // and that was said
}

// surely sends until it worked; false: ctx ended before.
func (w *wire) surely(ctx context.Context, line []byte) bool {
	for pause := time.Second; ; pause = min(2*pause, syslogPause) {
		err := w.once(ctx, line)
		if err == nil {
			if w.failed {
				w.failed = false
				w.log.Info("the syslog server is reached again")
			}
			return true
		}
		if !w.failed && ctx.Err() == nil {
			w.failed = true
			w.log.Warn("the syslog server is not reached; it is tried again", "error", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// once sends, and tries a second connection if the first has ended meanwhile.
func (w *wire) once(ctx context.Context, line []byte) error {
	old := w.conn != nil
	err := w.write(ctx, line)
	if err != nil && old {
		err = w.write(ctx, line)
	}
	return err
}

func (w *wire) write(ctx context.Context, line []byte) error {
	if w.ended() {
		w.close()
	}
	if err := w.dial(ctx); err != nil {
		return err
	}
	switch {
	case w.stream && w.target.network == "unix":
		line = append(line[:len(line):len(line)], '\n')
	case w.stream: // octets are counted: RFC 6587 and RFC 5425
		line = append(fmt.Appendf(nil, "%d ", len(line)), line...)
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(syslogTime))
	if _, err := w.conn.Write(line); err != nil {
		w.close()
		return err
	}
	return nil
}

// ended says whether the server has closed the connection: a write might seem to
// work all the same.
func (w *wire) ended() bool {
	if w.conn == nil || !w.stream {
		return false
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := w.conn.Read(make([]byte, 1))
	var slow net.Error
	return err != nil && (!errors.As(err, &slow) || !slow.Timeout())
}

func (w *wire) dial(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, syslogTime)
	defer cancel()
	d, t := net.Dialer{}, w.target
	var err error
	switch {
	case t.network == "unix":
		w.stream = false
		if w.conn, err = d.DialContext(ctx, "unixgram", t.address); err != nil {
			w.stream = true
			w.conn, err = d.DialContext(ctx, "unix", t.address)
		}
	case t.tls != nil:
		w.stream = true
		w.conn, err = (&tls.Dialer{NetDialer: &d, Config: t.tls}).DialContext(ctx, "tcp", t.address)
	default:
		w.stream = t.network == "tcp"
		w.conn, err = d.DialContext(ctx, t.network, t.address)
	}
	if err != nil {
		w.conn = nil
	}
	return err
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close() // nothing is to be read from it
		w.conn = nil
	}
}
