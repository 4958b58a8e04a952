package dispatch

import "github.com/bantoops/banto"

// Want is a ready part that wants a place. Host is a name; empty means the
// host beside the manager.
type Want struct {
	Tracker banto.TrackerID
	Part    banto.PartKey
	Host    string
}

// Host is a host as dispatch needs to know it.
type Host struct {
	ID    banto.HostID
	Name  string
	Slots int  // attempts that may be on it at once
	Up    bool // connected; a host that is down gets no new work
	Local bool // the host beside the manager
}

// Placement is a decision: the part gets a place on the host, or never can
// (Reason is set).
type Placement struct {
	Want    Want
	HostID  banto.HostID
	Host    string
	Reason  banto.Reason
	Message string
}
