package cli

import (
	"unicode"

	"github.com/bantoops/banto"
)

// press does what a key says.
func (c *console) press(k key) {
	c.dirty = true
	if k == keyInterrupt {
		c.leave(exitInterrupted)
		return
	}
	if k == keyRedraw {
		c.canvas.forget()
		return
	}
	c.said = ""
	switch {
	case c.page != nil:
		c.page.press(k)
	case c.dialog != nil:
		c.dialog.press(k)
	case c.typing:
		c.typeFilter(k)
	case !c.walk(k):
		c.act(k)
	}
	if c.settled() { // it ended while something else was looked at
		c.done = true
	}
}

// walk moves the choice; false when the key is for something else.
func (c *console) walk(k key) bool {
	room := max(c.canvas.height-6, 1)
	switch k {
	case keyUp, 'k':
		c.at--
	case keyDown, 'j':
		c.at++
	case keyPageUp:
		c.at -= room
	case keyPageDown, ' ':
		c.at += room
	case keyHome, 'g':
		c.at = 0
	case keyEnd, 'G':
		c.at = len(c.rows) - 1
	default:
		return false
	}
	c.at = max(0, min(c.at, len(c.rows)-1))
	return true
}

// act does what a key of the tree says.
func (c *console) act(k key) {
	e := c.e
	switch k {
	case 'q':
		c.leave(exitInterrupted)
	case '?':
		c.page = &helpPage{c: c}
	case '/':
		c.typing = true
	case 'e':
		c.busy = !c.busy
		c.list(c.canvas.width)
	case keyEscape:
		c.filter, c.busy = "", false
		c.list(c.canvas.width)
	case 'o', keyEnter:
		c.openOutput()
	case 'H':
		c.begin(e.say("hold the tracker"), banto.MoveRequest{Move: banto.MoveHold})
	case 'L':
		c.begin(e.say("release the tracker"), banto.MoveRequest{Move: banto.MoveRelease})
	case 'c':
		c.begin(e.say("cancel the tracker"), banto.MoveRequest{Move: banto.MoveCancel})
	case 'n':
		c.dialog = &dialog{c: c, title: e.say("a note for those who come after you"), req: banto.MoveRequest{Move: banto.MoveComment}, stage: stageReason}
	case 'r':
		c.askRerun()
	default:
		c.actOnPart(k)
	}
}

// actOnPart does what a key says to the chosen part.
func (c *console) actOnPart(k key) {
	part, ok := c.chosen()
	if !ok {
		return
	}
	e := c.e
	name := plain(string(part.Key))
	one := []banto.PartKey{part.Key}
	switch k {
	case 'h':
		c.begin(e.say("hold %s", name), banto.MoveRequest{Move: banto.MoveHold, Parts: one})
	case 'l':
		c.begin(e.say("release %s", name), banto.MoveRequest{Move: banto.MoveRelease, Parts: one})
	case 's':
		c.begin(e.say("skip %s", name), banto.MoveRequest{Move: banto.MoveSkip, Parts: one})
	case 'x':
		c.begin(e.say("kill %s", name), banto.MoveRequest{Move: banto.MoveKill, Parts: one})
	case 'f':
		end := func(o banto.Outcome) func() {
			return func() {
				c.begin(e.say("force %s to end: %s", name, e.partState(banto.PartState(o))), banto.MoveRequest{Move: banto.MoveForceEnd, Parts: one, Outcome: o})
			}
		}
		c.dialog = &dialog{c: c, title: e.say("force %s to end with which outcome?", name), choices: []choice{
			{'o', e.say("ok"), end(banto.OK)}, {'w', e.say("warning"), end(banto.Warning)}, {'e', e.say("error"), end(banto.Error)},
		}}
	}
}

// askRerun asks what is to run again.
func (c *console) askRerun() {
	e := c.e
	rerun := func(title string, req banto.MoveRequest) func() {
		req.Move = banto.MoveRerun
		return func() { c.begin(title, req) }
	}
	choices := []choice{{'f', e.say("what failed"), rerun(e.say("run again what failed"), banto.MoveRequest{})}}
	if part, ok := c.chosen(); ok {
		name, one := plain(string(part.Key)), []banto.PartKey{part.Key}
		choices = append(choices,
			choice{'b', e.say("%s and all behind it", name), rerun(e.say("run again %s and all behind it", name), banto.MoveRequest{Parts: one})},
			choice{'o', e.say("only %s", name), rerun(e.say("run again only %s", name), banto.MoveRequest{Parts: one, Only: true})})
	}
	c.dialog = &dialog{c: c, title: e.say("run what again?"), choices: choices}
}

// typeFilter takes a key while the filter is typed.
func (c *console) typeFilter(k key) {
	defer func() { c.list(c.canvas.width) }() // the next key finds the rows as they are then
	switch k {
	case keyEnter:
		c.typing = false
	case keyEscape:
		c.typing, c.filter = false, ""
	default:
		if text, ok := edit([]rune(c.filter), k); ok {
			c.filter = string(text)
		} else if k > unicode.MaxRune {
			c.typing = false
			c.walk(k)
		}
	}
}

// helpPage names all keys, on a small screen in several pages.
type helpPage struct {
	c          *console
	from, next int // the first line shown, and of the next page; 0: there is none
}

func (h *helpPage) press(key) {
	if h.from = h.next; h.from == 0 {
		h.c.page = nil
	}
}

func (h *helpPage) lines(width, height int) []string {
	all := h.all(width)
	h.from = min(h.from, len(all)-1)
	all = all[h.from:]
	if h.next = 0; len(all) <= max(height, 2) {
		return all
	}
	shown := max(height, 2) - 1
	h.next = h.from + shown
	e := h.c.e
	return append(all[:shown:shown], e.pen().paint(styleDim, cut(e.say("Any key shows more."), width-1)))
}

func (h *helpPage) all(width int) []string {
	e := h.c.e
	p := e.pen()
	keys := [][2]string{
		{"↑ ↓ j k PgUp PgDn g G", e.say("choose a part")},
		{"h  l", e.say("hold the part; release it")},
		{"H  L", e.say("hold the whole tracker; release it")},
		{"s", e.say("skip: count the part as done without running it")},
		{"f", e.say("force the part to end with an outcome")},
		{"x", e.say("kill what the part runs")},
		{"r", e.say("run again: what failed, from here on, or only this part")},
		{"c", e.say("cancel the tracker")},
		{"n", e.say("leave a note")},
		{"o Enter", e.say("output of the part, live")},
		{"/", e.say("list only parts with this in their name")},
		{"e", e.say("list only what failed or is under way")},
		{"Esc", e.say("list all again; leave what is asked")},
		{"Ctrl-L", e.say("draw everything anew")},
		{"q Ctrl-C", e.say("leave; the tracker goes on")},
	}
	column := 22
	if width < 60 {
		column = 10
	}
	lines := []string{p.paint(styleBold, e.say("Keys")), ""}
	for _, k := range keys {
		name := k[0]
		if textWidth(name) >= column {
			lines, name = append(lines, p.paint(styleBold, name)), ""
		}
		for _, line := range wrap(k[1], max(width-column-2, 10)) {
			lines, name = append(lines, p.paint(styleBold, pad(name, column))+line), ""
		}
	}
	lines = append(lines, "")
	for _, text := range []string{e.say("Each move asks for a reason and for a yes before it is made."), e.say("Any key goes back.")} {
		for _, line := range wrap(text, width-1) {
			lines = append(lines, p.paint(styleDim, line))
		}
	}
	return lines
}
