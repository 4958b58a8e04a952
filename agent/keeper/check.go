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

// handoverForm is the version of what one keeper leaves to the next.
const handoverForm = 1
