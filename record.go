package banto

import "time"

// Tracker is one run of a jobnet as it stands now.
type Tracker struct {
	ID          TrackerID         `json:"id"`
	Jobnet      string            `json:"jobnet" doc:"Path of the jobnet"`
	Title       string            `json:"title,omitempty"`
	Version     int               `json:"version" doc:"Version of the jobnet's definition that this tracker runs"`
	Flow        string            `json:"flow" doc:"Hash of the whole definition that this tracker runs, folder defaults included"`
	State       TrackerState      `json:"state"`
	Message     string            `json:"message,omitempty" doc:"Why the tracker ended or stopped as it did"`
	Params      map[string]string `json:"params,omitempty"`
	Date        Date              `json:"date" doc:"Base day"`
	Rerun       int               `json:"rerun" doc:"Number of reruns so far"`
	Restarts    int               `json:"restarts,omitempty" doc:"How often it started again by itself because a host was lost (on-lost: rerun-jobnet)"`
	Attempts    int               `json:"attempts" doc:"Attempts made so far, of all parts and reruns"`
	Parts       int               `json:"parts" doc:"Number of parts in the definition"`
	Counts      map[PartState]int `json:"counts,omitempty" doc:"Number of parts in each state"`
	SubmittedBy string            `json:"submitted_by"`
	Reason      string            `json:"reason,omitempty" doc:"Why it was submitted, in the submitter's words"`
	SubmittedAt time.Time         `json:"submitted_at"`
	StartedAt   *time.Time        `json:"started_at,omitempty"`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
	Revision    int64             `json:"revision" doc:"Grows with every change; parts carry the revision of their last change"`
	WaitsFor    []string          `json:"waits_for,omitempty" doc:"What the tracker waits for, by name; made when it is read"`
	Cancelling  bool              `json:"cancelling,omitempty" doc:"A cancel was accepted and running parts are being killed"`
	Hosts       []HostID          `json:"hosts,omitempty" doc:"Hosts that attempts were sent to, in order of first use"`
	HeldOuter   bool              `json:"held_outer,omitempty" doc:"It is held because the tracker that runs it is"`
	Held        bool              `json:"held,omitempty" doc:"Nothing new starts in it until it is released"`
	Parent      TrackerID         `json:"parent,omitempty" doc:"The tracker that runs this one, as an attempt of a part"`
	ParentPart  PartKey           `json:"parent_part,omitempty"`
	Calling     AttemptID         `json:"calling,omitempty" doc:"The attempt of its parent that this tracker is"`
	Root        TrackerID         `json:"root,omitempty" doc:"The outermost tracker, of one that another runs"`
	Depth       int               `json:"depth,omitempty" doc:"How many trackers are above it"`
	Calls       string            `json:"-"` // names what is kept of the jobnets that it may run, as they were when the outermost tracker started
	Timezone    string            `json:"timezone,omitempty" doc:"Time zone of the manager that took it, for a jobnet that names none"`
	Places      map[string]HostID `json:"places,omitempty" doc:"The host that was chosen for each group or set of labels"`
}

// Part is one part of a tracker as it stands now.
type Part struct {
	Tracker   TrackerID         `json:"tracker"`
	Key       PartKey           `json:"key"`
	State     PartState         `json:"state"`
	Reason    Reason            `json:"reason,omitempty"`
	Message   string            `json:"message,omitempty"`
	Attempt   int               `json:"attempt" doc:"Number of the part's last attempt, from 1; 0 before the first"`
	Tries     int               `json:"tries" doc:"Attempts since the part last left waiting, for retry"`
	AttemptID AttemptID         `json:"attempt_id,omitempty" doc:"The last attempt"`
	Rerun     int               `json:"rerun" doc:"Rerun in which the part last left waiting"`
	Child     TrackerID         `json:"child,omitempty" doc:"The tracker that its last attempt is, of a part that runs another jobnet"`
	Outlet    string            `json:"outlet,omitempty" doc:"The way that a branch has taken"`
	Via       PartKey           `json:"via,omitempty" doc:"With join any: the part whose edge started this one"`
	Host      string            `json:"host,omitempty"`
	Exit      *int              `json:"exit,omitempty"`
	Progress  string            `json:"progress,omitempty" doc:"Last line of output of a running attempt; made when it is read"`
	Output    string            `json:"output,omitempty" doc:"Head of the output, kept when an expression of the jobnet uses it"`
	Vars      map[string]string `json:"vars,omitempty" doc:"What the part set, as canonical text"`
	Healed    bool              `json:"healed,omitempty" doc:"In error, but a part with heals ended well"`
	Forced    Outcome           `json:"forced,omitempty" doc:"The outcome that a person said; a part that still runs takes it when its attempt has ended"`
	StartedAt *time.Time        `json:"started_at,omitempty"`
	EndedAt   *time.Time        `json:"ended_at,omitempty"`
	RetryAt   *time.Time        `json:"retry_at,omitempty"`
	Until     *time.Time        `json:"until,omitempty" doc:"Of a wait for a time: when it is over"`
	Revision  int64             `json:"revision"`
}

