package jobnet

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is a source text that may hold ${…} expressions, typed when the flow is
// compiled. It is encoded as its source.
type Text struct {
	src string
	cut *cutText // nil when the text stands for itself: most do, and a flow has many
}

// cutText is a text in pieces, with the names that its expressions may use.
type cutText struct {
	pieces []piece
	names  *namespace
}

// piece is a stretch of a text: letters that stand for themselves, a plain
// reference, or another expression.
type piece struct {
	literal string
	ref     *ref
	source  string // of the expression, when ref is nil
	at      int    // byte offset of the expression in the text
}

// maxText bounds what a text with expressions can grow to: what one argument
// or environment variable can hold.
const maxText = 128 << 10

// Source gives the text as written.
func (t Text) Source() string { return t.src }

// IsZero says whether the text is empty.
func (t Text) IsZero() bool { return t.src == "" }

// Equal says whether two texts are written alike.
func (t Text) Equal(u Text) bool { return t.src == u.src }

// Literal gives what the text stands for, if that does not depend on values.
func (t Text) Literal() (string, bool) {
	if t.cut == nil {
		return t.src, true
	}
	var b strings.Builder
	for _, p := range t.cut.pieces {
		if p.ref != nil || p.source != "" {
			return "", false
		}
		b.WriteString(p.literal)
	}
	return b.String(), true
}

// MarshalText writes the source.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.src), nil }

// UnmarshalText reads the source; the flow that holds the text gives it the
// names that it may use.
func (t *Text) UnmarshalText(b []byte) error {
	*t = Text{src: string(b)}
	return nil
}

// Eval gives the text with its expressions replaced by their values.
func (t Text) Eval(s Scope) (string, error) {
	if t.cut == nil {
		return t.src, nil
	}
	var b strings.Builder
	for _, p := range t.cut.pieces {
		v, err := p.eval(t.cut.names, s)
		if err != nil {
			return "", err
		}
		if b.Len()+len(v) > maxText {
			return "", fmt.Errorf("%q grows longer than %d bytes", clip(t.src), maxText)
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// pieces are those of a text that is cut.
func (t *Text) pieces() []piece {
	if t.cut == nil {
		return nil
	}
	return t.cut.pieces
}

func (p *piece) eval(names *namespace, s Scope) (string, error) {
	switch {
	case p.ref != nil:
		v, err := p.ref.value(s)
		return canonicalOf(v), err
	case p.source != "":
		v, err := names.eval(p.source, s)
		return canonicalOf(v), err
	}
	return p.literal, nil
}

// resolve cuts the text into its pieces. The fault is of the text itself; its
// expressions are checked by analyse.
func (t *Text) resolve(names *namespace) *fault {
	t.cut = nil
	if !strings.Contains(t.src, "${") {
		return nil
	}
	t.cut = &cutText{names: names}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t.cut.pieces = append(t.cut.pieces, piece{literal: literal.String()})
			literal.Reset()
		}
	}
	for at := 0; at < len(t.src); {
		i := strings.Index(t.src[at:], "${")
		if i < 0 {
			literal.WriteString(t.src[at:])
			break
		}
		open := at + i
		if i > 0 && t.src[open-1] == '$' {
			literal.WriteString(t.src[at:open-1] + "${")
			at = open + 2
			continue
		}
		literal.WriteString(t.src[at:open])
		end := expressionEnd(t.src[open+2:])
		if end < 0 {
			return &fault{runes(t.src, open), "${ without its }", "write $${ for the letters ${ themselves"}
		}
		source := t.src[open+2 : open+2+end]
		if strings.TrimSpace(source) == "" {
			return &fault{runes(t.src, open), "${} is empty", "write $${ for the letters ${ themselves"}
		}
		flush()
		t.cut.pieces = append(t.cut.pieces, piece{ref: plainRef(source), source: source, at: open + 2})
		at = open + 2 + end + 1
	}
	flush()
	return nil
}

// expressionEnd finds the } that ends an expression, past strings and braces
// inside it, or -1.
func expressionEnd(s string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'', c == '"', c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == '}':
			depth--
		}
	}
	return -1
}

// runes turns an offset in bytes into one in characters.
func runes(s string, offset int) int {
	return utf8.RuneCountInString(s[:min(offset, len(s))])
}

// Condition is an expression that gives true or false. It is encoded as its
// source.
type Condition struct {
	src   string
	names *namespace
}

// Source gives the expression as written.
func (c *Condition) Source() string { return c.src }

// Equal says whether two conditions are written alike.
func (c *Condition) Equal(d *Condition) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.src == d.src
}

// MarshalText writes the source.
func (c *Condition) MarshalText() ([]byte, error) { return []byte(c.src), nil }

// UnmarshalText reads the source.
func (c *Condition) UnmarshalText(b []byte) error {
	c.src = string(b)
	return nil
}

// Eval says whether the condition holds.
func (c *Condition) Eval(s Scope) (bool, error) {
	v, err := c.names.eval(c.src, s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("%q gives no true or false", clip(c.src))
	}
	return b, nil
}
