package fabric

import (
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/bantoops/banto"
)

// connections are what the server last said of its connections, by the names
// that the hosts give them. A name proves nothing: the JWT does.
type connections struct {
	at     time.Time
	open   map[string][]string // JWTs
	closed map[string][]closedConnection
}

type closedConnection struct{ jwt, reason string }

const (
	connectionsFresh = time.Second // asking the server costs time for each connection
	maxConnections   = 100_000
)

// Connection says whether a host has a connection now, whatever its agent says
// or does not say over it, and if not, how the last one ended. It is for the
// moment when a host falls silent.
func (s *Server) Connection(host banto.HostID) (open bool, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.seen.at) > connectionsFresh {
		s.seen = s.connections(now)
	}
	for _, token := range s.seen.open[string(host)] {
		if hostOf(token) == host {
			return true, ""
		}
	}
	for _, c := range s.seen.closed[string(host)] {
		if hostOf(c.jwt) == host {
			return false, closedWords(c.reason)
		}
	}
	return false, "the connection was closed"
}

// Connections is how many connections are let in now, the manager's own among
// them: not those that have yet to prove who they are.
func (s *Server) Connections() int {
	a, err := s.ns.LookupAccount(s.keys.accountID)
	if err != nil {
		return 0
	}
	return a.NumLocalConnections()
}

func (s *Server) connections(now time.Time) connections {
	c := connections{at: now, open: map[string][]string{}, closed: map[string][]closedConnection{}}
	if z, err := s.ns.Connz(&server.ConnzOptions{Username: true, State: server.ConnOpen, Limit: maxConnections}); err == nil {
		for _, i := range z.Conns {
			c.open[i.Name] = append(c.open[i.Name], i.JWT)
		}
	}
	if z, err := s.ns.Connz(&server.ConnzOptions{Username: true, State: server.ConnClosed, Sort: server.ByStop, Limit: maxConnections}); err == nil {
		for _, i := range z.Conns { // the last first
			c.closed[i.Name] = append(c.closed[i.Name], closedConnection{i.JWT, i.Reason})
		}
	}
	return c
}

// hostOf reads for which host a JWT is; the server has checked its signature.
func hostOf(token string) banto.HostID {
	c, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return ""
	}
	return banto.HostID(c.Name)
}

func closedWords(reason string) string {
	switch {
	case strings.HasPrefix(reason, "Slow Consumer"):
		return "the connection was closed: it did not take what was sent"
	case reason == "Stale Connection":
		return "the connection was dead and was closed"
	case reason == "Credentials Revoked":
		return "its key was revoked"
	case reason == "Client Closed", reason == "Read Error", reason == "Write Error":
		return "the connection was closed by the host or on the way"
	}
	return "the connection was closed: " + strings.ToLower(reason)
}
