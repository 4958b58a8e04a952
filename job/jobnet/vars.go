package jobnet

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ParseVars reads what a job wrote into its file of variables, lines
// name=value, and gives the declared ones as canonical texts. A later line of
// the same name wins; the lines of a list are its items, unless there is one
// line alone that holds a JSON array or nothing. Undeclared names are listed,
// for a person to see. On an error the variables that are right are given all
// the same.
func ParseVars(sets []Set, text string) (vars map[string]string, undeclared []string, err error) {
	lines, err := varLines(text)
	given, seen := map[string][]varLine{}, map[string]bool{}
	for _, l := range lines {
		if !slices.ContainsFunc(sets, func(s Set) bool { return s.Name == l.name }) {
			if !seen[l.name] {
				seen[l.name] = true
				undeclared = append(undeclared, l.name)
			}
			continue
		}
		given[l.name] = append(given[l.name], l)
	}
	vars = map[string]string{}
	for _, s := range sets {
		of := given[s.Name]
		if len(of) == 0 {
			continue
		}
		v, fault := canonicalLines(s.Type, of)
		if fault != nil {
			if err == nil {
				err = fmt.Errorf("line %d sets %s: %w", of[len(of)-1].number, s.Name, fault)
			}
			continue
		}
		vars[s.Name] = v
	}
	return vars, undeclared, err
}

type varLine struct {
	number      int
	name, value string
}

// varLines gives the lines that can be read and an error for the first that
// cannot.
func varLines(text string) ([]varLine, error) {
	var out []varLine
	var first error
	fault := func(n int, format string, args ...any) {
		if first == nil {
			first = fmt.Errorf("line %d: "+format, append([]any{n}, args...)...)
		}
	}
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = Normal(name)
		switch {
		case !ok:
			fault(number, "%q is not name=value", clip(line))
		case !utf8.ValidString(line):
			fault(number, "%q is not UTF-8", clip(line))
		case strings.ContainsRune(value, 0):
			fault(number, "the value of %s holds a NUL", clip(name))
		case variableFault(name) != "":
			fault(number, "the name %q %s", clip(name), variableFault(name))
		default:
			out = append(out, varLine{number, name, value})
		}
	}
	return out, first
}

// variableFault is partNameFault, but a variable may begin with _.
func variableFault(name string) string {
	if rest := strings.TrimLeft(name, "_"); rest != "" {
		return partNameFault(rest)
	}
	return partNameFault(name)
}

func canonicalLines(t Type, lines []varLine) (string, error) {
	if t != List || len(lines) == 1 {
		return Canonical(t, lines[len(lines)-1].value)
	}
	items := make([]string, len(lines))
	for i, l := range lines {
		items[i] = l.value
	}
	return ListText(items), nil
}
