package cli

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// key is one press on a keyboard: a character, or a key that has none.
type key rune

// Keys without a character, beyond all that have one.
const (
	keyUp key = unicode.MaxRune + 1 + iota
	keyDown
	keyLeft
	keyRight
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyEnter
	keyEscape
	keyBackspace
	keyClear     // the whole line: Ctrl-U
	keyRedraw    // Ctrl-L
	keyInterrupt // Ctrl-C
)

// sequences are what terminals send for the keys that have no character,
// behind the escape.
var sequences = map[string]key{ //nolint:gochecknoglobals // a table
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft,
	"[5~": keyPageUp, "[6~": keyPageDown, "[H": keyHome, "[F": keyEnd, "OH": keyHome, "OF": keyEnd,
	"[1~": keyHome, "[4~": keyEnd, "[7~": keyHome, "[8~": keyEnd, "[3~": keyBackspace,
}

// controls are the characters that do something.
var controls = map[byte]key{ //nolint:gochecknoglobals // a table
	'\r': keyEnter, '\n': keyEnter, 0x7f: keyBackspace, 0x08: keyBackspace, 0x15: keyClear, 0x0c: keyRedraw, 0x03: keyInterrupt, 0x04: keyInterrupt,
	0x06: keyPageDown, 0x02: keyPageUp, 0x0e: keyDown, 0x10: keyUp,
}

const escape = 0x1b

// readKeys takes the keys off what a terminal sent. What may be the beginning
// of a longer sequence is left, unless nothing more came in time.
func readKeys(sent []byte, over bool) (keys []key, rest []byte) {
	for len(sent) > 0 {
		k, n := readKey(sent, over)
		if n == 0 {
			return keys, sent
		}
		if k != 0 {
			keys = append(keys, k)
		}
		sent = sent[n:]
	}
	return keys, nil
}

// readKey gives the first key and its length; no length when it is not whole.
func readKey(sent []byte, over bool) (key, int) {
	c := sent[0]
	switch {
	case c == escape:
		return readSequence(sent, over)
	case c < 0x20 || c == 0x7f:
		return controls[c], 1
	case !utf8.FullRune(sent) && !over:
		return 0, 0
	}
	r, n := utf8.DecodeRune(sent)
	if r == utf8.RuneError && n == 1 || harmful(r) {
		return 0, n
	}
	return key(r), n
}

// readSequence reads what begins with an escape: the key itself when nothing
// follows, else a key that has no character. One that is not known is nothing.
func readSequence(sent []byte, over bool) (key, int) {
	var whole int
	switch {
	case len(sent) == 1, len(sent) == 2 && (sent[1] == '[' || sent[1] == 'O'):
		if !over {
			return 0, 0
		}
		return keyEscape, len(sent)
	case sent[1] == 'O':
		whole = 3
	case sent[1] == '[':
		end := bytes.IndexFunc(sent[2:], func(r rune) bool { return r >= '@' && r <= '~' })
		if end < 0 {
			if !over {
				return 0, 0
			}
			return 0, len(sent)
		}
		whole = 2 + end + 1
	default: // Alt and a key, or an escape before one that was typed fast
		return keyEscape, 1
	}
	return sequences[string(sent[1:whole])], whole
}

// edit changes a text that is typed that is typed: it says whether the key belonged to it.
func edit(text []rune, k key) ([]rune, bool) {
	switch {
	case k == keyBackspace:
		return text[:max(len(text)-1, 0)], true
	case k == keyClear:
		return nil, true
	case k <= unicode.MaxRune && len(text) < longestInput:
		return append(text, rune(k)), true
	}
	return text, k <= unicode.MaxRune
}

// longestInput is how many characters can be typed at once.
const longestInput = 300
