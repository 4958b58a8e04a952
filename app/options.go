package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/bantoops/banto"
)

// Defaults of the two ports.
const (
	DefaultHTTP   = "127.0.0.1:8600"
	DefaultFabric = "127.0.0.1:8601"
)

// Options are what a person can say about a process.
type Options struct {
	Data    string // the data directory
	HTTP    string // address of the API and console
	Fabric  string // address that agents dial
	Name    string // name of the host; empty: what the system says
	Slots   int    // attempts that may run on the host at once; 0: the default
	Config  string // the caller's configuration, where URL and token are written
	Exe     string // this binary, to start the keeper from
	Version string
	Log     *slog.Logger

	// Of a manager that others reach over the network.
	SAN         []string // names and addresses under which it is called
	Cert, Key   string   // files of a given certificate; empty: of the manager's own CA
	Environment string   // such as production
	Colour      string   // of the environment
	Guard       *bool    // moves that cannot be undone ask for the tracker's name; nil: in production

	Store       string  // URL of a PostgreSQL that managers share (postgres://…); empty: a store of its own, in the data directory
	MaxTrackers int     // unfinished trackers of one jobnet; 0: the default
	SubmitRate  float64 // submissions a second of one jobnet; 0: the default
	RecoverSite string  // how to begin at a second site: cold, warm or held; empty: as any start
	Archive     string  // directory into which trackers go before they are dropped; empty: they just go

	// What tells those who watch a manager from outside.
	OpenMetrics  bool   // callers on this machine need no token for /metrics
	Syslog       string // URL of a syslog server
	EventLog     bool   // notices go to the event log of Windows
	AliveFile    string // is written every minute while all is well
	AliveURL     string // is asked for every minute while all is well
	AliveStandby bool   // also by a manager that stands by

	// Of an agent.
	Join      string   // token with which to join a manager first
	Proxy     string   // HTTP proxy that takes CONNECT; empty: what the environment says
	Accounts  []string // OS users that jobs may run as, besides the agent's own
	AllowRoot bool     // jobs may run as root, if the agent does
}

// defaultSlots is how many attempts run on a host at once when nobody says.
const defaultSlots = 64

// DataDir gives the data directory that holds when none is named:
// $BANTO_DATA, else $XDG_STATE_HOME/banto, else ~/.local/state/banto; on
// Windows %LOCALAPPDATA%\banto in place of the last.
func DataDir(env func(string) string) string {
	if dir := env("BANTO_DATA"); dir != "" {
		return dir
	}
	if dir := env("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "banto")
	}
	if dir := env("LOCALAPPDATA"); dir != "" { // of Windows alone
		return filepath.Join(dir, "banto")
	}
	return filepath.Join(env("HOME"), ".local", "state", "banto")
}

// complete fills in what was not said and refuses what cannot be.
func (o Options) complete() (Options, error) {
	if o.HTTP == "" {
		o.HTTP = DefaultHTTP
	}
	if o.Fabric == "" {
		o.Fabric = DefaultFabric
	}
	if o.Slots == 0 {
		o.Slots = defaultSlots
	}
	if o.Slots < 1 || o.Slots > 10_000 {
		return o, banto.Fail(banto.KindInvalid, "cannot start", "the number of slots must be between 1 and 10000", "leave --slots out for the default")
	}
	if o.Name == "" {
		name, err := os.Hostname()
		if err != nil {
			return o, banto.Fail(banto.KindInvalid, "cannot start", "this machine does not know its name", "give it with --name").Because(err)
		}
		o.Name = name
	}
	abs, err := filepath.Abs(o.Data)
	if err != nil {
		return o, banto.Fail(banto.KindInvalid, "cannot start", err.Error(), "name the data directory with --data").Because(err)
	}
	o.Data = abs
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, addr := range []string{o.HTTP, o.Fabric} {
		if err := checkAddress(addr); err != nil {
			return o, err
		}
	}
	if err := o.checkEnvironment(); err != nil {
		return o, err
	}
	if o.Archive != "" {
		if err := checkArchive(o.Archive); err != nil {
			return o, err
		}
	}
	return o, makeDirs(o.Data)
}

// colours are what an environment can be shown in.
var colours = []string{"red", "yellow", "green", "blue", "magenta", "cyan"} //nolint:gochecknoglobals // a table

// checkEnvironment refuses a name or colour that cannot be shown, and a
// certificate without its key.
func (o *Options) checkEnvironment() error {
	const what = "cannot start"
	if len(o.Environment) > 40 || strings.ContainsFunc(o.Environment, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return banto.Fail(banto.KindInvalid, what, "the name of the environment is longer than 40 bytes, or cannot be printed", "write a word, such as --environment production")
	}
	if o.Colour != "" && !slices.Contains(colours, o.Colour) {
		return banto.Fail(banto.KindInvalid, what, fmt.Sprintf("%q is not a colour", o.Colour), "choose one of "+strings.Join(colours, ", "))
	}
	if (o.Cert == "") != (o.Key == "") {
		return banto.Fail(banto.KindInvalid, what, "a certificate and its key come together", "give both --cert and --key")
	}
	return nil
}

// guarded says whether moves that cannot be undone ask for the tracker's name.
func (o *Options) guarded() bool {
	if o.Guard != nil {
		return *o.Guard
	}
	return strings.HasPrefix(strings.ToLower(o.Environment), "prod") || strings.Contains(o.Environment, "本番")
}

// makeDirs makes the data directory, for its owner alone. When root starts,
// jobs may run as other users: they may pass through it to their work
// directory, and look at nothing on the way. A directory that was there keeps
// its mode.
func makeDirs(data string) error {
	for _, dir := range []string{data, agentDir(data)} {
		_, err := os.Stat(dir)
		made := errors.Is(err, fs.ErrNotExist)
		if err = os.MkdirAll(dir, 0o700); err == nil && made && os.Geteuid() == 0 {
			err = os.Chmod(dir, 0o711)
		}
		if err != nil {
			return banto.Fail(banto.KindInvalid, "cannot use the data directory "+data, reasonOf(err), "name another with --data").Because(err)
		}
	}
	probe, err := os.CreateTemp(data, ".probe-")
	if err != nil {
		return banto.Fail(banto.KindInvalid, "cannot write to the data directory "+data, reasonOf(err), "change its owner, or name another with --data").Because(err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// checkArchive refuses a directory into which nothing can be written.
func checkArchive(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, ".probe-"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return banto.Fail(banto.KindInvalid, "cannot use the archive "+dir, reasonOf(err), "name a directory that you may write with --archive").Because(err)
	}
	return nil
}

// checkAddress refuses what no process can listen on.
func checkAddress(addr string) error {
	const hint = "write it as 127.0.0.1:8600, or :0 for a free port"
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return banto.Fail(banto.KindInvalid, "cannot listen on "+addr, "it is not an address", hint).Because(err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return banto.Fail(banto.KindInvalid, "cannot listen on "+addr, "its port is not a number from 0 to 65535", hint).Because(err)
	}
	return nil
}

// isLoopback says whether only this machine can reach an address: then it
// needs no TLS.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(loopback(addr))
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// loopback turns an address without a host into one on the loopback address.
func loopback(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || host == "localhost") {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}
