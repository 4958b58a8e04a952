package cli

import (
	"fmt"
	"io"
	"strings"
)

// screen is a region of a terminal that is drawn over and over in place.
type screen struct {
	out   io.Writer
	drawn int // lines of the last drawing
}

// draw replaces the region. Lines must fit the terminal's width.
func (s *screen) draw(lines []string) error {
	var b strings.Builder
	s.back(&b)
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	_, err := io.WriteString(s.out, b.String())
	return err
}

// clear takes the region away.
func (s *screen) clear() error {
	var b strings.Builder
	s.back(&b)
	b.WriteString("\x1b[J")
	s.drawn = 0
	_, err := io.WriteString(s.out, b.String())
	return err
}

func (s *screen) back(b *strings.Builder) {
	if s.drawn > 0 {
		fmt.Fprintf(b, "\x1b[%dA", s.drawn)
	}
	b.WriteString("\r")
}
