package fabric

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// serverLog hands the server's log on. Its notices are of use only when
// something is looked into, and its complaints come as often as a host likes:
// only some of them are logged.
type serverLog struct {
	log   *slog.Logger
	fatal chan string

	mu     sync.Mutex
	since  time.Time
	logged int
	hidden int
}

// Complaints that are logged in each span of time.
const (
	complaints    = 10
	complaintSpan = time.Minute
)

func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.debug(format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.debug(format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.complain(format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.complain(format, v) }

func (l *serverLog) debug(format string, v []any) {
	l.log.Debug("fabric: " + fmt.Sprintf(format, v...))
}

// noSystemAccount is what the server says at each start: nothing here listens
// to a system account, and each event in one would cost.
const noSystemAccount = "Trusted Operators should utilize a System Account"

// plainWebsocket is what it says of the loopback port that Websocket stands
// before, with the TLS of the API.
const plainWebsocket = "Websocket not configured with TLS. DO NOT USE IN PRODUCTION!"

func (l *serverLog) complain(format string, v []any) {
	if format == noSystemAccount || format == plainWebsocket {
		return
	}
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.since) > complaintSpan {
		l.since, l.logged = now, 0
	}
	if l.logged >= complaints {
		l.hidden++
		l.mu.Unlock()
		return
	}
	l.logged++
	hidden := l.hidden
	l.hidden = 0
	l.mu.Unlock()
	l.log.Warn("fabric: "+fmt.Sprintf(format, v...), "hidden", hidden)
}

// Fatalf does not end the process: StartServer reports it.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.log.Error("fabric: " + fmt.Sprintf(format, v...))
	}
}
