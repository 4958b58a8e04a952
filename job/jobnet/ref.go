package jobnet

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bantoops/banto"
)

// ref is a value that an expression names.
type ref struct {
	kind  refKind
	name  string // of the parameter or part
	field string // of a part
	typ   Type   // known once the ref has been looked up
	at    int    // where it stands in its expression, in characters
}

type refKind int

const (
	refParam refKind = iota
	refPart
	refDate
	refTracker
	refAttempt
)

func (r *ref) String() string {
	switch r.kind {
	case refParam:
		return "params." + r.name
	case refPart:
		return r.name + "." + r.field
	case refDate:
		return "date"
	case refTracker:
		return "tracker"
	}
	return "attempt"
}

// plainRef reads an expression that is nothing but a reference, which most
// are, without the machinery of the whole language; else nil.
func plainRef(source string) *ref {
	s := strings.TrimSpace(source)
	lead := len(source) - len(strings.TrimLeftFunc(source, unicode.IsSpace))
	first, second, dotted := strings.Cut(s, ".")
	if !isWord(first) || dotted && !isWord(second) {
		return nil
	}
	first, second = Normal(first), Normal(second)
	r := &ref{at: runes(source, lead)}
	switch {
	case !dotted:
		kind, ok := wordRef(first)
		if !ok {
			return nil
		}
		r.kind = kind
	case first == "params":
		r.kind, r.name = refParam, second
	case reserved(first):
		return nil
	default:
		r.kind, r.name, r.field = refPart, first, second
	}
	return r
}

func wordRef(word string) (refKind, bool) {
	switch word {
	case "date":
		return refDate, true
	case "tracker":
		return refTracker, true
	case "attempt":
		return refAttempt, true
	}
	return 0, false
}

func isWord(s string) bool {
	for i, c := range s {
		if !unicode.IsLetter(c) && c != '_' && (i == 0 || !unicode.IsDigit(c) && !unicode.IsMark(c)) {
			return false
		}
	}
	return s != ""
}

// value fetches the value from a scope; an error says what has none.
func (r *ref) value(s Scope) (Value, error) {
	switch r.kind {
	case refDate:
		return s.Date(), nil
	case refTracker:
		return string(s.Tracker()), nil
	case refAttempt:
		return s.Attempt(), nil
	case refParam:
		if v := s.Param(r.name); v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("%s is not set: it was not given and has no default", r)
	}
	v := s.Part(r.name, r.field)
	if o, ok := v.(banto.Outcome); ok {
		v = string(o)
	}
	switch {
	case v != nil:
		return v, nil
	case r.field == fieldOutcome:
		return nil, fmt.Errorf("%s is not set: %s has not ended with an outcome", r, r.name)
	case r.field == fieldExit:
		return nil, fmt.Errorf("%s is not set: %s has not ended with an exit code", r, r.name)
	case r.field == fieldOutput:
		return nil, fmt.Errorf("%s is not set: %s has not run", r, r.name)
	}
	return nil, fmt.Errorf("%s is not set: %s has not set it", r, r.name)
}

// typed is value with a look at its type, which the programs of expressions
// rely on.
func (r *ref) typed(s Scope) (Value, error) {
	v, err := r.value(s)
	if err != nil {
		return nil, err
	}
	var ok bool
	switch r.typ {
	case Integer:
		_, ok = v.(int)
	case Number:
		_, ok = v.(float64)
	case Boolean:
		_, ok = v.(bool)
	case DateT:
		_, ok = v.(banto.Date)
	case List:
		_, ok = v.([]string)
	default:
		_, ok = v.(string)
	}
	if !ok {
		return nil, fmt.Errorf("%s holds a %T where its type is %s", r, v, r.typ)
	}
	return v, nil
}

// What every part that runs something offers to expressions.
const (
	fieldOutcome = "outcome"
	fieldExit    = "exit"
	fieldOutput  = "output"
	fieldResult  = "result" // not in this version
)
