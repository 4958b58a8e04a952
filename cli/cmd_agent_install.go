package cli

import (
	"path/filepath"
	"runtime"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/app/settings"
	"github.com/spf13/cobra"
)

func newAgentInstallCommand(e *env) *cobra.Command {
	var o app.ServiceOptions
	var flags processFlags
	var show bool
	cmd := e.command("install", e.say("Make the agent a service that starts with the machine"), func(cmd *cobra.Command, _ []string) error {
		if err := e.serviceOptions(&o, &flags); err != nil {
			return err
		}
		if show {
			return e.print(o.Unit())
		}
		token, err := flags.token(e, cmd)
		if err != nil {
			return err
		}
		prepared := app.Options{Join: token, Proxy: flags.proxy, Name: flags.name, Version: e.std.Version}
		if err := app.PrepareAgent(cmd.Context(), o, prepared); err != nil {
			return err
		}
		if err := app.InstallAgent(o); err != nil {
			return err
		}
		return e.print(e.say("the agent is installed as a service and started; its data is in %s", o.Data) + "\n")
	})
	cmd.Long = e.say("Makes the agent a service of the system that starts with the machine: of systemd, or of Windows. Jobs\nlive on when the service is stopped or upgraded. With --join it joins the manager first.\n--print shows the unit of systemd and installs nothing.")
	cmd.Example = examples("banto agent install --user banto --join -", "banto agent install --user root --settings /etc/banto/agent.yaml", "banto agent install --user banto --print")
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringVar(&o.User, "user", "", e.say("OS `user` that the agent runs as; jobs of other users need root"))
	f.StringVar(&o.Settings, "settings", "", e.say("`FILE` of settings that the service reads"))
	f.StringVar(&flags.data, "data", "", e.say("data `directory` of the service (/var/lib/banto)"))
	f.StringVar(&flags.join, "join", "", e.say("join a manager with this `TOKEN` first; - reads it from standard input ($BANTO_JOIN)"))
	f.StringVar(&flags.proxy, "proxy", "", e.say("`URL` of an HTTP proxy that takes CONNECT; else as the environment says"))
	f.BoolVar(&show, "print", false, e.say("show what would be installed, and install nothing"))
	return cmd
}

// serviceOptions fills in what was not said: a service has no home and no
// directory that it was started in, so all paths are whole.
func (e *env) serviceOptions(o *app.ServiceOptions, flags *processFlags) error {
	data := flags.data
	o.Exe = e.std.Exe
	if o.Settings != "" {
		s, err := settings.Load(o.Settings)
		if err != nil {
			return err
		}
		data, flags.name, flags.proxy = first(data, s.Data), s.Name, first(flags.proxy, s.Proxy)
	}
	o.Data = first(data, "/var/lib/banto")
	if runtime.GOOS == "windows" && data == "" {
		o.Data = filepath.Join(first(e.std.Env("ProgramData"), `C:\ProgramData`), "banto")
	}
	for _, path := range []*string{&o.Exe, &o.Data, &o.Settings} {
		if *path == "" {
			continue
		}
		whole, err := filepath.Abs(*path)
		if err != nil {
			return banto.Fail(banto.KindInvalid, e.say("cannot read %s", *path), e.system(err), "").Because(err)
		}
		*path = whole
	}
	return nil
}