// Attempt is one try of a part. Attempts are kept for ever with their tracker,
// through all reruns.
type Attempt struct {
	ID         AttemptID    `json:"id"`
	Tracker    TrackerID    `json:"tracker"`
	Seq        int          `json:"seq" doc:"Counts the attempts of the tracker from 1"`
	Part       PartKey      `json:"part"`
	Number     int          `json:"number" doc:"Counts the attempts of the part from 1"`
	Rerun      int          `json:"rerun"`
	State      AttemptState `json:"state"`
	Reason     Reason       `json:"reason,omitempty"`
	Message    string       `json:"message,omitempty"`
	Host       string       `json:"host"`
	HostID     HostID       `json:"host_id"`
	Exit       *int         `json:"exit,omitempty"`
	OutputSize int64        `json:"output_size" doc:"Bytes of output kept"`
	OutputLost int64        `json:"output_lost,omitempty" doc:"Bytes of output cut away at the limit"`
	Killing    bool         `json:"killing,omitempty" doc:"A kill was accepted and its end is not yet known"`
	Account    string       `json:"account,omitempty" doc:"The OS user that it was sent to run as; empty: the agent's own"`
	Encoding   string       `json:"encoding,omitempty" doc:"Of its output; empty: UTF-8"`
	DeadManMS  int64        `json:"dead_man_ms,omitempty" doc:"Its keeper ends it when it has had no contact to the active manager for so long, in milliseconds"`
	DeadBy     *time.Time   `json:"dead_by,omitempty" doc:"While it is lost: when its keeper must have ended it"`
	Child      TrackerID    `json:"child,omitempty" doc:"The tracker that it is, of a part that runs another jobnet"`
	CreatedAt  time.Time    `json:"created_at"`
	StartedAt  *time.Time   `json:"started_at,omitempty"`
	EndedAt    *time.Time   `json:"ended_at,omitempty"`
}

// Host is a machine that Banto knows.
type Host struct {
	ID          HostID            `json:"id"`
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	State       HostState         `json:"state"`
	Since       time.Time         `json:"since" doc:"Since when it is in this state"`
	Why         string            `json:"why,omitempty"`
	Slots       int               `json:"slots" doc:"Attempts that may be on the host at once"`
	Running     int               `json:"running" doc:"Attempts that are on the host now"`
	Version     string            `json:"version,omitempty" doc:"Version of the agent"`
	OS          string            `json:"os,omitempty"`
	Arch        string            `json:"arch,omitempty"`
	BootID      string            `json:"boot_id,omitempty"`
	Generation  string            `json:"generation,omitempty" doc:"Of the keeper's claims; another one means that they were lost or rolled back"`
	PublicKey   string            `json:"public_key,omitempty"`
	EnrolledAt  time.Time         `json:"enrolled_at"`
	ConnectedAt *time.Time        `json:"connected_at,omitempty"`

	Admission      Admission  `json:"admission" doc:"Whether it takes new work"`
	AdmissionBy    string     `json:"admission_by,omitempty"`
	AdmissionWhy   string     `json:"admission_why,omitempty"`
	AdmissionSince *time.Time `json:"admission_since,omitempty"`

	Endpoint string `json:"endpoint,omitempty" doc:"The address of the manager that the agent uses"`
	ClockMS  int64  `json:"clock_ms,omitempty" doc:"Milliseconds that its clock is ahead of the manager's; left out when it is right within a second"`
	Claims   int64  `json:"claims,omitempty" doc:"Attempts that its keeper has ever claimed; fewer than before mean that it was rolled back"`
	Problem  string `json:"problem,omitempty" doc:"What the manager last refused of an agent with this identity; made when it is read"`
}

