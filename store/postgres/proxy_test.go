package postgres_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a store and its server, and cuts.
type proxy struct {
	t      *testing.T
	server string
	l      net.Listener

	mu     sync.Mutex
	rule   func(up bool, data []byte) (pass int, cut bool)
	refuse bool
	conns  map[net.Conn]bool
	tied   map[net.Conn]net.Conn // from the client's end to the server's
}

// newProxy gives a proxy in front of a database, and the address through it.
func newProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, server: u.Host, l: l, conns: map[net.Conn]bool{}, tied: map[net.Conn]net.Conn{}}
	t.Cleanup(func() {
		_ = l.Close()
		p.cutAll()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	u.Host = l.Addr().String()
	return p, u.String()
}

// set gives the rule for all that passes: how many bytes of it go through, and
// whether the connection is cut then.
func (p *proxy) set(rule func(up bool, data []byte) (int, bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// close takes no more connections until it is opened again.
func (p *proxy) closed(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// cutClients cuts the ends of the store and leaves those of the server open.
func (p *proxy) cutClients() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, s := range p.tied {
		delete(p.conns, s)
		p.t.Cleanup(func() { _ = s.Close() })
		_ = c.Close()
	}
	clear(p.tied)
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) serve(c net.Conn) {
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		_ = c.Close()
		return
	}
	s, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	p.conns[c], p.conns[s], p.tied[c] = true, true, s
	p.mu.Unlock()
	go p.pump(s, c, true)
	p.pump(c, s, false)
}

func (p *proxy) pump(to, from net.Conn, up bool) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range []net.Conn{to, from} {
			if p.conns[c] {
				_ = c.Close()
			}
			delete(p.conns, c)
			delete(p.tied, c)
		}
	}()
	buf := make([]byte, 1<<20)
	for {
		n, err := from.Read(buf)
		data := buf[:n]
		p.mu.Lock()
		rule := p.rule
		p.mu.Unlock()
		cut := false
		if rule != nil && n > 0 {
			var pass int
			pass, cut = rule(up, data)
			data = data[:pass]
		}
		if _, werr := io.Copy(to, bytes.NewReader(data)); werr != nil || err != nil || cut {
			return
		}
	}
}
