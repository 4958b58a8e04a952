package cli

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// runeWidth gives the columns that a character takes on a terminal: 2 for the
// wide ones of East Asia, 0 for marks that sit on the character before.
func runeWidth(r rune) int {
	switch {
	case r < 0x20, r == 0x7f:
		return 0
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// textWidth gives the columns that a text takes.
func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// cut shortens a text to that many columns, with … at its end when something
// had to go.
func cut(s string, columns int) string {
	if textWidth(s) <= columns {
		return s
	}
	if columns <= 0 {
		return ""
	}
	used := 0
	for i, r := range s {
		w := runeWidth(r)
		if used+w > columns-1 {
			return s[:i] + "…"
		}
		used += w
	}
	return s
}

// middle takes out the middle of a text that is longer than both together, and
// leaves that many columns of its head and of its end.
func middle(s string, head, end int) string {
	if textWidth(s) <= head+end {
		return s
	}
	from, used := len(s), 0
	for from > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:from])
		if used += runeWidth(r); used > end {
			break
		}
		from -= size
	}
	return strings.TrimSuffix(cut(s, head), "…") + " … " + s[from:]
}

// fold breaks a text into lines of that many columns; 0 or less: it is left as
// it is.
func fold(s string, columns int) []string {
	var lines []string
	for columns > 1 && textWidth(s) > columns {
		used, at := 0, 0
		for i, r := range s {
			if used += runeWidth(r); used > columns {
				at = i
				break
			}
		}
		lines, s = append(lines, s[:at]), s[at:]
	}
	return append(lines, s)
}

// wrap breaks a sentence into lines of that many columns, at blanks and between
// the wide characters of East Asia; 0 or less: it is left as it is.
func wrap(s string, columns int) []string {
	if columns < 10 || textWidth(s) <= columns {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, a := range atoms(s) {
		blank := ""
		if a.blank && line != "" {
			blank = " "
		}
		if line != "" && textWidth(line+blank+a.text) > columns {
			lines, line, blank = append(lines, line), "", ""
		}
		pieces := fold(line+blank+a.text, columns)
		lines, line = append(lines, pieces[:len(pieces)-1]...), pieces[len(pieces)-1]
	}
	return append(lines, line)
}

// atom is a piece of a sentence that is not broken.
type atom struct {
	text  string
	blank bool // one stands before it
}

// What no line of Japanese begins with, and what none ends with.
const (
	closing = "、。，．・：；？！)）]］」』】〕…ー～ぁぃぅぇぉっゃゅょァィゥェォッャュョ%％,.:;!?"
	opening = "(（[［「『【〔"
)

// atoms cuts a sentence where it may be broken.
func atoms(s string) []atom {
	var all []atom
	for word := range strings.FieldsSeq(s) {
		blank, from, before := true, 0, rune(0)
		for i, r := range word {
			if i > 0 && breaks(before, r) {
				all, blank, from = append(all, atom{word[from:i], blank}), false, i
			}
			before = r
		}
		all = append(all, atom{word[from:], blank})
	}
	return all
}

// breaks says whether a line may be broken between two characters.
func breaks(before, r rune) bool {
	switch {
	case runeWidth(before) != 2 && runeWidth(r) != 2, strings.ContainsRune(closing, r), strings.ContainsRune(opening, before):
		return false
	}
	return !unicode.Is(unicode.Katakana, r) || before != 'ー' && !unicode.Is(unicode.Katakana, before)
}

// pad fills a text with blanks up to that many columns.
func pad(s string, columns int) string {
	if n := columns - textWidth(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}

// plain makes a text of others fit for one line of a terminal: what would move
// the cursor, change colours or turn the direction of writing is made visible
// instead.
func plain(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || harmful(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(escapeByte(s[i]))
		case r == '\n', r == '\r', r == '\t':
			b.WriteByte(' ')
		case harmful(r):
			b.WriteString(escapeRune(r))
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// harmful says whether a character could do more to a terminal than be seen.
func harmful(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x61c:
		return true
	case r == 0x2028, r == 0x2029:
		return true
	}
	return false
}

// escapeRune writes a control character so that it can be seen: ^[ for escape.
func escapeRune(r rune) string {
	const hex = "0123456789ABCDEF"
	switch {
	case r < 0x20:
		return "^" + string(r+'@')
	case r == 0x7f:
		return "^?"
	}
	return "<U+" + string([]byte{hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15]}) + ">"
}

// escapeByte writes a byte that is no UTF-8.
func escapeByte(b byte) string {
	const hex = "0123456789abcdef"
	return `\x` + string([]byte{hex[b>>4], hex[b&15]})
}
