package runner

import (
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// waitsFor joins what the engine says of a tracker with what is known of the
// hosts and of their places.
func (m *memory) waitsFor(id banto.TrackerID, local banto.HostID) []string {
	t := m.trackers[id]
	if err := m.unusable[id]; err != nil {
		return []string{"its records: " + err.Error()}
	}
	if t == nil {
		return nil
	}
	lines := t.WaitsFor()
	for i, line := range lines {
		part, text, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		if more := m.hostTrouble(text, local); more != "" {
			lines[i] = line + more
		} else if why := m.board.Waiting(id, banto.PartKey(part)); why != "" {
			lines[i] = line + "; " + why
		}
	}
	return lines
}

// hostTrouble says what is wrong with the host that a line speaks of.
func (m *memory) hostTrouble(text string, local banto.HostID) string {
	name := ""
	for _, p := range []string{"wants a place on ", "starting on ", "being killed on "} {
		if rest, ok := strings.CutPrefix(text, p); ok {
			name = rest
		}
	}
	if rest, ok := strings.CutPrefix(text, "lost: "); ok {
		name, _, _ = strings.Cut(rest, " ")
	}
	id, known := m.names[name]
	if name == "the host beside the manager" {
		id, known = local, true
	}
	h, there := m.hosts[id]
	if !known || !there {
		return ""
	}
	switch h.State {
	case banto.HostNever:
		return ", which has never connected"
	case banto.HostLost:
		why := ""
		if h.Why != "" {
			why = ": " + h.Why
		}
		return fmt.Sprintf(", which is not connected (lost since %s%s)", h.Since.Format(time.RFC3339), why)
	}
	return ""
}
