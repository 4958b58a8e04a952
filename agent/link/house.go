package link

import (
	"maps"
	"slices"

	"github.com/bantoops/banto/fabric"
)

// House is whom the host obeys: the managers of one store. It outlives the
// agent, so that one that starts anew does not go back to managers that others
// have followed.
type House struct {
	Incarnation string   `json:"incarnation"`
	Epoch       int64    `json:"epoch"`          // the highest that was seen of it
	Left        []string `json:"left,omitempty"` // incarnations that another has followed
}

// maxLeft is how many incarnations that are over are remembered.
const maxLeft = 64

// Remember takes up whom an agent before this one obeyed.
func (m *Machine) Remember(h House) {
	m.incarnation, m.epoch = h.Incarnation, h.Epoch
	for _, name := range h.Left {
		m.left[name] = true
	}
}

// House tells whom the host obeys, if that has changed since it was asked last.
func (m *Machine) House() (h House, changed bool) {
	if !m.moved {
		return h, false
	}
	m.moved = false
	return House{Incarnation: m.incarnation, Epoch: m.epoch, Left: slices.Sorted(maps.Keys(m.left))}, true
}

// obeys says whether the frame is of the manager that is to be obeyed: the
// highest epoch of the last incarnation.
func (m *Machine) obeys(d *fabric.Down) bool {
	if d.Incarnation != m.incarnation {
		if m.left[d.Incarnation] {
			return false
		}
		if m.incarnation != "" {
			if len(m.left) >= maxLeft {
				clear(m.left)
			}
			m.left[m.incarnation] = true
			m.runs.unstore() // a restored manager may have less of the output
		}
		m.incarnation, m.epoch, m.moved = d.Incarnation, d.Epoch, true
	}
	if d.Epoch < m.epoch {
		return false
	}
	m.moved = m.moved || d.Epoch > m.epoch
	m.epoch = d.Epoch
	return true
}
