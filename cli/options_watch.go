package cli

import (
	"github.com/spf13/cobra"

	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/app/settings"
)

// watchFlags say what tells those who watch a manager from outside.
type watchFlags struct {
	metrics, syslog     string
	eventLog            bool
	aliveFile, aliveURL string
	aliveStandby        bool
}

// register has what any process may tell.
func (f *watchFlags) register(e *env, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.syslog, "syslog", "", e.say("send notices to the syslog server at this `URL`, such as udp://loghost:514 or unix:///dev/log"))
	flags.BoolVar(&f.eventLog, "event-log", false, e.say("write notices to the event log of Windows"))
	flags.StringVar(&f.aliveFile, "alive-file", "", e.say("write this `FILE` every minute while all is well"))
	flags.StringVar(&f.aliveURL, "alive-url", "", e.say("ask for this `URL` every minute while all is well"))
}

// registerServer has what a manager tells besides.
func (f *watchFlags) registerServer(e *env, cmd *cobra.Command) {
	f.register(e, cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.metrics, "metrics", "token", e.say("who may read /metrics: `token` (whoever has one that may read), or open (also who calls from this machine)"))
	flags.BoolVar(&f.aliveStandby, "alive-standby", false, e.say("give the sign of life also while this manager stands by"))
	completesFlag(cmd, "metrics", []string{"token", "open"})
}

// options adds them to what a process is told. What was said on the command line
// wins over the file.
func (f *watchFlags) options(e *env, cmd *cobra.Command, s settings.Settings, o *app.Options) error {
	flags := cmd.Flags()
	if flags.Lookup("syslog") == nil {
		return nil
	}
	o.Syslog = first(f.syslog, s.Syslog)
	o.EventLog = f.eventLog || !flags.Changed("event-log") && s.EventLog
	o.AliveFile, o.AliveURL = first(f.aliveFile, s.AliveFile), first(f.aliveURL, s.AliveURL)
	if flags.Lookup("metrics") == nil {
		return nil
	}
	if f.metrics != "token" && f.metrics != "open" {
		return e.wrongUse(cmd, e.say("--metrics wants token or open"))
	}
	o.OpenMetrics = f.metrics == "open" || !flags.Changed("metrics") && s.Metrics == "open"
	o.AliveStandby = f.aliveStandby || !flags.Changed("alive-standby") && s.AliveStandby
	return nil
}
