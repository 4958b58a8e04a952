package jobnet

// Text is a source text that may hold ${…} expressions, typed when the flow is
// compiled. It is encoded as its source.
type Text struct {
	src string
}

// Source gives the text as written.
func (t Text) Source() string { return t.src }

// IsZero says whether the text is empty.
func (t Text) IsZero() bool { return t.src == "" }

// Condition is an expression that gives true or false. It is encoded as its
// source.
type Condition struct {
	src string
}

// Source gives the expression as written.
func (c *Condition) Source() string { return c.src }
