//go:build linux

package crash_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
)

// serve answers one request: a CONNECT, and then what comes is passed on; or a
// call in the clear, such as that with which an agent joins.
func (p *proxy) serve(c net.Conn) {
	if !p.note(c) {
		return
	}
	defer p.forget(c)
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if req.Method != http.MethodConnect {
		req.RequestURI = ""
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			resp.Close = true
			resp.Write(c)
			resp.Body.Close()
		}
		return
	}
	far, err := net.Dial("tcp", req.Host)
	if err != nil {
		io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	if !p.note(far) {
		return
	}
	defer p.forget(far)
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { io.Copy(far, in); far.Close(); c.Close() })
	both.Go(func() { io.Copy(c, far); far.Close(); c.Close() })
	both.Wait()
}
