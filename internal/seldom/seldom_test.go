package seldom

import (
	"bytes"
	"log/slog"
	"testing"
	"time"
)

func TestATroubleThatLasts(t *testing.T) {
	var out bytes.Buffer
	var now time.Duration
	l := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), func() time.Duration { return now })
	l.Over("away", "back")
	for range 25 { // every half second
		l.Warn("away", "error", "eof")
		now += 500 * time.Millisecond
	}
	l.Warn("other")
	l.Over("away", "back", "a", 1)
	l.Over("away", "back")
	l.Warn("away", "error", "again")
	const want = `level=WARN msg=away error=eof
level=WARN msg=away error=eof times=20 for=10s
level=WARN msg=other
level=INFO msg=back a=1 times=25 after=12.5s
level=WARN msg=away error=again
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
