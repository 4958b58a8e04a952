package app

import (
	"context"

	"github.com/bantoops/banto/notice"
)

// outlets are what the notices of a process go to.
type outlets struct {
	notices *notice.Teller
	syslog  *notice.Syslog   // nil: none
	events  *notice.EventLog // nil: none
}

// newOutlets opens them.
func newOutlets(o Options) (outlets, error) {
	var out outlets
	n := notice.Options{Log: o.Log.With("room", "notice")}
	if o.Syslog != "" {
		target, err := notice.ParseSyslog(o.Syslog)
		if err != nil {
			return out, err
		}
		out.syslog = notice.NewSyslog(target, n.Log)
		n.Sinks = append(n.Sinks, out.syslog)
	}
	if o.EventLog {
		var err error
		if out.events, err = notice.OpenEventLog(); err != nil { //nolint:staticcheck // it works on Windows alone
			return out, err
		}
		n.Sinks = append(n.Sinks, out.events)
	}
	if err := notice.CheckAlive(o.AliveFile, o.AliveURL); err != nil {
		return out, err
	}
	out.notices = notice.New(n)
	return out, nil
}

// start runs them with the process's other parts.
func (o *outlets) start(parts *group) {
	parts.run("notices", o.notices.Run)
	if o.syslog != nil {
		parts.run("syslog", o.syslog.Run)
	}
	if o.events != nil {
		parts.run("event log", o.events.Run)
	}
}

// signs gives the sign of life, if one is wished.
func (o *outlets) signs(parts *group, opts Options, well func(context.Context) error) {
	if opts.AliveFile == "" && opts.AliveURL == "" {
		return
	}
	alive := &notice.Alive{File: opts.AliveFile, URL: opts.AliveURL, Well: well, Teller: o.notices, Log: opts.Log.With("room", "notice")}
	parts.run("sign of life", alive.Run)
}
