package keeper

import (
	"cmp"
	"time"

	"github.com/bantoops/banto"
)

// record is one entry of the journal. Exactly one field is set. The claims
// are what their records make them: a step decides on records, and only
// applying a record changes a claim, now or when the journal is read again.
type record struct {
	Head    *headRecord    `json:"head,omitempty"`
	Claim   *claimRecord   `json:"claim,omitempty"`
	Started *startedRecord `json:"started,omitempty"`
	Kill    *Kill          `json:"kill,omitempty"`
	Ended   *Ended         `json:"ended,omitempty"` // without a claim before it: a tombstone
	Acked   *ackedRecord   `json:"acked,omitempty"`
	Clean   *cleanRecord   `json:"clean,omitempty"`
	Cleaned *cleanedRecord `json:"cleaned,omitempty"`
	Contact *contactRecord `json:"contact,omitempty"`
}

// headRecord opens a journal.
type headRecord struct {
	Format     int     `json:"format"`
	Name       string  `json:"name,omitempty"`  // of this file; every rewriting gives another
	Whole      int64   `json:"whole,omitempty"` // since when nothing was forgotten, in milliseconds since 1970; 0: not known
	Generation string  `json:"generation"`
	Claims     int64   `json:"claims,omitempty"` // ever claimed, but for those that follow
	Machine    machine `json:"machine,omitzero"`
}

// machine tells this machine and directory from one that the records were
// copied to. A part that could not be seen is empty, and proves nothing.
type machine struct {
	Hardware string `json:"hardware,omitempty"` // hash of the number that the maker, or the hypervisor, gave
	System   string `json:"system,omitempty"`   // hash of the number that the installed system has
	Dir      string `json:"dir,omitempty"`      // the directory's own number and that of its file system
}

// or fills in what could not be seen this time with what was seen before.
func (m machine) or(before machine) machine {
	return machine{cmp.Or(m.Hardware, before.Hardware), cmp.Or(m.System, before.System), cmp.Or(m.Dir, before.Dir)}
}

// differs says in words how the machine is another one than before.
func (m machine) differs(before machine) string {
	other := func(a, b string) bool { return a != "" && b != "" && a != b }
	switch {
	case other(m.Hardware, before.Hardware):
		return "this is another machine: its hardware has another number"
	case other(m.System, before.System):
		return "this is another machine: its system has another number"
	case other(m.Dir, before.Dir):
		return "this is another directory than the one in which they were written"
	}
	return ""
}

// claimRecord is on disk before anything of the attempt is done. It holds
// what a later keeper must know to take the attempt over.
type claimRecord struct {
	Attempt    banto.AttemptID `json:"attempt"`
	BootID     string          `json:"boot"`
	TimeoutMS  int64           `json:"timeout_ms,omitempty"`
	Limit      int64           `json:"limit,omitempty"`
	WantOutput bool            `json:"want_output,omitempty"`
	Encoding   string          `json:"encoding,omitempty"`
	Account    string          `json:"account,omitempty"`
	Part       banto.PartKey   `json:"part,omitempty"`
	DeadManMS  int64           `json:"dead_man_ms,omitempty"`
}

// startedRecord tells a process from all others: its ID, and that it was made
// between two moments of the clock of this boot.
type startedRecord struct {
	Attempt banto.AttemptID `json:"attempt"`
	PID     int             `json:"pid"`
	At      time.Time       `json:"at"`
	After   int64           `json:"after"`           // clock before it was made, in nanoseconds since the boot
	Before  int64           `json:"before"`          // clock when it had been made
	Pipe    uint64          `json:"pipe,omitempty"`  // inode of its output pipe; on Windows its own handle of the reading end
	Group   string          `json:"group,omitempty"` // path of its control group
	// DeadManMS stands here again: an attempt keeps its limit when its claim is damaged.
	DeadManMS int64 `json:"dead_man_ms,omitempty"`

	Born   int64  `json:"born,omitempty"`   // Windows: when it was made, as the system says
	Object string `json:"object,omitempty"` // Windows: the name of its job object
}

// ackedRecord says that results are committed by the manager.
type ackedRecord struct {
	Attempts []banto.AttemptID `json:"attempts"`
	At       time.Time         `json:"at"`

	// What is remembered of them, in a journal that was written anew. A row for
	// each: start and end in milliseconds since 1970 (0: not known), exit code
	// (-1: none), and the places of part and reason in their lists.
	Rows    [][5]int64      `json:"rows,omitempty"`
	Parts   []banto.PartKey `json:"parts,omitempty"`
	Reasons []banto.Reason  `json:"reasons,omitempty"`
}

// contactRecord says when the host was last known to have had contact to the
// active manager.
type contactRecord struct {
	Boot string `json:"boot"`
	At   int64  `json:"at"` // clock of that boot, in nanoseconds
}

// cleanRecord says that a tracker has ended.
type cleanRecord struct {
	Tracker banto.TrackerID `json:"tracker"`
	Keep    bool            `json:"keep,omitempty"`
	At      time.Time       `json:"at"`
}

// cleanedRecord says that what was kept of a tracker is gone, but for the
// work directory when it is kept.
type cleanedRecord struct {
	Tracker banto.TrackerID `json:"tracker"`
	Kept    *time.Time      `json:"kept,omitempty"` // since when the work directory is kept
}

// journalFormat is the latest version of the records, which a journal has while
// it holds dead-man's limits: who does not keep them must not take it over.
// Without any it has plainFormat, and differs only in what may be passed over.
const (
	journalFormat = 2
	plainFormat   = 1
)
