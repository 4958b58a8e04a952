package keeper

import (
	"errors"
	"log/slog"
	"time"
)

// Options of the keeper process.
type Options struct {
	Dir     string // its data directory; made when it is not there
	Version string // told to the agent
	Allow   Allow  // which OS users jobs may run as

	Grace       time.Duration    // between TERM and KILL; 0 for DefaultGrace
	Unkillable  time.Duration    // after KILL, until an attempt whose process is still there ends as unkillable; 0 for DefaultUnkillable
	Answer      time.Duration    // how long a file system may take to say what a start needs to know; 0 for DefaultAnswer
	OutputLimit int64            // bytes of output kept of one attempt; 0 for DefaultOutputLimit
	Starters    int              // starts under way at a time; 0 for a number that fits the machine
	KeepWork    time.Duration    // how long a kept work directory is kept; 0 for DefaultKeepWork
	Now         func() time.Time // nil for time.Now
	Log         *slog.Logger     // nil for Dir/keeper.log, which is kept small
}

// Defaults of Options.
const (
	DefaultGrace       = 10 * time.Second
	DefaultUnkillable  = 30 * time.Second
	DefaultAnswer      = 10 * time.Second
	DefaultOutputLimit = 10 << 20
	DefaultKeepWork    = 7 * 24 * time.Hour
)

// ClientOptions of Connect.
type ClientOptions struct {
	Dir     string // the keeper's data directory
	Exe     string // the banto binary, to start a keeper with; empty for the running one
	Version string // of the agent; a keeper of another one is replaced when Exe is given
	Allow   Allow  // which OS users jobs may run as; holds for a keeper that runs already, too
}

// keeperArgs gives the arguments of the process that is a keeper.
func keeperArgs(dir string, allow Allow) []string {
	args := []string{"keeper", "--dir", dir}
	for _, name := range allow.Accounts {
		args = append(args, "--account", name)
	}
	if allow.Root {
		args = append(args, "--allow-root")
	}
	return args
}

// ErrBusy says that another keeper serves the directory.
var ErrBusy = errors.New("another keeper serves this directory")

// Names inside the keeper's directory.
const (
	lockName    = "keeper.lock"
	socketName  = "keeper.sock"
	logName     = "keeper.log"
	journalName = "journal"
	workName    = "work"
	outputName  = "output"
	varsName    = "vars"
	trashName   = "trash"
)

// readyEnv names the environment variable that tells a keeper the number of
// an open pipe on which to say that it is ready, or why it is not.
const readyEnv = "BANTO_KEEPER_READY_FD"

// readyWord is what a keeper says on that pipe when it serves.
const readyWord = "ready"
