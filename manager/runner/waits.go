package runner

import (
	"fmt"
	"strings"
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
	places := t.Row().Places
	var lines []string
	for _, w := range t.WaitsFor() {
		line := w.String()
		why := m.board.Waiting(id, w.Part)
		if more := m.hostTrouble(w, places, local, why != ""); more != "" {
			line += more
		} else if why != "" {
			line += "; " + why
		}
		lines = append(lines, line)
	}
	return lines
}

// hostTrouble says what is wrong with the host whose turn it is: the one that
// is named, or the one that the tracker chose.
func (m *memory) hostTrouble(w engine.Wait, places map[string]banto.HostID, local banto.HostID, wants bool) string {
	if !w.OnHost {
		return ""
	}
	id, chosen := places[w.Host]
	if !chosen {
		id = m.names[w.Host]
	}
	if w.Host == "" {
		id = local
	}
	h, there := m.hosts[id]
	if !there {
		return ""
	}
	var trouble string
	switch {
	case h.State == banto.HostNever:
		trouble = "has never connected"
	case h.State == banto.HostLost:
		why := ""
		if h.Why != "" {
			why = ": " + h.Why
		}
		trouble = fmt.Sprintf("is not connected (lost since %s%s)", h.Since.Format(time.RFC3339), why)
	case wants && h.Admission == banto.AdmissionHeld:
		trouble = "is held" + admittedBy(h)
	case wants && m.problems[id] != "":
		trouble = "can take nothing new: " + m.problems[id]
	case wants && h.Admission == banto.AdmissionDraining && !chosen:
		trouble = "is draining and takes nothing new" + admittedBy(h)
	default:
		return ""
	}
	if chosen {
		return "; " + h.Name + ", which was chosen for it, " + trouble
	}
	if w.Host != "" && !strings.HasSuffix(w.Text, " "+w.Host) {
		return "; " + h.Name + " " + trouble
	}
	return ", which " + trouble
}

// admittedBy says who keeps work from a host, since when and why.
func admittedBy(h banto.Host) string {
	s := " (by " + h.AdmissionBy
	if h.AdmissionSince != nil {
		s += " since " + h.AdmissionSince.UTC().Format(time.RFC3339)
	}
	if h.AdmissionWhy != "" {
		s += ": " + h.AdmissionWhy
	}
	return s + ")"
}
