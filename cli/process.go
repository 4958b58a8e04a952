package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/bantoops/banto/app"
)

// greet says where everything is, once a process has started.
func (e *env) greet(r app.Running) error {
	var b strings.Builder
	rows := [][2]string{
		{e.say("manager"), r.URL}, {e.say("agents dial"), r.FabricURL}, {e.say("host"), r.Host},
		{e.say("fingerprint"), r.Fingerprint}, {e.say("data"), r.Data}, {e.say("token in"), r.Config},
	}
	b.WriteString(e.say("Banto %s is up.", r.Version) + "\n")
	if r.Standby {
		b.WriteString(e.say("It stands by: another manager of its store is the active one (%s).", r.Leader) + "\n")
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(&b, "  %s  %s\n", pad(row[0], 12), row[1])
		}
	}
	if r.URL != "" {
		b.WriteString(e.say("In another terminal: banto apply -f DIR, then banto submit JOBNET --wait.") + "\n")
	}
	b.WriteString(e.say("Ctrl-C stops it; jobs that run go on, and are picked up at the next start.") + "\n")
	_, err := io.WriteString(e.std.Out, b.String())
	return e.written(err)
}
