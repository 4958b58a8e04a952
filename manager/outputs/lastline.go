package outputs

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

const (
	lastLineRunes = 200
	lastLineBytes = 4 << 10 // how far back is looked for a line
)

// LastLine gives the last line of an attempt's output that is not blank, fit
// to be shown: valid UTF-8, at most 200 characters, no control characters. It
// is empty when there is none.
func (s *Store) LastLine(id banto.AttemptID) string { return LastLine(s, id) }

// LastLine is Store.LastLine of whatever keeps outputs.
func LastLine(s store.Outputs, id banto.AttemptID) string {
	size, err := s.Size(id)
	if err != nil || size == 0 {
		return ""
	}
	from := max(0, size-lastLineBytes)
	data, _, err := s.Read(id, from, int(size-from))
	if err != nil {
		return ""
	}
	if from > 0 { // do not begin in the middle of a character
		for i := 0; i < utf8.UTFMax && len(data) > 0 && !utf8.RuneStart(data[0]); i++ {
			data = data[1:]
		}
	}
	return lastLine(data)
}

// LastLineOf gives the last line of a text as LastLine does of an output.
func LastLineOf(text []byte) string { return lastLine(text) }

func lastLine(data []byte) string {
	for len(data) > 0 {
		i := bytes.LastIndexAny(data, "\n\r")
		if line := showable(data[i+1:]); line != "" {
			return line
		}
		data = data[:max(i, 0)]
	}
	return ""
}

// showable replaces what a terminal or a page must not be given.
func showable(line []byte) string {
	var b strings.Builder
	n := 0
	for _, r := range string(bytes.TrimSpace(line)) {
		if n == lastLineRunes {
			break
		}
		switch {
		case r == '\t':
			r = ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			r = utf8.RuneError
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
