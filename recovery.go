package banto

import "time"

// Recovery is what a manager knows that was started on a restored store, or at
// a second site. Until it is confirmed nothing is started, and nothing is sent.
type Recovery struct {
	Held      bool           `json:"held" doc:"Nothing starts until it is confirmed"`
	Mode      string         `json:"mode,omitempty" doc:"restore, or the start of a second site: cold, warm, held"`
	Since     time.Time      `json:"since,omitzero" doc:"The time of the backup: what was done after it is not in the store"`
	StartedAt time.Time      `json:"started_at,omitzero"`
	Confirmed *time.Time     `json:"confirmed_at,omitempty"`
	By        string         `json:"confirmed_by,omitempty"`
	Hosts     []RecoveryHost `json:"hosts,omitempty"`
	Items     []RecoveryItem `json:"items,omitempty" doc:"What ended meanwhile, what runs, and what is not known, by host and tracker"`
	Cut       bool           `json:"cut,omitempty" doc:"There are more items than are shown"`
	Apart     bool           `json:"apart,omitempty" doc:"Keepers may know attempts that none has told of: the next ones of earlier trackers are numbered 1,000 higher"`
	// Counts has the number of items by Found.
	Counts map[RecoveryFound]int `json:"counts,omitempty"`
}

// RecoveryHost says whether a host has told what its keeper knows.
type RecoveryHost struct {
	Name     string `json:"name"`
	ID       HostID `json:"id"`
	Answered bool   `json:"answered"`
	Whole    bool   `json:"whole,omitempty" doc:"Its keeper has forgotten nothing of that time"`
	Why      string `json:"why,omitempty" doc:"Why it has not answered, or what is wrong with its answer"`
}

// RecoveryFound is what was found of an attempt.
type RecoveryFound string

// What was found.
const (
	FoundRunning    RecoveryFound = "running"     // it runs, and the store knows it: it goes on
	FoundEnded      RecoveryFound = "ended"       // it has ended, and its result is taken
	FoundTold       RecoveryFound = "told"        // it has ended, and its result was told to a manager before: only the exit code is known
	FoundNotStarted RecoveryFound = "not-started" // its host never claimed it: it is started after the confirmation
	FoundAfter      RecoveryFound = "after"       // it was started after the backup: its tracker is known, the attempt is not
	FoundStranger   RecoveryFound = "stranger"    // its tracker is not known: it was submitted after the backup
	FoundUnknown    RecoveryFound = "unknown"     // its host has not answered, or has forgotten
)

// RecoveryItem is one attempt that the store or a keeper knows.
type RecoveryItem struct {
	Tracker TrackerID     `json:"tracker"`
	Jobnet  string        `json:"jobnet,omitempty"`
	Attempt AttemptID     `json:"attempt"`
	Part    PartKey       `json:"part,omitempty"`
	Host    string        `json:"host"`
	State   AttemptState  `json:"state,omitempty" doc:"Its last state in the store; empty: it has ended there, or is not known"`
	Found   RecoveryFound `json:"found"`
	Running bool          `json:"running,omitempty"`
	Exit    *int          `json:"exit,omitempty"`
	At      *time.Time    `json:"at,omitempty" doc:"When it ended; when it started, or else was to, if it runs or nobody knows"`
	Then    string        `json:"then" doc:"What the confirmation does about it, in words"`
}

// RecoveryConfirm lifts the hold.
type RecoveryConfirm struct {
	// Kill ends attempts that run and that the store does not know.
	Kill   bool   `json:"kill,omitempty"`
	Reason string `json:"reason,omitempty" maxLength:"1000"`
	// Unanswered goes on although hosts have not answered.
	Unanswered bool `json:"unanswered,omitempty"`
	DryRun     bool `json:"dry_run,omitempty"`
}

// ManagerState is one manager of those that share a store.
type ManagerState struct {
	Name      string    `json:"name"`
	URL       string    `json:"url,omitempty"`
	Active    bool      `json:"active"`
	Version   string    `json:"version,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	SeenAt    time.Time `json:"seen_at"`
	Silent    int64     `json:"silent_ms,omitempty" doc:"Milliseconds since it was last heard, if that is too long"`
	Unreached string    `json:"unreached,omitempty" doc:"Why the active manager, or the one that is asked when there is none, cannot reach it at its URL"`
	Endpoints []string  `json:"endpoints,omitempty"`
}

// HandOver asks the active manager to let another one take over at once.
type HandOver struct {
	To     string `json:"to,omitempty" doc:"Name of the manager that should; empty: any" maxLength:"253"`
	Reason string `json:"reason,omitempty" maxLength:"1000"`
}
