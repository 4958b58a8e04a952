package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// list decides which parts are listed, and keeps the chosen one chosen.
func (c *console) list(width int) {
	var chosen banto.PartKey
	if c.at < len(c.rows) && c.rows[c.at].part < len(c.v.parts) {
		chosen = c.v.parts[c.rows[c.at].part].Key
	}
	if c.drawn != c.v || c.drawnFor != width {
		c.drawn, c.drawnFor = c.v, width
		c.all = drawTree(c.v.parts, max(4, width/5))
	}
	c.rows = slices.Clone(c.all)
	if c.busy || c.filter != "" {
		wanted := strings.ToLower(c.filter)
		c.rows = slices.DeleteFunc(c.rows, func(r treeRow) bool {
			p := c.v.parts[r.part]
			if c.busy && !p.State.Live() && p.State != banto.PartHeld && (p.State != banto.PartError || p.Healed) {
				return true
			}
			return !strings.Contains(strings.ToLower(string(p.Key)), wanted)
		})
		for i := range c.rows { // what is left out would break the lines that lead to it
			c.rows[i].prefix = ""
		}
	}
	for i, r := range c.rows {
		if c.v.parts[r.part].Key == chosen {
			c.at = i
			break
		}
	}
	c.at = max(0, min(c.at, len(c.rows)-1))
}

// chosen gives the part that is chosen; false when none is listed.
func (c *console) chosen() (banto.PartView, bool) {
	if c.at >= len(c.rows) {
		return banto.PartView{}, false
	}
	return c.v.parts[c.rows[c.at].part], true
}

// paint draws the whole terminal.
func (c *console) paint() error {
	c.dirty = false
	width, height, _ := c.e.terminal()
	if width != c.canvas.width {
		c.floors = nil
	}
	var lines []string
	if c.page != nil {
		lines = c.page.lines(width, height)
	} else {
		lines = c.tree(width, height)
	}
	return c.e.written(c.canvas.draw(lines, width, height))
}

// tree is the tracker with its parts, and below it what is said and asked.
func (c *console) tree(width, height int) []string {
	c.list(width)
	head := c.head(width)
	foot := c.foot(width)
	room := max(height-len(head)-len(foot), 1)
	if c.at < c.top {
		c.top = c.at
	}
	if c.at >= c.top+room {
		c.top = c.at - room + 1
	}
	c.top = max(0, min(c.top, len(c.rows)-room))
	body := c.body(c.rows[c.top:min(c.top+room, len(c.rows))], width-1)
	if len(c.rows) == 0 {
		body = []string{c.e.pen().paint(styleDim, c.e.say("no part fits"))}
	}
	for len(body) < room {
		body = append(body, "")
	}
	return append(append(head, body...), foot...)
}

// head names environment, tracker and counts.
func (c *console) head(width int) []string {
	e, t := c.e, c.v.tracker
	banner := e.banner(c.info, e.pen())
	line := e.headline(c.v, width-textWidth(bareBanner(c.info))) // the banner takes its columns
	if banner != "" {
		line = banner + " " + line
	}
	counts := e.counts(t, e.pen())
	if plainCounts := e.counts(t, pen{}); textWidth(plainCounts) >= width {
		counts = cut(plainCounts, width-1)
	}
	return []string{line, counts, ""}
}

// bareBanner is the banner's text with the blank behind it.
func bareBanner(info banto.ManagerInfo) string {
	if info.Environment == "" {
		return ""
	}
	return "  " + plain(info.Environment) + " "
}

// body draws the listed parts.
func (c *console) body(rows []treeRow, width int) []string {
	e := c.e
	t := e.partTable()
	if len(c.floors) != len(t.columns) {
		c.floors = make([]int, len(t.columns))
	}
	for _, row := range rows {
		e.addRow(&t, row, c.v.parts)
	}
	for i := range t.columns { // columns do not move while one scrolls
		for _, row := range t.rows {
			c.floors[i] = max(c.floors[i], textWidth(row[i].text))
		}
		t.columns[i].floor = max(t.columns[i].floor, c.floors[i])
	}
	var painted, bare strings.Builder
	room := width
	if !e.pen().on {
		room -= 2 // for the sign of the chosen row
	}
	// Writing to a strings.Builder cannot fail.
	_ = t.write(&painted, e.pen(), room)
	_ = t.write(&bare, pen{}, room)
	lines := strings.Split(strings.TrimSuffix(painted.String(), "\n"), "\n")
	// Without a mark nobody knows where they are; where there are no colours it
	// is a sign.
	p := e.pen()
	for i := range lines {
		switch here := i == c.at-c.top && len(rows) > 0; {
		case p.on && here:
			lines[i] = p.paint("7", pad(strings.Split(bare.String(), "\n")[i], width))
		case p.on:
		case here:
			lines[i] = "> " + lines[i]
		default:
			lines[i] = "  " + lines[i]
		}
	}
	return lines
}

// foot is what is said, asked, and which keys there are.
func (c *console) foot(width int) []string {
	e, p := c.e, c.e.pen()
	var foot []string
	if c.dialog != nil {
		return c.dialog.lines(width)
	}
	look := styleYellow
	if c.saidBad {
		look = styleRed
	}
	said := c.said
	if s := c.v.tracker; said == "" {
		switch {
		case s.State == banto.TrackerBlocked:
			said = e.say("blocked: r runs the failed parts again, s skips, f says an outcome, c cancels")
		case s.State.Ended():
			said = e.say("ended: r runs parts again, o shows output, q leaves")
		case s.Held:
			said = e.say("held: nothing new starts; L releases it")
		}
	}
	for _, line := range wrap(said, width-1) {
		foot = append(foot, p.paint(look, line))
	}
	switch {
	case c.typing:
		foot = append(foot, tail(e.say("filter:")+" "+c.filter+"█", width-1))
	case c.filter != "" || c.busy:
		var on []string
		if c.filter != "" {
			on = append(on, e.say("filter:")+" "+plain(c.filter))
		}
		if c.busy {
			on = append(on, e.say("only what failed or is under way"))
		}
		foot = append(foot, p.paint(styleCyan, cut(fmt.Sprintf("%s (%d/%d, Esc)", strings.Join(on, ", "), len(c.rows), len(c.v.parts)), width-1)))
	}
	return append(foot, e.keyBar(width-1))
}

// tail keeps the end of a text that is being typed in sight.
func tail(s string, columns int) string {
	for textWidth(s) > columns && s != "" {
		s = s[firstRune(s):]
	}
	return s
}

// keyBar names the keys, as many as there is room for.
func (e *env) keyBar(width int) string {
	keys := [][2]string{
		{"?", e.say("help")}, {"q", e.say("leave")}, {"h", e.say("hold")}, {"l", e.say("release")}, {"s", e.say("skip")}, {"f", e.say("force end")},
		{"x", e.say("kill")}, {"r", e.say("run again")}, {"c", e.say("cancel")}, {"o", e.say("output")}, {"/", e.say("filter")},
		{"e", e.say("errors")}, {"n", e.say("comment")},
	}
	p := e.pen()
	var b strings.Builder
	used := 0
	for _, k := range keys {
		w := textWidth(k[0]) + 1 + textWidth(k[1])
		if used+w > width {
			break
		}
		b.WriteString(p.paint(styleBold, k[0]) + " " + p.paint(styleDim, k[1]) + "  ")
		used += w + 2
	}
	return strings.TrimRight(b.String(), " ")
}