// Admission says whether a host takes new work.
type Admission string

// The admissions. The empty one means open.
const (
	AdmissionOpen     Admission = "open"
	AdmissionDraining Admission = "draining" // no new tracker chooses it; those that have chosen it may go on
	AdmissionHeld     Admission = "held"     // nothing starts on it
)

// HostRef is a host by name and ID.
type HostRef struct {
	Name string `json:"name"`
	ID   HostID `json:"id"`
}

// GroupInfo is a host group as lists show it.
type GroupInfo struct {
	Name      string            `json:"name"`
	Title     string            `json:"title,omitempty"`
	Names     []string          `json:"names,omitempty" doc:"Hosts by name"`
	Labels    map[string]string `json:"labels,omitempty" doc:"Hosts by labels: all of these"`
	Pick      string            `json:"pick"`
	Hosts     []string          `json:"hosts" doc:"The hosts that are in it now, by name"`
	Version   int               `json:"version"`
	AppliedAt time.Time         `json:"applied_at"`
	AppliedBy string            `json:"applied_by"`
}

// AccountInfo is an account as lists show it.
type AccountInfo struct {
	Name      string        `json:"name"`
	Title     string        `json:"title,omitempty"`
	Users     []AccountUser `json:"users"`
	Version   int           `json:"version"`
	AppliedAt time.Time     `json:"applied_at"`
	AppliedBy string        `json:"applied_by"`
	Failures  int           `json:"failures,omitempty" doc:"Logons in a row that failed"`
	Blocked   *time.Time    `json:"blocked,omitempty" doc:"Since when nothing starts under it, after too many failed logons"`
	BlockedBy string        `json:"blocked_by,omitempty" doc:"The last failure, in words"`
}

// AccountUser says who an account is on some hosts. The first that holds the
// host counts.
type AccountUser struct {
	Hosts string `json:"hosts,omitempty" doc:"A host, a group, or labels as role=batch,area=east; empty: all"`
	User  string `json:"user" doc:"The OS user"`
}

// JoinToken lets one machine join as a host, once.
type JoinToken struct {
	Token     string            `json:"token" doc:"Shown once; only its hash is kept"`
	Command   string            `json:"command" doc:"What to type on that machine"`
	Name      string            `json:"name,omitempty" doc:"The name the host gets; empty: its own"`
	Labels    map[string]string `json:"labels,omitempty"`
	ExpiresAt time.Time         `json:"expires_at"`
}

// HostState says whether a host's agent is connected.
type HostState string

// The states of a host.
const (
	HostConnected HostState = "connected"
	HostLost      HostState = "lost"  // was connected, is not
	HostNever     HostState = "never" // enrolled, has not been seen yet
)

// JobnetInfo is a jobnet as lists show it.
type JobnetInfo struct {
	Path      string    `json:"path"`
	Title     string    `json:"title,omitempty"`
	Version   int       `json:"version"`
	Parts     int       `json:"parts"`
	AppliedAt time.Time `json:"applied_at"`
	AppliedBy string    `json:"applied_by"`
}

// JobnetDetail is one version of a jobnet with its text.
type JobnetDetail struct {
	JobnetInfo
	Source string `json:"source" doc:"The YAML document as it was applied"`
	File   string `json:"file,omitempty" doc:"The file it was applied from"`
}

// AuditEntry is a change that someone made, or tried to make and was refused.
type AuditEntry struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	Principal string    `json:"principal"`
	Action    string    `json:"action" doc:"Such as jobnet.apply or tracker.cancel"`
	Object    string    `json:"object"`
	Detail    string    `json:"detail,omitempty"`
	Outcome   string    `json:"outcome" doc:"done or refused"`
}

// Principal is who asks: every input of the manager carries one.
type Principal struct {
	Name  string `json:"name"`
	Admin bool   `json:"admin"`
}
