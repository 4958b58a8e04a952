package keeper

import (
	"time"

	"github.com/bantoops/banto"
)

// The agent and the keeper talk over a socket that only their own user can
// open: frames of JSON, one a line, Request one way and Event the other. A
// frame carries many things at once, so that a burst of small jobs costs few
// writes. Frames are handled in order. After a connect the keeper sends Hello
// first, then every result that was not yet acknowledged.

// Protocol is the version of what agent and keeper say to each other. A keeper
// of version 0, which does not say it, knows no Replace, Renew and Allow.
const Protocol = 1

// Request is what the agent asks for.
type Request struct {
	Seq   uint64            `json:"seq,omitempty"` // the agent's number of this request on this connection, counting up from 1
	Start []Start           `json:"start,omitempty"`
	Kill  []Kill            `json:"kill,omitempty"`
	Ack   []banto.AttemptID `json:"ack,omitempty"`   // results that the manager has committed
	Clean []Clean           `json:"clean,omitempty"` // trackers that have ended
	// Renew begins a new generation: the manager knows of claims that are not
	// here, so they were rolled back. Answered by a new Hello.
	Renew bool `json:"renew,omitempty"`
	// Replace asks the keeper to become this binary under the same process ID,
	// with all its jobs. The connection ends; the agent connects again.
	Replace string `json:"replace,omitempty"`
	// Allow says from now on which OS users jobs may run as.
	Allow *Allow `json:"allow,omitempty"`
	Stop  bool   `json:"stop,omitempty"` // exit once no job runs (for tests and a stop of banto up)
}

// Allow says which OS users jobs may run as. A keeper's own user always may,
// unless it is root: never root by accident.
type Allow struct {
	Accounts []string `json:"accounts,omitempty"` // names of other OS users; a keeper of root also takes root from here
	Root     bool     `json:"root,omitempty"`     // jobs may run as root when the keeper does
}

// Start asks to run an attempt, unless it was claimed before.
type Start struct {
	Attempt banto.AttemptID `json:"attempt"`
	Spec    banto.Spec      `json:"spec"`
	// Refused is set when the agent knows that it cannot be run, and why: the
	// attempt ends with the reason not-started and this message.
	Refused string `json:"refused,omitempty"`
}

// Kill asks to kill an attempt's whole process group: TERM, and after the
// grace KILL. One that was never started will never start.
type Kill struct {
	Attempt banto.AttemptID `json:"attempt"`
	Reason  banto.Reason    `json:"reason"`
	GraceMS int64           `json:"grace_ms,omitempty"` // 0: the keeper's default
}

// Clean removes what was kept of a tracker: its work directory unless Keep,
// in which case it is removed some days later.
type Clean struct {
	Tracker banto.TrackerID `json:"tracker"`
	Keep    bool            `json:"keep"`
}

// Event is what the keeper tells.
type Event struct {
	// Done says that all requests up to this Seq are handled for good: every
	// start is claimed (or was known), every kill acted on or left as a
	// tombstone, on disk.
	Done   uint64 `json:"done,omitempty"`
	Claims int64  `json:"claims,omitempty"` // with Done: attempts ever claimed
	// NotReplaced says why the keeper did not become another binary.
	NotReplaced string            `json:"not_replaced,omitempty"`
	Problem     string            `json:"problem,omitempty"` // the keeper cannot take new work and why, such as a full disk; repeated while it lasts
	Hello       *Hello            `json:"hello,omitempty"`
	Started     []Started         `json:"started,omitempty"`
	Output      []Output          `json:"output,omitempty"`
	Ended       []Ended           `json:"ended,omitempty"`
	Cleaned     []banto.TrackerID `json:"cleaned,omitempty"`
}

// Hello opens a connection.
type Hello struct {
	PID        int               `json:"pid"`
	Version    string            `json:"version"`
	BootID     string            `json:"boot_id"`
	Generation string            `json:"generation"` // of the claims on disk; another one means they were lost or rolled back
	Running    []banto.AttemptID `json:"running,omitempty"`
	Protocol   int               `json:"protocol,omitempty"`
	Claims     int64             `json:"claims,omitempty"` // attempts ever claimed under this generation and those before
	Shells     []string          `json:"shells,omitempty"` // that were found on the host
}

// Started says that an attempt's process runs. It is left out when the end is
// already known.
type Started struct {
	Attempt banto.AttemptID `json:"attempt"`
	PID     int             `json:"pid"`
	At      time.Time       `json:"at"`
}

// Output says how far an attempt's output has grown on disk. It is told at
// most a few times a second for each attempt.
type Output struct {
	Attempt banto.AttemptID `json:"attempt"`
	Size    int64           `json:"size"`
}

// Ended is the result of an attempt.
type Ended struct {
	Attempt    banto.AttemptID `json:"attempt"`
	StartedAt  *time.Time      `json:"started_at,omitempty"` // nil: no process was made
	At         time.Time       `json:"at"`
	Exit       *int            `json:"exit,omitempty"` // nil: never started, or ended by a signal
	Signal     string          `json:"signal,omitempty"`
	Reason     banto.Reason    `json:"reason,omitempty"`
	Message    string          `json:"message,omitempty"`
	Vars       string          `json:"vars,omitempty"`        // $BANTO_VARS as UTF-8 with LF, at most banto.MaxVarsFile
	OutputHead string          `json:"output_head,omitempty"` // valid UTF-8, at most banto.MaxOutputHead, when asked for
	OutputSize int64           `json:"output_size"`           // bytes on disk
	OutputLost int64           `json:"output_lost,omitempty"` // bytes cut away at the limit
}
