package enginetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// Rows keeps the rows of one tracker as a store would: as text, so that
// nothing of the engine's memory lives on in them.
type Rows struct {
	tracker  []byte
	parts    map[banto.PartKey][]byte
	attempts map[banto.AttemptID][]byte
	flows    map[string]*jobnet.Flow
	revision int64
}

// NewRows makes an empty store that knows flows by their hashes.
func NewRows(flows map[string]*jobnet.Flow) *Rows {
	return &Rows{parts: map[banto.PartKey][]byte{}, attempts: map[banto.AttemptID][]byte{}, flows: flows}
}

// Save writes the rows among the effects, and checks what the engine promises
// of them: saves come first, each row once, the revision grows by one, and
// the parts carry it.
func (r *Rows) Save(effects []engine.Effect) error {
	if len(effects) == 0 {
		return nil
	}
	first, ok := effects[0].(engine.SaveTracker)
	if !ok {
		return fmt.Errorf("the first effect is %T, not the tracker's row", effects[0])
	}
	if first.Tracker.Revision != r.revision+1 {
		return fmt.Errorf("the revision went from %d to %d", r.revision, first.Tracker.Revision)
	}
	r.revision++
	seen := map[string]bool{}
	others := false
	for _, e := range effects {
		var name string
		switch e := e.(type) {
		case engine.SaveTracker:
			name = "tracker"
			r.tracker = encode(e.Tracker)
		case engine.SavePart:
			name = "part " + string(e.Part.Key)
			r.parts[e.Part.Key] = encode(e.Part)
			if e.Part.Revision != r.revision {
				return fmt.Errorf("%s carries revision %d at %d", name, e.Part.Revision, r.revision)
			}
		case engine.SaveAttempt:
			name = "attempt " + string(e.Attempt.ID)
			r.attempts[e.Attempt.ID] = encode(e.Attempt)
		default:
			others = true
			continue
		}
		if others {
			return fmt.Errorf("the row of %s comes behind other effects", name)
		}
		if seen[name] {
			return fmt.Errorf("the row of %s is saved twice", name)
		}
		seen[name] = true
	}
	return nil
}

// Restore makes a tracker from the rows.
func (r *Rows) Restore() (*engine.Tracker, error) {
	var rec engine.Records
	if err := json.Unmarshal(r.tracker, &rec.Tracker); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(r.parts)) {
		var p banto.Part
		if err := json.Unmarshal(r.parts[key], &p); err != nil {
			return nil, err
		}
		rec.Parts = append(rec.Parts, p)
	}
	for _, id := range slices.Sorted(maps.Keys(r.attempts)) {
		var a banto.Attempt
		if err := json.Unmarshal(r.attempts[id], &a); err != nil {
			return nil, err
		}
		if !a.State.Ended() {
			rec.Attempts = append(rec.Attempts, a)
		}
	}
	flow := r.flows[rec.Tracker.Flow]
	if flow == nil {
		return nil, fmt.Errorf("no flow %q", rec.Tracker.Flow)
	}
	return engine.Restore(flow, rec)
}

// Same says whether two lists of effects are alike in every respect, or what
// the difference is.
func Same(a, b []engine.Effect) error {
	la, lb := lines(a), lines(b)
	if slices.Equal(la, lb) {
		return nil
	}
	return fmt.Errorf("effects differ:\n  %s\nagainst\n  %s", strings.Join(la, "\n  "), strings.Join(lb, "\n  "))
}

func lines(effects []engine.Effect) []string {
	out := make([]string, len(effects))
	for i, e := range effects {
		out[i] = fmt.Sprintf("%T %s", e, encode(e))
	}
	return out
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // rows are plain data
	}
	return b
}
