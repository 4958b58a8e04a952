package banto

import "time"

// The requests and answers of the HTTP API that client and manager share.

// File is one definition file as it was read.
type File struct {
	Name string `json:"name" doc:"Name of the file, for errors" maxLength:"4096"`
	Text string `json:"text" doc:"YAML, one or more documents"`
}

// MaxApply limits the text of all files of one ApplyRequest together, in bytes.
const MaxApply = 64 << 20

// ApplyRequest makes definitions the ones in use.
type ApplyRequest struct {
	Files  []File `json:"files"`
	DryRun bool   `json:"dry_run,omitempty" doc:"Say what would change, and change nothing"`
	Prune  bool   `json:"prune,omitempty" doc:"Delete the jobnets of the applied folders that the files do not hold"`
}

// ApplyResult says what an apply did, or would do.
type ApplyResult struct {
	DryRun  bool          `json:"dry_run,omitempty"`
	Changes []ApplyChange `json:"changes"`
}

// ApplyChange is one definition of an apply.
type ApplyChange struct {
	Kind    string `json:"kind"` // jobnet, folder, group or account
	Path    string `json:"path"`
	Action  string `json:"action"` // created, changed, unchanged or deleted
	Version int    `json:"version,omitempty"`
	Parts   int    `json:"parts,omitempty"`
}

// SubmitRequest asks for a run of a jobnet now.
type SubmitRequest struct {
	Jobnet string            `json:"jobnet"`
	Params map[string]string `json:"params,omitempty"`
	Date   Date              `json:"date,omitzero" doc:"Base day; today in the jobnet's time zone if empty"`
	Reason string            `json:"reason,omitempty" maxLength:"1000"`
	Hold   bool              `json:"hold,omitempty" doc:"Start nothing of it until it is released"`
}

// CancelRequest asks to kill what runs in a tracker and start nothing more.
type CancelRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
}

// RerunRequest asks to run parts of a tracker again.
type RerunRequest struct {
	From   []PartKey `json:"from,omitempty" doc:"Parts to run again with all behind them; empty: the failed ones"`
	Latest bool      `json:"latest,omitempty" doc:"Use the definition that is active now"`
	Reason string    `json:"reason,omitempty" maxLength:"1000"`
}

// PartView is a part of a tracker with its place in the definition; parts that
// still wait are among them.
type PartView struct {
	Part
	Index int      `json:"index" doc:"Place in the definition, from 0"`
	Title string   `json:"title,omitempty"`
	Kind  string   `json:"kind"`
	After []string `json:"after,omitempty" doc:"Edges as written: archive, judge.big"`
}

// TrackerEvent is one message of a tracker's event stream: the tracker and
// the parts that changed since the message before. Rows may be skipped over:
// only their newest state is sent.
type TrackerEvent struct {
	Tracker Tracker `json:"tracker"`
	Parts   []Part  `json:"parts,omitempty"`
}

// Output is a piece of an attempt's output.
type Output struct {
	Attempt  AttemptID `json:"attempt"`
	Offset   int64     `json:"offset"`
	Data     []byte    `json:"data" doc:"As it was printed; with text=true as UTF-8"`
	Next     int64     `json:"next" doc:"The offset behind this piece, where to go on reading"`
	Size     int64     `json:"size" doc:"Bytes that the manager has so far"`
	Ended    bool      `json:"ended" doc:"The attempt has ended and all of its output is here"`
	Encoding string    `json:"encoding,omitempty" doc:"In which it was printed; empty: UTF-8"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; empty on the last"`
}

// VersionInfo tells what answers.
type VersionInfo struct {
	Version   string    `json:"version"`
	API       string    `json:"api"`
	StartedAt time.Time `json:"started_at"`
}

// DiffResult is the difference between two versions of a jobnet.
type DiffResult struct {
	Path  string       `json:"path"`
	From  int          `json:"from"`
	To    int          `json:"to" doc:"0: the text that was sent"`
	Lines []DiffChange `json:"changes"`
}

// DiffChange is one difference, by its place in the definition.
type DiffChange struct {
	Path string `json:"path"` // parts.archive.job
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
	Op   string `json:"op"` // added, removed or changed
}

// DiffRequest says what of a jobnet to compare. With a file, its text is
// compared to From; without, To is compared to From.
type DiffRequest struct {
	From int   `json:"from,omitempty" doc:"A version; 0: the one in use if a file is sent, else the one before To" minimum:"0"`
	To   int   `json:"to,omitempty" doc:"A version; 0: the one in use" minimum:"0"`
	File *File `json:"file,omitempty" doc:"A text to compare with, in place of To"`
}

// JobnetVersion is one version of a jobnet as lists show it.
type JobnetVersion struct {
	JobnetInfo
	Active bool   `json:"active" doc:"The version in use"`
	File   string `json:"file,omitempty" doc:"The file it was applied from"`
}

// Move is something that an operator does to a tracker or to parts of it.
type Move string

