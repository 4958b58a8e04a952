package banto

import "time"

// Spec is what a host is to run for one attempt. It is complete: the keeper
// needs nothing else, and it changes no more once the attempt has been sent.
type Spec struct {
	Tracker TrackerID `json:"tracker"`
	Part    PartKey   `json:"part"`
	Attempt int       `json:"attempt" doc:"Number of the part's attempt, from 1"`

	// Exactly one of Script and Args is set. A script is handed to the shell.
	Script string   `json:"script,omitempty"`
	Args   []string `json:"args,omitempty"`
	Shell  string   `json:"shell,omitempty"` // sh, bash, pwsh, powershell or cmd; empty: the host's own kind
	// Delayed asks cmd to take variables as !name!, which it replaces after it
	// has read a line (cmd /v:on); only with a script for cmd.
	Delayed bool `json:"delayed,omitempty"`
	// ScriptHash stands for a script that is too long for an order: hex of its
	// SHA-256. The agent fetches it and fills Script in; the keeper never sees
	// a hash alone.
	ScriptHash string `json:"script_hash,omitempty"`

	// Dir is the directory to run in: empty for the tracker's work directory;
	// a relative path is taken from there.
	Dir string `json:"dir,omitempty"`
	// Env holds name=value in the order of the definition, parameters first.
	// The keeper adds PATH, HOME, LANG and BANTO_* and nothing else.
	Env []string `json:"env,omitempty"`
	// Account is the OS user; empty for the agent's own.
	Account string `json:"account,omitempty"`
	// TimeoutMS is how long it may run, in milliseconds; 0 for no limit.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
	// OutputLimit is how many bytes of output are kept; 0 for the keeper's default.
	OutputLimit int64 `json:"output_limit,omitempty"`
	// WantOutput asks for the head of the output with the result.
	WantOutput bool `json:"want_output,omitempty"`
	// Encoding is that of its output and its variables file, by its IANA name in
	// lower case or cp932; empty for UTF-8.
	Encoding string `json:"encoding,omitempty"`
	// Limits bound what it may use; nil for none.
	Limits *Limits `json:"limits,omitempty"`
	// DeadManMS ends it when its keeper has had no contact to the active manager
	// for so long, in milliseconds: TERM, and DeadManGrace later KILL. 0: never.
	DeadManMS int64 `json:"dead_man_ms,omitempty"`
	// Date is the base day, for BANTO_DATE.
	Date Date `json:"date"`
}

// Limits bound what one attempt may use, with all its processes where the host
// can (a control group, a job object), else each process by itself. A zero is
// no limit.
type Limits struct {
	Memory    int64 `json:"memory,omitempty" doc:"Bytes"`
	CPU       int   `json:"cpu,omitempty" doc:"Percent of one processor"`
	Processes int   `json:"processes,omitempty"`
	Files     int   `json:"files,omitempty" doc:"Open files of each process"`
	Nice      int   `json:"nice,omitempty" doc:"From 0 to 19: the higher, the more it gives way"`
}

// DeadManGrace is how long an attempt that its keeper ends for want of contact
// has between TERM and KILL.
const DeadManGrace = 5 * time.Second

// DeadBy tells when an attempt with this dead-man limit must have ended, if its
// keeper cannot have had contact after that time: the limit, the grace, and what
// a clock may be wrong and a busy machine late.
func DeadBy(contact time.Time, limit time.Duration) time.Time {
	return contact.Add(limit + DeadManGrace + limit/50 + 5*time.Second)
}

// Limits of what an attempt can hand back with its result.
const (
	MaxOutputHead = 4 << 10  // bytes of output that an expression can see
	MaxVarsFile   = 64 << 10 // bytes of the file $BANTO_VARS
)
