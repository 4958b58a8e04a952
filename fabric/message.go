package fabric

import (
	"time"

	"github.com/bantoops/banto"
)

// ProtocolVersion is the version of the messages below. A manager and an agent
// whose versions differ by more than VersionsApart refuse each other in words;
// what is nearer is spoken with, and a frame says the version of its sender.
//
// Fields that a version does not know are dropped by it unread, so a newer side
// must never need an older one to have understood. What each version lacks:
//
//   - Version 1 has no scripts by reference. The manager fills the script in
//     before it sends the order, and ends the attempt as not started if no frame
//     can hold it; an agent of version 2 never asks a manager of version 1, since
//     that one never sends a hash.
//   - Version 1 tells no claims, clock, endpoint, shells and problem. The manager
//     takes the clock to be right, asks for no new generation, and looks for a
//     copied host only by the names of sessions. An agent tells them to a manager
//     of version 1 too, which does not read them.
//   - Version 1 does not know Renew, and is never told it.
//   - Sessions of version 1 have no random mark. An agent of version 2 that has
//     one of version 1 as its manager looks to it like a new agent process at each
//     connect, which costs nothing but a line in its log.
//   - Versions 1 and 2 know no Ping, Recall and Managers, and their keepers no
//     dead-man's limit: Hello.DeadMan is false, and what is lost on such a host
//     is never run elsewhere by itself.
//   - An agent that does not know QuietMS goes on every two seconds, and does not
//     say otherwise.
//   - A side of version 1 reads no frame above version 2: those for it, and those
//     for a side that is not known yet, say that they are of version 2 (Speak).
//     An agent says what it speaks with its first frame, and says 2 once a manager
//     of version 1 has refused that.
//   - A keeper of version 1 does not know encodings and limits of a job: output
//     is stored as it came, and the job runs without its limits.
const (
	ProtocolVersion = 3
	VersionsApart   = 2
)

// MaxScript is the longest script that is sent by reference, in bytes.
const MaxScript = 8 << 20

// MaxPiece is how much of a script one frame carries.
const MaxPiece = 256 << 10

// MaxWants is how many scripts one frame may ask for.
const MaxWants = 8

// MaxProblem bounds what a host says of its problem.
const MaxProblem = 1 << 10

// MaxManagers is how many endpoints of managers one frame may tell, and
// MaxEndpoint how long each may be.
const (
	MaxManagers = 32
	MaxEndpoint = 256
)

// BeatEvery is how often a side that has not agreed to be quieter says something,
// and MaxQuiet how seldom it may.
const (
	BeatEvery = 2 * time.Second
	MaxQuiet  = 30 * time.Second
)

// QuietFor is how often idle hosts say something in a house of so many: each of
// up to a thousand as it always does, more than those 3 s apart for each thousand
// begun. So all of 1,001 to 10,000 together do 167 to 333 times a second; of still
// more each does every MaxQuiet, and 20,000 together 667 times.
func QuietFor(hosts int) time.Duration {
	const (
		lively   = 1000            // hosts
		perSlice = 3 * time.Second // of as many
	)
	if hosts <= lively {
		return BeatEvery
	}
	return min(time.Duration((hosts+lively-1)/lively)*perSlice, MaxQuiet)
}

// Quiet reads a number of milliseconds that a peer tells.
func Quiet(ms int64) time.Duration {
	return min(max(BeatEvery, time.Duration(min(ms, int64(MaxQuiet/time.Millisecond)))*time.Millisecond), MaxQuiet)
}

// MaxRecalled is how many attempts one frame may recall.
const MaxRecalled = 2000

// MaxFrame is the largest frame that is sent, in bytes; well below the
// server's payload limit. What a part carries by its definition
// (jobnet.MaxScript) fits with room for parameters; an attempt that grows
// beyond ends before it is sent.
const MaxFrame = 512 << 10

