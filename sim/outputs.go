package sim

import (
	"bytes"
	"maps"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// outputs is what the managers have of what jobs print. Each byte is compared
// with what the job printed at that place.
type outputs struct {
	w     *world
	sizes map[banto.AttemptID]int64
	full  bool // nothing can be written
}

func newOutputs(w *world) *outputs { return &outputs{w: w, sizes: map[banto.AttemptID]int64{}} }

// Write implements store.Outputs.
func (o *outputs) Write(id banto.AttemptID, offset int64, data []byte) (int64, error) {
	have := o.sizes[id]
	if offset > have {
		return have, &store.GapError{Attempt: id, Offset: offset, Size: have}
	}
	end := offset + int64(len(data))
	if !bytes.Equal(data, printed(id, offset, end)) || end > o.w.truth.of(id).printed {
		o.w.broken(3, "output of %s from %d to %d is not what it printed", id, offset, end)
	}
	if !o.w.calm && (o.full || o.w.chance(200)) {
		return have, errDisk
	}
	o.sizes[id] = max(have, end)
	return o.sizes[id], nil
}

// Read implements store.Outputs.
func (o *outputs) Read(id banto.AttemptID, offset int64, limit int) ([]byte, int64, error) {
	size := o.sizes[id]
	return printed(id, min(offset, size), min(size, offset+int64(limit))), size, nil
}

// Size implements store.Outputs.
func (o *outputs) Size(id banto.AttemptID) (int64, error) { return o.sizes[id], nil }

// Remove implements store.Outputs.
func (o *outputs) Remove(t banto.TrackerID) error {
	maps.DeleteFunc(o.sizes, func(id banto.AttemptID, _ int64) bool {
		of, _, err := id.Split()
		return err == nil && of == t
	})
	return nil
}

// Close implements store.Outputs.
func (*outputs) Close() error { return nil }
