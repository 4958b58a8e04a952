package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

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
}

// defaultSlots is how many attempts run on a host at once when nobody says.
const defaultSlots = 64

// DataDir gives the data directory that holds when none is named:
// $BANTO_DATA, else $XDG_STATE_HOME/banto, else ~/.local/state/banto.
func DataDir(env func(string) string) string {
	if dir := env("BANTO_DATA"); dir != "" {
		return dir
	}
	if dir := env("XDG_STATE_HOME"); dir != "" {
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
		if err := loopbackOnly(addr); err != nil {
			return o, err
		}
	}
	return o, makeDirs(o.Data)
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

// loopbackOnly refuses an address that others could reach: without TLS a
// token would cross the network in the clear.
func loopbackOnly(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return banto.Fail(banto.KindInvalid, "cannot listen on "+addr, "it is not an address", "write it as 127.0.0.1:8600, or :0 for a free port").Because(err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return banto.Fail(banto.KindInvalid, "cannot listen on "+addr, "its port is not a number from 0 to 65535", "write it as 127.0.0.1:8600, or :0 for a free port").Because(err)
	}
	if host == "" || host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	return banto.Fail(banto.KindInvalid, "cannot listen on "+addr, "this version listens on the loopback address only", "write 127.0.0.1 before the port")
}

// loopback turns an address without a host into one on the loopback address.
func loopback(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || host == "localhost") {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}
