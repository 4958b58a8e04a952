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
	Kind    string `json:"kind"` // jobnet or folder
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
	Attempt AttemptID `json:"attempt"`
	Offset  int64     `json:"offset"`
	Data    []byte    `json:"data"`
	Size    int64     `json:"size" doc:"Bytes that the manager has so far"`
	Ended   bool      `json:"ended" doc:"The attempt has ended and all of its output is here"`
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
