package cli

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/internal/config"
	"github.com/spf13/cobra"
)

// processFlags are the flags of the commands that are a process of Banto.
type processFlags struct {
	data, http, fabric, name string
	slots                    int
	verbose                  bool
}

func (f *processFlags) register(e *env, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.data, "data", "", e.say("data `directory` ($BANTO_DATA, else ~/.local/state/banto)"))
	cmd.Flags().BoolVar(&f.verbose, "verbose", false, e.say("log every detail to standard error"))
}

func (f *processFlags) registerPorts(e *env, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.http, "http", app.DefaultHTTP, e.say("`address` of the API; :0 takes a free port"))
	cmd.Flags().StringVar(&f.fabric, "fabric", app.DefaultFabric, e.say("`address` that agents dial; :0 takes a free port"))
}

func (f *processFlags) registerHost(e *env, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "name", "", e.say("`name` of this host, when it is first enrolled"))
	cmd.Flags().IntVar(&f.slots, "slots", 0, e.say("jobs that may run on this host at once (default 64)"))
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		// Left out it is 0, and the process knows how many.
		if cmd.Flags().Changed("slots") && f.slots < 1 {
			return e.wrongUse(cmd, e.say("--slots wants a number from 1 on"))
		}
		return nil
	}
}

func (f *processFlags) options(e *env) app.Options {
	data := f.data
	if data == "" {
		data = app.DataDir(e.std.Env)
	}
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelDebug
	}
	return app.Options{
		Data: data, HTTP: f.http, Fabric: f.fabric, Name: f.name, Slots: f.slots,
		Config: config.Path(e.std.Env), Exe: e.std.Exe, Version: e.std.Version,
		Log: slog.New(slog.NewTextHandler(e.std.Err, &slog.HandlerOptions{Level: level})),
	}
}

// greet says where everything is, once a process has started.
func (e *env) greet(r app.Running) error {
	var b strings.Builder
	rows := [][2]string{
		{e.say("manager"), r.URL}, {e.say("agents dial"), r.FabricURL}, {e.say("host"), r.Host},
		{e.say("data"), r.Data}, {e.say("token in"), r.Config},
	}
	b.WriteString(e.say("Banto %s is up.", r.Version) + "\n")
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
