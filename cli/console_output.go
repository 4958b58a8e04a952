package cli

import (
	"context"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// outputPage shows what an attempt printed, live.
type outputPage struct {
	c       *console
	part    banto.PartView
	cancel  context.CancelFunc
	rows    []string
	open    string // the last line, to which more may come
	lost    int    // lines that are not kept any more
	up      int    // lines above the end; 0 follows it
	left    int    // columns that are out of sight on the left
	ended   bool
	problem string
}

// outputKept is how many lines of output are kept to look at.
const outputKept = 20_000

// openOutput shows the output of the chosen part.
func (c *console) openOutput() {
	part, ok := c.chosen()
	if !ok {
		return
	}
	if part.AttemptID == "" {
		c.tell(c.e.say("%s has not been started yet", plain(string(part.Key))))
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	o := &outputPage{c: c, part: part, cancel: cancel}
	c.page = o
	c.apart(func() { o.read(ctx) })
}

// read brings what is printed until the attempt has ended or the page is left.
func (o *outputPage) read(ctx context.Context) {
	for offset := int64(0); ctx.Err() == nil; {
		piece, err := o.c.m.OutputText(ctx, o.part.AttemptID, offset, followFor)
		if ctx.Err() != nil {
			return
		}
		kind := banto.KindOf(err)
		away := kind == banto.KindUnreachable || kind == banto.KindUnavailable
		o.c.post(func() {
			o.problem = ""
			if err != nil {
				o.problem = plain(err.Error())
				return
			}
			o.take(string(piece.Data))
			o.ended = piece.Ended
		})
		switch {
		case err == nil && piece.Ended, err != nil && !away:
			return
		case err != nil:
			o.c.pause(time.Second)
		default:
			offset = piece.Next
		}
	}
}

// take adds a piece of output.
func (o *outputPage) take(text string) {
	lines := strings.Split(o.open+text, "\n")
	o.open = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		o.rows = append(o.rows, line)
		if o.up > 0 {
			o.up++ // who looks at something keeps it in sight
		}
	}
	if over := len(o.rows) - outputKept; over > 0 {
		o.rows, o.lost = o.rows[over:], o.lost+over
	}
}

func (o *outputPage) press(k key) {
	room := max(o.c.canvas.height-2, 1)
	switch k {
	case 'q', keyEscape, 'o':
		o.cancel()
		o.c.page = nil
	case keyUp, 'k':
		o.up++
	case keyDown, 'j':
		o.up--
	case keyPageUp:
		o.up += room
	case keyPageDown, ' ':
		o.up -= room
	case keyHome, 'g':
		o.up = len(o.rows)
	case keyEnd, 'G':
		o.up = 0
	case keyLeft:
		o.left = max(o.left-20, 0)
	case keyRight:
		o.left += 20
	}
}

func (o *outputPage) lines(width, height int) []string {
	e := o.c.e
	p := e.pen()
	state := o.part.State
	if i, ok := o.c.v.index[o.part.Key]; ok && o.c.v.parts[i].AttemptID == o.part.AttemptID {
		state = o.c.v.parts[i].State
	}
	_, look := partLook(state)
	head := e.say("output of %s, attempt %d: %s", plain(string(o.part.Key)), o.part.Attempt, e.partState(state))
	room := max(height-2, 1)
	all := o.rows
	if o.open != "" {
		all = append(all[:len(all):len(all)], o.open)
	}
	o.up = max(0, min(o.up, len(all)-room))
	end := len(all) - o.up
	lines := []string{p.paint(look, cut(head, width-1))}
	for _, line := range all[max(0, end-room):end] {
		lines = append(lines, o.line(line, width-1))
	}
	for len(lines) < room+1 {
		lines = append(lines, "")
	}
	foot := e.say("q goes back, ↑ ↓ ← → move, G follows the end")
	switch {
	case o.problem != "":
		foot = o.problem
	case o.up > 0:
		foot = e.say("%d lines below", o.up) + "  " + foot
	case !o.ended:
		foot = "▶ " + foot
	}
	return append(lines, p.paint(styleDim, cut(foot, width-1)))
}

// line is a line of output as it can be shown: one that was written over and
// over shows its last state.
func (o *outputPage) line(line string, width int) string {
	line = strings.TrimRight(line, "\r")
	line = plain(strings.ReplaceAll(line[strings.LastIndexByte(line, '\r')+1:], "\t", "    "))
	if o.left == 0 {
		return cut(line, width)
	}
	skip := o.left
	for i, r := range line {
		if skip <= 0 {
			return cut(line[i:], width)
		}
		skip -= runeWidth(r)
	}
	return ""
}