// Down is a frame from the manager to one host. Frames carry many messages;
// the agent obeys only the highest epoch that it has seen.
type Down struct {
	Version     int               `json:"v"`
	Epoch       int64             `json:"epoch"`
	Incarnation string            `json:"inc"`
	Session     string            `json:"session,omitempty"` // the Hello this answers to
	Orders      []Order           `json:"orders,omitempty"`
	Acks        []banto.AttemptID `json:"acks,omitempty"` // results that are committed
	OutputAcks  []OutputAck       `json:"output_acks,omitempty"`
	Scripts     []ScriptPiece     `json:"scripts,omitempty"` // answers to Up.Scripts
	Renew       bool              `json:"renew,omitempty"`   // the keeper's claims are older than the manager knows: begin a new generation, then say hello again
	Ask         bool              `json:"ask,omitempty"`     // please say hello (the manager has just started)
	// Pong is the highest Ping of this session that was answered by a manager
	// that proved, after it had come, that it is the active one.
	Pong int64 `json:"pong,omitempty"`
	// Managers are the endpoints of all managers, the active one's first; told when
	// they change. The agent keeps them for its next start.
	Managers []string `json:"managers,omitempty"`
	// QuietMS is how often an agent on whose host nothing is under way need say
	// something, in milliseconds; told when it changes. An agent that has not been
	// told in this session does so every two seconds.
	QuietMS int64 `json:"quiet_ms,omitempty"`
	// Recall asks what the keeper knows of attempts since then; answered by Up.Recalled.
	Recall  *Recall `json:"recall,omitempty"`
	Refused string  `json:"refused,omitempty"` // why the session is refused, in words
}

// Order is an outbox entry. The agent confirms it by its ID once the keeper
// has it.
type Order struct {
	ID    string      `json:"id"`
	Start *StartOrder `json:"start,omitempty"`
	Kill  *KillOrder  `json:"kill,omitempty"`
	Clean *CleanOrder `json:"clean,omitempty"`
}

// StartOrder asks to run an attempt. Only a keeper with the claims that the
// host had when the attempt was placed may start it: with others, after a loss
// or in a copy of the host, nobody knows whether it was started before.
type StartOrder struct {
	Attempt    banto.AttemptID `json:"attempt"`
	Generation string          `json:"generation,omitempty"` // of those claims; empty: any
	Spec       banto.Spec      `json:"spec"`
}

// KillOrder asks to kill an attempt, started or not.
type KillOrder struct {
	Attempt banto.AttemptID `json:"attempt"`
	Reason  banto.Reason    `json:"reason"`
}

// CleanOrder says that a tracker has ended.
type CleanOrder struct {
	Tracker banto.TrackerID `json:"tracker"`
	Keep    bool            `json:"keep"`
}

// OutputAck says up to where the manager has an attempt's output.
type OutputAck struct {
	Attempt banto.AttemptID `json:"attempt"`
	Size    int64           `json:"size"`
	Gap     bool            `json:"gap,omitempty"` // what was sent begins behind Size: send again from there
}

// Up is a frame from a host to the manager.
type Up struct {
	Version   int             `json:"v"`
	Session   string          `json:"session"`
	Hello     *Hello          `json:"hello,omitempty"`
	Beat      bool            `json:"beat,omitempty"`
	Confirmed []string        `json:"confirmed,omitempty"` // orders, by ID
	Started   []StartedReport `json:"started,omitempty"`
	Output    []OutputChunk   `json:"output,omitempty"`
	Ended     []EndedReport   `json:"ended,omitempty"`
	Scripts   []ScriptWant    `json:"scripts,omitempty"` // scripts that orders name by hash and that are not here yet
	Claims    int64           `json:"claims,omitempty"`  // attempts that the keeper has ever claimed; told with confirmations
	Problem   string          `json:"problem,omitempty"` // why the keeper takes no new work; in every frame while it lasts
	Bye       string          `json:"bye,omitempty"`     // the session ends, and why in words; jobs go on
	// Ping numbers this frame within its session. When Pong gives the number back,
	// the host had contact to the active manager at the time at which it was sent.
	Ping int64 `json:"ping,omitempty"`
	// QuietMS is within how many milliseconds the next frame comes; zero: two
	// seconds.
	QuietMS  int64     `json:"quiet_ms,omitempty"`
	Recalled *Recalled `json:"recalled,omitempty"`
}

// Recall asks for what a keeper knows of attempts that it claimed, or that ended,
// at Since (by the manager's clock) or later; repeated until it is answered.
type Recall struct {
	ID    string    `json:"id"` // of the question
	Since time.Time `json:"since"`
}

