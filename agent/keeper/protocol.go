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
// of version 0, which does not say it, knows no Replace, Renew and Allow; one of
// version 1 no Contact and no Recall, and so no dead-man's limit: Hello.DeadMan
// is false, and it is never asked for either.
const Protocol = 2

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
	// Contact is the latest time, by internal/boottime, at which this host is proved
	// to have had contact to the active manager. Of several the greatest holds, and
	// it holds before the rest of the same request. To be told at once when it
	// grows, and first of all on every new connection: a start with a dead-man's
	// limit that comes before any contact was told, or whose limit the contact has
	// passed, is refused (reason lost). So an agent without contact yet keeps such
	// starts back until it has one in the session that brought them, and drops them
	// with that session: they come again with the next.
	Contact time.Duration `json:"contact,omitempty"`
	// Recall asks what the keeper knows of attempts; answered by Event.Recalled.
	Recall *Recall `json:"recall,omitempty"`
	Stop   bool    `json:"stop,omitempty"` // exit once no job runs (for tests and a stop of banto up)
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

	withShell bool // its script is run by its shell, however simple it is
}

// Kill asks to kill an attempt's whole process group: TERM, and after the
// grace KILL. One that was never started will never start.
type Kill struct {
	Attempt banto.AttemptID `json:"attempt"`
	Reason  banto.Reason    `json:"reason"`
	GraceMS int64           `json:"grace_ms,omitempty"` // 0: the keeper's default
	// Dead is set in the keeper's own kills, by a dead-man's limit; an agent sends none.
	Dead *DeadKill `json:"dead,omitempty"`
}

// Clean removes what was kept of a tracker: its work directory unless Keep,
// in which case it is removed some days later.
type Clean struct {
	Tracker banto.TrackerID `json:"tracker"`
	Keep    bool            `json:"keep"`
}

// Recall asks for what the keeper knows of attempts that it claimed, or that
// ended, at Since or later. What runs, and every result that is not acknowledged,
// is told in any case.
type Recall struct {
	ID    string    `json:"id"` // of the question; the answer repeats it
	Since time.Time `json:"since"`
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
	Recalled    *Recalled         `json:"recalled,omitempty"` // one piece of an answer to Recall, in a frame of its own
}

// Recalled answers Recall, in pieces of at most 1,000 attempts.
type Recalled struct {
	ID       string            `json:"id"`
	Attempts []RecalledAttempt `json:"attempts,omitempty"`
	More     bool              `json:"more,omitempty"` // others follow
	// Whole says that nothing of that time can have been forgotten.
	Whole bool `json:"whole,omitempty"`
}

// RecalledAttempt is what the keeper knows of an attempt.
type RecalledAttempt struct {
	Attempt   banto.AttemptID `json:"attempt"`
	Part      banto.PartKey   `json:"part,omitempty"` // empty: not known
	State     RecalledState   `json:"state"`
	StartedAt *time.Time      `json:"started_at,omitempty"` // nil: no process was made, or not known
	At        *time.Time      `json:"at,omitempty"`         // of the end; nil: it runs, or not known
	Exit      *int            `json:"exit,omitempty"`
	Reason    banto.Reason    `json:"reason,omitempty"`
}

// RecalledState is where an attempt is.
type RecalledState string

// The states.
const (
	RecalledRunning RecalledState = "running" // claimed, and not ended
	RecalledEnded   RecalledState = "ended"   // its result is kept, and told until it is acknowledged
	RecalledTold    RecalledState = "told"    // its result was acknowledged, and is gone
)

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
	// DeadMan says that the keeper ends attempts by Spec.DeadManMS.
	DeadMan bool `json:"dead_man,omitempty"`
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
