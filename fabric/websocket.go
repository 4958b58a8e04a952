package fabric

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxSockets bounds the WebSockets that are open at once.
const maxSockets = 20_000

// SocketPath is where Websocket is mounted on the HTTP server.
const SocketPath = "/fabric"

// websocketOptions are of a listener that only Websocket dials: on loopback, on
// a port that nobody is told.
func websocketOptions() server.WebsocketOpts {
	return server.WebsocketOpts{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true,
		AuthTimeout: patience, HandshakeTimeout: 10 * time.Second,
	}
}

// Websocket serves the fabric to hosts that can only use HTTPS. Who comes this
// way is held to the same credentials as any other. Browsers are not let in.
func (s *Server) Websocket() http.Handler {
	inner, err := url.Parse(s.ns.WebsocketURL())
	if err != nil {
		inner = &url.URL{} // dials nothing
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			// Only what the handshake needs: no cookie, no path of the outside.
			kept := http.Header{}
			for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions"} {
				if v := r.Out.Header[name]; len(v) > 0 {
					kept[name] = v
				}
			}
			r.Out.Header = kept
			r.SetXForwarded()
			r.Out.URL = &url.URL{Scheme: "http", Host: inner.Host, Path: "/"}
			r.Out.Host = inner.Host
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", inner.Host)
			},
			DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: 10 * time.Second,
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			s.log.Debug("fabric: a WebSocket is not taken on", "error", err)
			http.Error(w, "the fabric does not answer: it is being stopped", http.StatusBadGateway)
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet || r.Header.Get("Upgrade") == "":
			w.Header().Set("Upgrade", "websocket")
			http.Error(w, "agents of Banto connect here, with a WebSocket", http.StatusUpgradeRequired)
			return
		case r.Header.Get("Origin") != "":
			http.Error(w, "no page of a browser connects here", http.StatusForbidden)
			return
		}
		select {
		case s.sockets <- struct{}{}:
			defer func() { <-s.sockets }()
			proxy.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "10")
			http.Error(w, "too many agents are connected this way", http.StatusServiceUnavailable)
		}
	})
}
