package runner

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
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
	var lines []string
	for _, w := range t.WaitsFor() {
		line := w.String()
		if more := m.hostTrouble(w, local); more != "" {
			line += more
		} else if why := m.board.Waiting(id, w.Part); why != "" {
			line += "; " + why
		}
		lines = append(lines, line)
	}
	return lines
}

// hostTrouble says what is wrong with the host whose turn it is.
func (m *memory) hostTrouble(w engine.Wait, local banto.HostID) string {
	if !w.OnHost {
		return ""
	}
	id, known := m.names[w.Host]
	if w.Host == "" {
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
