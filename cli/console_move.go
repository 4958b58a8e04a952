package cli

import (
	"strings"

	"github.com/bantoops/banto"
)

// dialog is a move that is being asked for: what exactly, what it would
// change, why, and whether it is meant.
type dialog struct {
	c       *console
	title   string
	choices []choice
	req     banto.MoveRequest
	plan    []banto.MoveChange
	warning string // why it has to be asked for, beside the usual
	stage   stage
	text    []rune
	ahead   []key // what was typed while the manager was asked
}

// choice is one way to go on.
type choice struct {
	key   key
	label string
	pick  func()
}

// stage is what a dialog waits for.
type stage int

const (
	stageChoice stage = iota
	stagePlan         // the manager says what would change
	stageReason
	stageSure
	stageName // of the tracker, where the manager is guarded
	stageMove // the manager makes it
)

// begin asks the manager what a move would change, and then the person.
func (c *console) begin(title string, req banto.MoveRequest) {
	d := &dialog{c: c, title: title, req: req, stage: stagePlan}
	c.dialog = d
	id := c.v.tracker.ID
	dry := req
	dry.DryRun = true
	c.apart(func() {
		result, err := c.m.Move(c.ctx, id, dry)
		warning := ""
		if err != nil && req.Move == banto.MoveRerun && banto.KindOf(err) == banto.KindConflict {
			// It may only want to be asked for.
			dry.Yes = true
			if again, second := c.m.Move(c.ctx, id, dry); second == nil {
				warning, result, err = err.Error(), again, nil
			}
		}
		c.post(func() {
			switch {
			case c.dialog != d: // left meanwhile
			case err != nil:
				c.dialog = nil
				c.complain(err, "")
			default:
				d.req.Yes = dry.Yes
				d.plan, d.warning, d.stage = result.Changes, plain(warning), stageReason
				for _, k := range d.ahead {
					if c.dialog == d { // what was meant for it goes nowhere else
						d.press(k)
					}
				}
			}
		})
	})
}

// press takes a key.
func (d *dialog) press(k key) {
	if k == keyEscape && d.stage != stageMove {
		d.c.dialog = nil
		return
	}
	switch d.stage {
	case stagePlan:
		d.ahead = append(d.ahead, k)
	case stageChoice:
		for _, choice := range d.choices {
			if choice.key == k {
				choice.pick()
			}
		}
	case stageReason, stageName:
		if k != keyEnter {
			d.text, _ = edit(d.text, k)
			return
		}
		d.typed(strings.TrimSpace(string(d.text)))
	case stageSure:
		if k == 'y' || k == 'Y' {
			d.sure()
			return
		}
		d.c.dialog = nil
		d.c.tell(d.c.e.say("nothing was done"))
	}
}

// typed takes a text that was typed to its end.
func (d *dialog) typed(text string) {
	d.text = nil
	switch {
	case d.stage == stageReason && d.req.Move == banto.MoveComment:
		if text == "" {
			d.c.dialog = nil
			return
		}
		d.req.Reason = text
		d.move()
	case d.stage == stageReason:
		d.req.Reason, d.stage = text, stageSure
	case text == string(d.c.v.tracker.ID):
		d.move()
	default:
		d.c.dialog = nil
		d.c.complain(banto.Fail(banto.KindInvalid, d.c.e.say("nothing was done"), d.c.e.say("that is not the tracker's ID"), ""), "")
	}
}

// sure goes on once somebody has said yes.
func (d *dialog) sure() {
	if d.c.info.Guarded && undone(d.req) {
		d.stage = stageName
		return
	}
	d.move()
}

// undone says whether a move cannot be undone.
func undone(req banto.MoveRequest) bool {
	switch req.Move {
	case banto.MoveSkip, banto.MoveForceEnd, banto.MoveKill, banto.MoveCancel:
		return true
	case banto.MoveRerun:
		return len(req.Parts) == 0
	}
	return false
}

// move has the manager make it.
func (d *dialog) move() {
	c := d.c
	d.stage = stageMove
	id := c.v.tracker.ID
	c.apart(func() {
		result, err := c.m.Move(c.ctx, id, d.req)
		c.post(func() {
			c.dialog = nil
			if err != nil {
				c.complain(err, "")
				return
			}
			c.tell(c.e.moved(result))
			if !result.Tracker.State.Ended() {
				select { // whoever waits for a tracker that had ended
				case c.again <- struct{}{}:
				default:
				}
			}
		})
	})
}

// planMost is how many changed parts a dialog shows.
const planMost = 5

// lines draws the dialog.
func (d *dialog) lines(width int) []string {
	e := d.c.e
	p := e.pen()
	lines := []string{p.paint(styleBold, cut(d.title, width-1))}
	if d.warning != "" {
		for _, line := range wrap(d.warning, width-1) {
			lines = append(lines, p.paint(styleYellow, line))
		}
	}
	if len(d.plan) > 0 {
		var b strings.Builder
		t := table{columns: []column{{least: 10}, {}, {}, {}, {least: 10, drop: 1}}, indent: 2}
		for _, change := range d.plan[:min(len(d.plan), planMost)] {
			t.add(cell{text: plain(string(change.Part))}, cell{text: e.partState(change.From)}, cell{text: "→"}, cell{text: e.partState(change.To)}, cell{plain(change.Note), styleDim})
		}
		// Writing to a strings.Builder cannot fail.
		_ = t.write(&b, p, width-1)
		lines = append(lines, strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")...)
		if rest := len(d.plan) - planMost; rest > 0 {
			lines = append(lines, "  "+e.say("… and %d more", rest))
		}
	}
	typed := string(d.text) + "█"
	switch d.stage {
	case stageChoice:
		var all []string
		for _, choice := range d.choices {
			all = append(all, p.paint(styleBold, string(rune(choice.key)))+" "+choice.label)
		}
		return append(append(lines, all...), p.paint(styleDim, e.say("Esc leaves it")))
	case stagePlan:
		return append(lines, e.say("asking the manager…"))
	case stageMove:
		return append(lines, e.say("telling the manager…"))
	case stageReason:
		question := e.say("Reason (may be empty; Enter goes on, Esc leaves it):")
		if d.req.Move == banto.MoveComment {
			question = e.say("Enter keeps it, Esc leaves it:")
		}
		return append(lines, cut(question, width-1), tail("> "+typed, width-1))
	case stageName:
		where := first(plain(d.c.info.Environment), e.say("this manager"))
		return append(lines, p.paint(styleRed, cut(e.say("This cannot be undone in %s. Type %s to go on:", where, d.c.v.tracker.ID), width-1)), tail("> "+typed, width-1))
	}
	return append(lines, p.paint(styleBold, e.say("Do it? [y/N]")))
}
