package cli

import (
	"slices"
	"testing"
)

func TestReadKeys(t *testing.T) {
	for _, tt := range []struct {
		sent string
		over bool
		want []key
		rest string
	}{
		{"jk", false, []key{'j', 'k'}, ""},
		{"\x1b[A\x1b[B\x1bOA", false, []key{keyUp, keyDown, keyUp}, ""},
		{"\x1b[5~\x1b[6~\x1b[H\x1b[F\x1b[3~", false, []key{keyPageUp, keyPageDown, keyHome, keyEnd, keyBackspace}, ""},
		{"x\x1b", false, []key{'x'}, "\x1b"},
		{"\x1b", true, []key{keyEscape}, ""},
		{"\x1b[", false, nil, "\x1b["},
		{"\x1b[", true, []key{keyEscape}, ""},
		{"\x1b[1;5", false, nil, "\x1b[1;5"},
		{"\x1b[1;5", true, nil, ""},
		{"\x1b[1;5Cq", false, []key{'q'}, ""}, // Ctrl-Right means nothing
		{"\x1b\x1b[H", false, []key{keyEscape, keyHome}, ""},
		{"\x1bx", false, []key{keyEscape, 'x'}, ""},
		{"\r\n\x7f\x08\x15\x03\x0c", false, []key{keyEnter, keyEnter, keyBackspace, keyBackspace, keyClear, keyInterrupt, keyRedraw}, ""},
		{"番", false, []key{'番'}, ""},
		{"\xe7\x95", false, nil, "\xe7\x95"},
		{"\xe7\x95", true, nil, ""},
		{"a\xffb\x00\u202ec", false, []key{'a', 'b', 'c'}, ""},
	} {
		got, rest := readKeys([]byte(tt.sent), tt.over)
		if !slices.Equal(got, tt.want) || string(rest) != tt.rest {
			t.Errorf("%q, %v: got %v and %q, want %v and %q", tt.sent, tt.over, got, rest, tt.want, tt.rest)
		}
	}
}

func FuzzReadKeys(f *testing.F) {
	f.Add([]byte("\x1b[A\x1b[1;5C\xe7\x95"), 3)
	f.Fuzz(func(t *testing.T, sent []byte, at int) {
		whole, rest := readKeys(sent, false)
		if len(rest) > len(sent) {
			t.Fatalf("%q left %q", sent, rest)
		}
		if _, last := readKeys(rest, true); len(last) > 0 {
			t.Fatalf("%q is never read to its end: %q", sent, last)
		}
		// However it is cut, the keys are the same.
		at = max(0, min(at, len(sent)))
		first, rest := readKeys(slices.Clone(sent[:at]), false)
		second, _ := readKeys(append(rest, sent[at:]...), false)
		if got := append(first, second...); !slices.Equal(got, whole) {
			t.Fatalf("%q cut at %d: %v, whole %v", sent, at, got, whole)
		}
	})
}

func TestEdit(t *testing.T) {
	var text []rune
	for _, k := range []key{'a', '番', 'x', keyBackspace, keyUp, 'b'} {
		text, _ = edit(text, k)
	}
	if string(text) != "a番b" {
		t.Errorf("got %q", string(text))
	}
	if text, _ = edit(text, keyClear); len(text) != 0 {
		t.Errorf("got %q after the whole was taken away", string(text))
	}
	for range longestInput + 10 {
		text, _ = edit(text, 'x')
	}
	if len(text) != longestInput {
		t.Errorf("%d characters were taken", len(text))
	}
}
