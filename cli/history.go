package cli

import (
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// historyLast is how much of a tracker's history is shown when not all was
// asked for.
const historyLast = 20

// movesOf gives what people did to a tracker since it was submitted, newest
// last, and how many older entries are left out.
func movesOf(history []banto.AuditEntry, all bool) (moves []banto.AuditEntry, left int) {
	for _, h := range history {
		if h.Action != "tracker.submit" {
			moves = append(moves, h)
		}
	}
	slices.Reverse(moves)
	if left = len(moves) - historyLast; left > 0 && !all {
		return moves[left:], left
	}
	return moves, 0
}

// writeHistory lists moves and comments, oldest first.
func (e *env) writeHistory(b *strings.Builder, d trackerDocument, p pen, width int) {
	if len(d.History) == 0 {
		return
	}
	b.WriteString("\n")
	if d.earlier > 0 {
		b.WriteString(e.say("… %d earlier: banto tracker show %s --history", d.earlier, d.Tracker.ID) + "\n")
	}
	t := table{columns: []column{
		{title: e.say("TIME")},
		{title: e.say("WHO"), least: 4, drop: 1},
		{title: e.say("MOVE")},
		{title: e.say("DETAIL"), least: 10},
	}}
	for _, h := range d.History {
		word, look := e.moveName(banto.Move(strings.TrimPrefix(h.Action, "tracker."))), styleNone
		if h.Outcome == "refused" {
			word, look = word+" "+e.say("refused"), styleRed
		}
		t.add(cell{text: e.clock(&h.At)}, cell{text: plain(h.Principal)}, cell{plain(word), look}, cell{text: plain(h.Detail)})
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(b, p, width)
}

// moveName gives the word for a move: the command that makes it.
func (e *env) moveName(m banto.Move) string {
	switch m {
	case banto.MoveHold:
		return e.say("hold")
	case banto.MoveRelease:
		return e.say("release")
	case banto.MoveSkip:
		return e.say("skip")
	case banto.MoveForceEnd:
		return e.say("force-end")
	case banto.MoveKill:
		return e.say("kill")
	case banto.MoveCancel:
		return e.say("cancel")
	case banto.MoveRerun:
		return e.say("rerun")
	case banto.MoveComment:
		return e.say("comment")
	}
	return string(m)
}
