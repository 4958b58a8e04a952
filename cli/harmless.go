package cli

import (
	"io"
	"unicode/utf8"
)

// harmlessWriter passes on what a job printed so that it can be looked at on a
// terminal: text, line ends and tabs stay, everything else that a terminal
// would obey is made visible.
type harmlessWriter struct {
	out  io.Writer
	rest []byte // the beginning of a character, or a CR whose LF may follow
}

func (w *harmlessWriter) Write(p []byte) (int, error) {
	return len(p), w.pass(p, false)
}

// flush writes what was held back for more to come.
func (w *harmlessWriter) flush() error { return w.pass(nil, true) }

func (w *harmlessWriter) pass(p []byte, end bool) error {
	text := append(w.rest, p...)
	w.rest = nil
	clean := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if !end && !utf8.FullRune(text[i:]) || !end && text[i] == '\r' && i == len(text)-1 {
			w.rest = append(w.rest, text[i:]...)
			break
		}
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			clean = append(clean, escapeByte(text[i])...)
		case r == '\r':
			// A line written over and over becomes lines below each other.
			if i+1 == len(text) || text[i+1] != '\n' {
				clean = append(clean, '\n')
			}
		case r == '\n', r == '\t', !harmful(r):
			clean = append(clean, text[i:i+n]...)
		default:
			clean = append(clean, escapeRune(r)...)
		}
		i += n
	}
	if len(clean) == 0 {
		return nil
	}
	_, err := w.out.Write(clean)
	return err
}