// The moves.
const (
	MoveHold     Move = "hold"      // start nothing of it
	MoveRelease  Move = "release"   // take a hold away
	MoveSkip     Move = "skip"      // count parts as done without running them
	MoveForceEnd Move = "force-end" // give parts the outcome that the operator says
	MoveKill     Move = "kill"      // end running attempts with all their processes
	MoveCancel   Move = "cancel"    // kill what runs and start nothing more
	MoveRerun    Move = "rerun"     // run again
	MoveComment  Move = "comment"   // leave a note
)

// MoveRequest asks for a move. Without parts it is the tracker itself: hold
// and release of all of it, kill of everything that runs, rerun of what failed.
type MoveRequest struct {
	Move    Move              `json:"move" enum:"hold,release,skip,force-end,kill,cancel,rerun,comment"`
	Parts   []PartKey         `json:"parts,omitempty" maxItems:"100000"`
	Outcome Outcome           `json:"outcome,omitempty" doc:"For force-end: ok, warning or error"`
	Outlet  string            `json:"outlet,omitempty" maxLength:"400" doc:"For force-end of branches as ok or warning: the way that they take"`
	Only    bool              `json:"only,omitempty" doc:"For rerun: only these parts, not what is behind them"`
	Params  map[string]string `json:"params,omitempty" doc:"For rerun: parameters to change"`
	Latest  bool              `json:"latest,omitempty" doc:"For rerun: use the definition that is active now"`
	Yes     bool              `json:"yes,omitempty" doc:"For rerun: also parts that want to be asked for (rerun: ask)"`
	Reason  string            `json:"reason,omitempty" maxLength:"1000"`
	DryRun  bool              `json:"dry_run,omitempty" doc:"Say what would change, and change nothing"`
}

// MoveResult says what a move did, or would do.
type MoveResult struct {
	Move    Move         `json:"move"`
	DryRun  bool         `json:"dry_run,omitempty"`
	Tracker Tracker      `json:"tracker"`
	Changes []MoveChange `json:"changes" doc:"The parts that it changes at once, in the order of the definition; what follows from them comes later"`
}

// MoveChange is one part that a move changes.
type MoveChange struct {
	Part PartKey   `json:"part"`
	From PartState `json:"from"`
	To   PartState `json:"to" doc:"The state at once; of a running part that is to be killed its state now"`
	Note string    `json:"note,omitempty" doc:"What else happens, such as a process that is killed"`
}

// EnrolRequest asks for a token with which a machine joins.
type EnrolRequest struct {
	Name    string            `json:"name,omitempty" doc:"Name the host gets; empty: what its system says" maxLength:"253"`
	Labels  map[string]string `json:"labels,omitempty"`
	Expires int64             `json:"expires,omitempty" doc:"Seconds until the token ends; 0: an hour" minimum:"0" maximum:"2592000"`
	Again   string            `json:"again,omitempty" doc:"A host that is known and is to be taken in again, with a new key"`
	URL     string            `json:"url,omitempty" doc:"Address of the manager as that machine sees it; empty: the one of this request"`
}

// JoinRequest is what a machine says that joins. The token is its credential.
type JoinRequest struct {
	Secret    string `json:"secret" maxLength:"200"`
	Name      string `json:"name" doc:"What its system is called" maxLength:"253"`
	PublicKey string `json:"public_key" maxLength:"200"`
	Version   string `json:"version,omitempty" maxLength:"100"`
	OS        string `json:"os,omitempty" maxLength:"40"`
	Arch      string `json:"arch,omitempty" maxLength:"40"`
}

// JoinResult is what a machine that has joined keeps.
type JoinResult struct {
	Host      HostID   `json:"host"`
	Name      string   `json:"name"`
	JWT       string   `json:"jwt" doc:"Its credential for the fabric"`
	CA        string   `json:"ca,omitempty" doc:"The manager's own CA as PEM; empty: the manager has a given certificate, or is on loopback"`
	Endpoints []string `json:"endpoints" doc:"Where the fabric answers, the best first: tls://manager:8601, wss://manager:8600/fabric"`
}

// HostChange changes how a host is kept. Nil and empty fields stay as they are.
type HostChange struct {
	Admission Admission          `json:"admission,omitempty" enum:"open,draining,held"`
	Labels    map[string]*string `json:"labels,omitempty" doc:"Labels to set; null takes one away"`
	Reason    string             `json:"reason,omitempty" maxLength:"1000"`
}

// ManagerInfo is what a person should know of the manager they talk to.
type ManagerInfo struct {
	VersionInfo
	Environment string `json:"environment,omitempty" doc:"Such as production; shown wherever a person acts"`
	Colour      string `json:"colour,omitempty" doc:"Of the environment: red, yellow, green, blue, magenta, cyan"`
	Guarded     bool   `json:"guarded,omitempty" doc:"Moves that cannot be undone ask for the tracker's name"`
}

// Finding is one line of a doctor's report.
type Finding struct {
	Check  string `json:"check" doc:"Such as name, port, proxy, tls, token, key, clock, identity, version"`
	OK     bool   `json:"ok"`
	Object string `json:"object,omitempty" doc:"Such as the host"`
	Found  string `json:"found" doc:"What was seen"`
	Advice string `json:"advice,omitempty" doc:"What to do"`
}
