package cli

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/app/settings"
	"github.com/bantoops/banto/internal/config"
	"github.com/bantoops/banto/internal/logfile"
)

// processFlags are the flags of the commands that are a process of Banto. Each
// may stand in a file of settings too; what is said on the command line wins.
type processFlags struct {
	settings                 string
	data, http, fabric, name string
	slots                    int
	verbose                  bool
	san                      []string
	cert, key                string
	environment, colour      string
	guard                    bool
	join, proxy              string
	accounts                 []string
	allowRoot                bool

	store, archive, recoverSite string
	shared                      string // the store that the environment names
	maxTrackers                 int
	submitRate                  float64
	logFormat                   string
	watch                       watchFlags
}

func (f *processFlags) register(e *env, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.data, "data", "", e.say("data `directory` ($BANTO_DATA, else ~/.local/state/banto)"))
	cmd.Flags().StringVar(&f.settings, "settings", "", e.say("read settings from this `FILE`; flags win over it"))
	cmd.Flags().BoolVar(&f.verbose, "verbose", false, e.say("log every detail to standard error"))
	cmd.Flags().StringVar(&f.logFormat, "log-format", "text", e.say("write the log as `text` or json"))
	completesFlag(cmd, "log-format", []string{"text", "json"})
}

func (f *processFlags) registerServer(e *env, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.http, "http", app.DefaultHTTP, e.say("`address` of the API; :0 takes a free port"))
	flags.StringVar(&f.fabric, "fabric", app.DefaultFabric, e.say("`address` that agents dial; :0 takes a free port"))
	flags.StringArrayVar(&f.san, "san", nil, e.say("`name` or address under which others reach the manager; may be given again"))
	flags.StringVar(&f.cert, "cert", "", e.say("`FILE` of a given certificate, read again when it changes; else of the manager's own CA"))
	flags.StringVar(&f.key, "key", "", e.say("`FILE` of the key that belongs to --cert"))
	flags.StringVar(&f.environment, "environment", "", e.say("`name` of the environment, such as production, shown to whoever acts"))
	flags.StringVar(&f.colour, "colour", "", e.say("`colour` of the environment: red, yellow, green, blue, magenta or cyan"))
	flags.BoolVar(&f.guard, "guard", false, e.say("ask for the tracker's ID before what cannot be undone; usual in production"))
	flags.IntVar(&f.maxTrackers, "max-trackers", 0, e.say("trackers of one jobnet that may be open at once (default 10000)"))
	flags.Float64Var(&f.submitRate, "submit-rate", 0, e.say("submissions of one jobnet a second, in the long run (default 200); 2,000 may come at once"))
	flags.StringVar(&f.archive, "archive", "", e.say("keep trackers that are purged as files in this `directory`"))
	completesFlag(cmd, "colour", []string{"red", "yellow", "green", "blue", "magenta", "cyan"})
	f.watch.registerServer(e, cmd)
}

// registerManagers has what a manager needs that others may follow.
func (f *processFlags) registerManagers(e *env, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", e.say("`name` of this manager among those of its store, and of the host beside it; else the machine's"))
	flags.StringVar(&f.store, "store", "", e.say("`URL` of a PostgreSQL database that managers share ($BANTO_STORE); else a store in the data directory"))
	flags.StringVar(&f.recoverSite, "recover-site", "", e.say("begin at a second site: `HOW`, that is cold, warm or held"))
	completesFlag(cmd, "recover-site", sites())
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if f.recoverSite != "" && !slices.Contains(sites(), f.recoverSite) {
			return e.wrongUse(cmd, e.say("%q is no way to begin at a second site; those are %s", f.recoverSite, joined(sites())))
		}
		f.shared = e.std.Env("BANTO_STORE")
		return nil
	}
}

// sites are the ways to begin at a second site.
func sites() []string { return []string{"cold", "warm", "held"} }

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

func (f *processFlags) registerAgent(e *env, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.join, "join", "", e.say("join a manager with this `TOKEN` first; - reads it from standard input ($BANTO_JOIN)"))
	flags.StringVar(&f.proxy, "proxy", "", e.say("`URL` of an HTTP proxy that takes CONNECT; else as the environment says"))
	flags.StringArrayVar(&f.accounts, "account", nil, e.say("OS `user` that jobs may run as, besides the agent's own; may be given again"))
	flags.BoolVar(&f.allowRoot, "allow-root", false, e.say("jobs may run as root, if the agent does"))
	f.watch.register(e, cmd)
}

// limits refuses limits that are none.
func (f *processFlags) limits(e *env, cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("max-trackers") && f.maxTrackers < 1:
		return e.wrongUse(cmd, e.say("--max-trackers wants a number from 1 on"))
	case cmd.Flags().Changed("submit-rate") && !(f.submitRate > 0):
		return e.wrongUse(cmd, e.say("--submit-rate wants a number above 0"))
	}
	return nil
}

