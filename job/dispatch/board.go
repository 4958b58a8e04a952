package dispatch

import "github.com/bantoops/banto"

// Want is a ready part that wants a place. Host is a host's or group's name, or
// labels as jobnet.LabelsText writes them; empty means the host beside the
// manager.
type Want struct {
	Tracker banto.TrackerID
	Part    banto.PartKey
	Host    string
	Chosen  banto.HostID // the host that the tracker chose for Host earlier; empty: choose one now
	PerPart bool         // choose anew, whatever the tracker chose, and do not keep the choice
	Account string       // by its name; empty: the agent's own
	Shell   string       // that the host must have; empty: its own kind
}

// Host is a host as dispatch needs to know it.
type Host struct {
	ID        banto.HostID
	Name      string
	Slots     int  // attempts that may be on it at once
	Up        bool // connected; a host that is down gets no new work
	Local     bool // the host beside the manager
	Labels    map[string]string
	Admission banto.Admission // empty: open
	OS        string          // empty: not known yet
	Shells    []string        // that were found on it; empty: not known
	Problem   string          // why it can take nothing new, in its own words, such as a full disk; empty: it can
}

// Group is a host group: the hosts of those names, and those that have all of
// the labels if there are any.
type Group struct {
	Name   string
	Hosts  []string
	Labels map[string]string
	Pick   string // a jobnet.Pick; empty: least-loaded
}

// AccountState says whether parts may start under an account.
type AccountState struct {
	Blocked    bool
	Why        string // in words, when blocked
	OneAtATime bool   // one attempt at a time, to try it
}

// Placement is a decision: the part gets a place on the host, runs on all of a
// group's hosts (All is set), or never can run (Reason is set).
type Placement struct {
	Want    Want
	HostID  banto.HostID
	Host    string
	Target  string          // the group or labels for which the host was chosen now, to be kept for the tracker; empty: nothing to keep
	All     []banto.HostRef // by name; the part runs on each of them
	Reason  banto.Reason
	Message string
}