// Recalled is the answer, in as many frames as it takes.
type Recalled struct {
	ID       string            `json:"id"`
	Piece    int               `json:"piece,omitempty"` // counted from 0, so that a lost one is missed
	Attempts []RecalledAttempt `json:"attempts,omitempty"`
	More     bool              `json:"more,omitempty"` // others follow
	// Whole says that the keeper has forgotten nothing of that time.
	Whole bool `json:"whole,omitempty"`
}

// RecalledAttempt is what a keeper knows of an attempt.
type RecalledAttempt struct {
	Attempt   banto.AttemptID `json:"attempt"`
	Part      banto.PartKey   `json:"part,omitempty"`
	State     string          `json:"state"` // "running", "ended" (its result follows), "told" (a manager had its result)
	StartedAt *time.Time      `json:"started_at,omitempty"`
	At        *time.Time      `json:"at,omitempty"` // of the end
	Exit      *int            `json:"exit,omitempty"`
	Reason    banto.Reason    `json:"reason,omitempty"`
}

// Hello opens a session of an agent: at each connect, and when asked.
type Hello struct {
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	OS         string            `json:"os"`
	Arch       string            `json:"arch"`
	BootID     string            `json:"boot_id"`
	Generation string            `json:"generation"` // of the keeper's claims
	Slots      int               `json:"slots"`
	Running    []banto.AttemptID `json:"running,omitempty"`
	Ended      []banto.AttemptID `json:"ended,omitempty"`    // their results follow; at most MaxHelloEnded
	Claims     int64             `json:"claims,omitempty"`   // attempts that the keeper has ever claimed
	At         time.Time         `json:"at,omitzero"`        // the host's clock
	Endpoint   string            `json:"endpoint,omitempty"` // the address of the manager that it uses
	Shells     []string          `json:"shells,omitempty"`   // that it found on the host
	After      string            `json:"after,omitempty"`    // the last session of this process that a manager answered
	DeadMan    bool              `json:"dead_man,omitempty"` // the keeper ends attempts by their dead-man's limit
}

// ScriptWant asks for a script that an order names, from an offset.
type ScriptWant struct {
	Hash   string `json:"hash"`
	Offset int64  `json:"offset"`
}

// ScriptPiece is a piece of a script.
type ScriptPiece struct {
	Hash    string `json:"hash"`
	Offset  int64  `json:"offset"`
	Size    int64  `json:"size"` // of the whole
	Data    []byte `json:"data,omitempty"`
	Missing bool   `json:"missing,omitempty"` // the manager does not have it
}

// MaxHelloEnded is how many results a Hello announces.
const MaxHelloEnded = 5000

// StartedReport says that an attempt's process runs. Repeated only in Hello's
// list of what runs; its loss does no harm.
type StartedReport struct {
	Attempt banto.AttemptID `json:"attempt"`
	At      time.Time       `json:"at"`
}

// EndedReport is a result; repeated until it is in Down.Acks.
type EndedReport struct {
	Attempt    banto.AttemptID `json:"attempt"`
	StartedAt  *time.Time      `json:"started_at,omitempty"`
	At         time.Time       `json:"at"`
	Exit       *int            `json:"exit,omitempty"`
	Reason     banto.Reason    `json:"reason,omitempty"`
	Message    string          `json:"message,omitempty"`
	Vars       string          `json:"vars,omitempty"`
	OutputHead string          `json:"output_head,omitempty"`
	OutputSize int64           `json:"output_size"`
	OutputLost int64           `json:"output_lost,omitempty"`
}

// OutputChunk is a piece of output; repeated until it is acknowledged.
type OutputChunk struct {
	Attempt banto.AttemptID `json:"attempt"`
	Offset  int64           `json:"offset"`
	Data    []byte          `json:"data"`
}

// Subjects of a host. Its credentials allow it to subscribe to DownSubject and
// publish to UpSubject of its own ID, and nothing else.

// DownSubject carries Down frames to a host.
func DownSubject(id banto.HostID) string { return "banto.down." + string(id) }

// UpSubject carries Up frames from a host.
func UpSubject(id banto.HostID) string { return "banto.up." + string(id) }

// UpWildcard is what the manager subscribes to.
const UpWildcard = "banto.up.*"