// options makes of settings and flags what a process is told. done closes the
// log at the end.
func (f *processFlags) options(e *env, cmd *cobra.Command) (o app.Options, done func(), err error) {
	if err = f.limits(e, cmd); err != nil {
		return o, nil, err
	}
	var s settings.Settings
	if f.settings != "" {
		if s, err = settings.Load(f.settings); err != nil {
			return o, nil, err
		}
	}
	// What was said on the command line, else in the file, else the default.
	flags := cmd.Flags()
	text := func(name, flag, file string) string {
		if flags.Changed(name) || file == "" {
			return flag
		}
		return file
	}
	texts := func(name string, flag, file []string) []string {
		if flags.Changed(name) {
			return flag
		}
		return file
	}
	o = app.Options{
		Data: first(text("data", f.data, s.Data), app.DataDir(e.std.Env)),
		HTTP: text("http", f.http, s.HTTP), Fabric: text("fabric", f.fabric, s.Fabric),
		Name: text("name", f.name, s.Name), Slots: s.Slots,
		SAN: texts("san", f.san, s.SAN), Cert: text("cert", f.cert, s.Cert), Key: text("key", f.key, s.Key),
		Environment: text("environment", f.environment, s.Environment), Colour: text("colour", f.colour, s.Colour), Guard: s.Guard,
		Proxy: text("proxy", f.proxy, s.Proxy), Accounts: texts("account", f.accounts, s.Accounts), AllowRoot: s.AllowRoot,
		Config: config.Path(e.std.Env), Exe: e.std.Exe, Version: e.std.Version,
		Store: first(f.store, f.shared), MaxTrackers: f.maxTrackers, SubmitRate: f.submitRate, RecoverSite: f.recoverSite, Archive: f.archive,
	}
	if err = f.watch.options(e, cmd, s, &o); err != nil {
		return o, nil, err
	}
	if flags.Lookup("store") != nil {
		o.Store = first(o.Store, s.Store)
	}
	if flags.Lookup("max-trackers") != nil {
		o.Archive = first(o.Archive, s.Archive)
		o.MaxTrackers = cmp.Or(o.MaxTrackers, s.MaxTrackers)
		o.SubmitRate = cmp.Or(o.SubmitRate, float64(s.SubmitRate))
	}
	if flags.Changed("slots") {
		o.Slots = f.slots
	}
	if flags.Changed("guard") {
		o.Guard = &f.guard
	}
	if flags.Changed("allow-root") {
		o.AllowRoot = f.allowRoot
	}
	if o.Join, err = f.token(e, cmd); err != nil {
		return o, nil, err
	}
	done, err = f.log(e, cmd, s.Log, &o)
	return o, done, err
}

// token gives the token to join with. Where it stands on the command line
// others on this machine can see it.
func (f *processFlags) token(e *env, cmd *cobra.Command) (string, error) {
	switch {
	case cmd.Flags().Lookup("join") == nil:
		return "", nil
	case f.join == "-":
		line, err := e.line()
		if text := strings.TrimSpace(line); text != "" {
			return text, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return "", banto.Fail(banto.KindInvalid, e.say("cannot join"), e.say("no token came on standard input"), e.say("banto host enrol makes one"))
	}
	return strings.TrimSpace(first(f.join, e.std.Env("BANTO_JOIN"))), nil
}

// log opens what the process logs to.
func (f *processFlags) log(e *env, cmd *cobra.Command, s settings.Log, o *app.Options) (done func(), err error) {
	level := slog.LevelWarn
	if s.File != "" {
		level = slog.LevelInfo // whoever keeps a log wants to read something in it
	}
	if f.verbose || s.Debug {
		level = slog.LevelDebug
	}
	out, done := e.std.Err, func() {}
	if s.File != "" {
		file, err := logfile.Open(s.File, s.Size, s.Keep)
		if err != nil {
			return nil, banto.Fail(banto.KindInvalid, e.say("cannot write the log %s", s.File), e.system(errors.Unwrap(err)), e.say("log.file of the settings names another")).Because(err)
		}
		out, done = file, func() { _ = file.Close() } // nothing is written to it any more
	}
	o.Log, err = f.logger(e, cmd, s, out, level)
	if err != nil {
		done()
	}
	return done, err
}

// logger makes the log of a form.
func (f *processFlags) logger(e *env, cmd *cobra.Command, s settings.Log, out io.Writer, level slog.Level) (*slog.Logger, error) {
	form := first(f.logFormat, "text") // not every process that has a log has the flag
	if !cmd.Flags().Changed("log-format") && s.JSON {
		form = "json"
	}
	o := &slog.HandlerOptions{Level: level}
	switch form {
	case "text":
		return slog.New(slog.NewTextHandler(out, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(out, o)), nil
	}
	return nil, e.wrongUse(cmd, e.say("--log-format wants text or json"))
}
