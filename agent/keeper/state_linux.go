package keeper

import "fmt"

// state says in which state the system holds a process.
func (s *startedRecord) state() string {
	if state, _, ok := stat(s.PID); ok {
		return fmt.Sprintf(" in state %c", state)
	}
	return ""
}
