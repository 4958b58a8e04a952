package keeper

import (
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
}

// headRecord opens a journal.
type headRecord struct {
	Format     int    `json:"format"`
	Generation string `json:"generation"`
}

// claimRecord is on disk before anything of the attempt is done. It holds
// what a later keeper must know to take the attempt over.
type claimRecord struct {
	Attempt    banto.AttemptID `json:"attempt"`
	BootID     string          `json:"boot"`
	TimeoutMS  int64           `json:"timeout_ms,omitempty"`
	Limit      int64           `json:"limit,omitempty"`
	WantOutput bool            `json:"want_output,omitempty"`
	Account    string          `json:"account,omitempty"`
}

// startedRecord tells a process from all others: its ID, and that it was made
// between two moments of the clock of this boot.
type startedRecord struct {
	Attempt banto.AttemptID `json:"attempt"`
	PID     int             `json:"pid"`
	At      time.Time       `json:"at"`
	After   int64           `json:"after"`          // clock before it was made, in nanoseconds since the boot
	Before  int64           `json:"before"`         // clock when it had been made
	Pipe    uint64          `json:"pipe,omitempty"` // inode of its output pipe
}

// ackedRecord says that results are committed by the manager.
type ackedRecord struct {
	Attempts []banto.AttemptID `json:"attempts"`
	At       time.Time         `json:"at"`
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

// journalFormat is the version of the records.
const journalFormat = 1
