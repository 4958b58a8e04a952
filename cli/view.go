package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// view is a tracker and its parts as a person sees them now.
type view struct {
	tracker banto.Tracker
	parts   []banto.PartView
	index   map[banto.PartKey]int
}

func newView(t banto.Tracker, parts []banto.PartView) *view {
	v := &view{tracker: t, parts: parts, index: make(map[banto.PartKey]int, len(parts))}
	for i, p := range parts {
		v.index[p.Key] = i
	}
	return v
}

// take brings the view up to date and gives the parts whose state or attempt
// is another now. stale says that the definition is another: the parts have to
// be read again.
func (v *view) take(ev banto.TrackerEvent) (changed []int, stale bool) {
	if ev.Tracker.Revision >= v.tracker.Revision {
		stale = ev.Tracker.Flow != v.tracker.Flow
		v.tracker = ev.Tracker
	}
	for _, p := range ev.Parts {
		i, ok := v.index[p.Key]
		if !ok {
			stale = true
			continue
		}
		old := &v.parts[i].Part
		if p.Revision < old.Revision {
			continue
		}
		if p.State != old.State || p.AttemptID != old.AttemptID {
			changed = append(changed, i)
		}
		if p.Progress == "" && p.AttemptID == old.AttemptID {
			p.Progress = old.Progress // events come from the store, which has none
		}
		*old = p
	}
	return changed, stale
}

// since gives the parts that stand otherwise than in an older view of the same
// tracker, or moved in it already. Parts that have come to be meanwhile do,
// unless they wait.
func (v *view) since(before *view, moved []int) []int {
	already := make(map[banto.PartKey]bool, len(moved))
	for _, i := range moved {
		already[before.parts[i].Key] = true
	}
	var changed []int
	for i, p := range v.parts {
		n, known := before.index[p.Key]
		switch {
		case already[p.Key], !known && p.State != banto.PartWaiting:
			changed = append(changed, i)
		case known && (p.State != before.parts[n].State || p.AttemptID != before.parts[n].AttemptID):
			changed = append(changed, i)
		}
	}
	return changed
}

// deepestTree is how deep a tree is drawn where lines have no limit.
const deepestTree = 40

// writeTree draws all parts.
func (e *env) writeTree(b *strings.Builder, v *view, p pen, width int) {
	deepest := deepestTree
	if width > 0 {
		deepest = max(4, width/5)
	}
	t := e.partTable()
	for _, row := range drawTree(v.parts, deepest) {
		e.addRow(&t, row, v.parts)
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(b, p, width)
}

// addRow adds a part where it stands in the tree, with what leads to it.
func (e *env) addRow(t *table, row treeRow, parts []banto.PartView) {
	note := e.outlet(row.outlet)
	for _, edge := range row.others {
		name, outlet := cutEdge(edge)
		note += strings.TrimRight(" + "+plain(name)+" "+e.outlet(outlet), " ")
	}
	e.addPart(t, row.prefix, parts[row.part], strings.TrimSpace(note))
}

// partTable is the table that parts are drawn in; only what a part is and how
// it stands never goes.
func (e *env) partTable() table {
	longest := 0
	for _, s := range []banto.PartState{banto.PartWaiting, banto.PartRunning, banto.PartOK} {
		longest = max(longest, textWidth(e.partState(s)))
	}
	return table{columns: []column{
		{least: 20, early: true},
		{floor: longest},
		{least: 8, drop: 4},
		{right: true, floor: 5, drop: 3},
		{least: 16, drop: 5},
	}}
}

func (e *env) addPart(t *table, prefix string, part banto.PartView, note string) {
	sign, look := partLook(part.State)
	if part.Healed {
		look = styleYellow
	}
	name := prefix + sign + " " + plain(string(part.Key))
	if note != "" {
		name += "  " + note
	}
	t.add(cell{name, look}, cell{e.partState(part.State), look}, cell{text: plain(part.Host)},
		cell{text: e.lasted(part.StartedAt, part.EndedAt)}, cell{e.about(part), styleDim})
}

// about says in a line what there is to say of a part now.
func (e *env) about(part banto.PartView) string {
	var said []string
	if part.Attempt > 1 {
		said = append(said, e.say("attempt %d", part.Attempt))
	}
	switch {
	case part.State == banto.PartRetrying && part.RetryAt != nil:
		said = append(said, e.say("again at %s", e.clock(part.RetryAt)))
	case part.State == banto.PartRunning && part.Until != nil:
		said = append(said, e.say("until %s", e.clock(part.Until)))
	case part.State == banto.PartRunning:
		said = append(said, part.Progress)
	}
	if part.Child != "" {
		said = append(said, e.say("tracker %s", part.Child))
	}
	if part.Outlet != "" {
		said = append(said, "→ "+part.Outlet)
	}
	if part.State != banto.PartRunning {
		said = append(said, e.why(part.Part))
	}
	if part.Healed {
		said = append(said, e.say("healed"))
	}
	return plain(strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), " · "))
}

// why says in a sentence why a part ended as it did, or what it waits for.
func (e *env) why(part banto.Part) string {
	switch {
	case part.Message != "":
		return part.Message
	case part.Exit != nil && *part.Exit != 0:
		return e.say("exit code %d", *part.Exit)
	case part.State == banto.PartError || part.State == banto.PartCancelled:
		return e.reason(part.Reason)
	}
	return ""
}

// counts tells how many parts are in which state.
func (e *env) counts(t banto.Tracker, p pen) string {
	var said []string
	total := 0
	for _, s := range partStates() {
		n := t.Counts[s]
		if n == 0 {
			continue
		}
		total += n
		sign, look := partLook(s)
		said = append(said, p.paint(look, fmt.Sprintf("%s %d %s", sign, n, e.partState(s))))
	}
	if rest := t.Parts - total; rest > 0 && t.Counts[banto.PartWaiting] == 0 {
		sign, look := partLook(banto.PartWaiting)
		said = append(said, p.paint(look, fmt.Sprintf("%s %d %s", sign, rest, e.partState(banto.PartWaiting))))
	}
	return strings.Join(said, "  ")
}

func partStates() []banto.PartState {
	return []banto.PartState{banto.PartOK, banto.PartWarning, banto.PartError, banto.PartLost, banto.PartRetrying, banto.PartRunning,
		banto.PartStarting, banto.PartReady, banto.PartHeld, banto.PartWaiting, banto.PartSkipped, banto.PartCancelled,
		banto.PartNotTaken, banto.PartUnreached}
}
