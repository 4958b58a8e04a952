package keeper

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
)

// able is what `banto keeper --check` says: what a keeper of this binary
// understands. A running keeper asks before it becomes another binary.
type able struct {
	Version  string `json:"version"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Journal  int    `json:"journal"`  // format of the records that it reads and writes
	Handover int    `json:"handover"` // form of what a keeper leaves to the one that replaces it
}

// Check says in one line of JSON that this binary can be a keeper, and what it
// understands.
func Check(w io.Writer, opt Options) error {
	says := able{Version: opt.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Journal: journalFormat, Handover: handoverForm}
	if err := json.NewEncoder(w).Encode(says); err != nil {
		return fmt.Errorf("cannot say what this keeper understands: %w", err)
	}
	return nil
}

// follow says why that binary cannot go on with what this one leaves.
func (a able) follow() error {
	switch {
	case a.Journal < plainFormat:
		return fmt.Errorf("version %s is older and does not understand the records of this one", a.Version)
	case a.Handover < handoverForm:
		return fmt.Errorf("version %s is older and does not understand what this one would leave to it", a.Version)
	}
	return nil
}

// readable sees to it that the other binary can read the journal as it is now.
// One that keeps no dead-man's limits must not take over who has one.
func (k *keeper) readable(can able) error {
	if k.claims.format <= can.Journal {
		return nil
	}
	if k.claims.limited() {
		return fmt.Errorf("version %s is older and keeps no dead-man's limits, and an attempt that has one is not through", can.Version)
	}
	return k.journal.compact(k.claims)
}

// handoverForm is the version of what one keeper leaves to the next.
const handoverForm = 1
