package cli

import (
	"fmt"
	"io"
	"strings"
)

// canvas is a whole terminal, drawn over and over. Only lines that changed are
// written, so that a slow line shows no flicker.
type canvas struct {
	out           io.Writer
	lines         []string
	width, height int
	open          bool
}

// begin takes the terminal over; what stood on it comes back at the end.
func (c *canvas) begin() error {
	c.open = true
	_, err := io.WriteString(c.out, "\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H")
	return err
}

// end gives the terminal back. It can be called again.
func (c *canvas) end() error {
	if !c.open {
		return nil
	}
	c.open = false
	_, err := io.WriteString(c.out, "\x1b[0m\x1b[?25h\x1b[?1049l")
	return err
}

// forget has the next drawing write everything.
func (c *canvas) forget() { c.width = 0 }

// draw shows lines, each narrower than the terminal; those that it has no room
// for are left out.
func (c *canvas) draw(lines []string, width, height int) error {
	var b strings.Builder
	if c.width != width || c.height != height {
		c.lines, c.width, c.height = nil, width, height
		b.WriteString("\x1b[2J")
	}
	shown := make([]string, height)
	copy(shown, lines)
	for i, line := range shown {
		if i < len(c.lines) && c.lines[i] == line || len(c.lines) == 0 && line == "" {
			continue
		}
		fmt.Fprintf(&b, "\x1b[%d;1H%s\x1b[K", i+1, line)
	}
	c.lines = shown
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(c.out, b.String())
	return err
}
