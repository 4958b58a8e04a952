package jobnet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest names, in characters.
const (
	maxName = 100
	maxPath = 250
)

// Normal gives a name in the one spelling (NFC) in which names are compared.
func Normal(name string) string {
	if normal(name) {
		return name
	}
	return norm.NFC.String(name)
}

func normal(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return norm.NFC.IsNormalString(name)
		}
	}
	return true
}

// partNameFault says why a text cannot be the name of a part or of a variable,
// or "".
func partNameFault(name string) string {
	if reserved(name) {
		return "is a word of the expression language"
	}
	return wordFault(name)
}

// wordFault says why a text is not a name as parts have one, or "".
func wordFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("is longer than %d characters", maxName)
	case !normal(name):
		return "is not in Unicode normal form C"
	}
	for i, c := range name {
		switch {
		case unicode.IsLetter(c), i > 0 && (c == '_' || unicode.IsDigit(c)):
		case i == 0:
			return fmt.Sprintf("begins with %q", c)
		default:
			return fmt.Sprintf("holds %q", c)
		}
	}
	return ""
}

const partNameHint = "a name is a letter of any script, then letters, digits and _"

// reserved says whether a word means something in expressions, so that a part
// or variable of that name could not be named there.
func reserved(name string) bool {
	switch name {
	case "in", "not", "and", "or", "let", "if", "else", "nil", "true", "false",
		"matches", "contains", "startsWith", "endsWith",
		"params", "date", "tracker", "attempt",
		"outcome", "exit", "output", "result",
		"all", "any", "none":
		return true
	}
	_, later := laterFunction(name)
	return later || slices.Contains(functionNames(), name)
}

// envNameFault says why a text cannot be the name of a variable under env, or
// "". What changes how programs are found and loaded is the designer's to say;
// what would make the shell run something else first is not.
func envNameFault(name string) string {
	switch upper := strings.ToUpper(name); {
	case upper == "PATH", strings.HasPrefix(upper, "LD_"):
		name = "_" + name
	}
	return paramNameFault(name)
}

// paramNameFault says why a text cannot be the name of a parameter, or "". Who
// submits gives its value, so it must not change what the job runs.
func paramNameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return fmt.Sprintf("is longer than %d characters", maxName)
	}
	for i, c := range name {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 0 && '0' <= c && c <= '9':
		case i == 0:
			return fmt.Sprintf("begins with %q", c)
		default:
			return fmt.Sprintf("holds %q", c)
		}
	}
	switch upper := strings.ToUpper(name); {
	case upper == "PATH", upper == "IFS", upper == "ENV", upper == "BASH_ENV":
		return "would change how the shell itself works"
	case strings.HasPrefix(upper, "LD_"):
		return "would change how programs are loaded"
	case strings.HasPrefix(upper, "BANTO_"):
		return "is kept for Banto's own variables"
	}
	return ""
}

const (
	paramNameHint = "it becomes an environment variable: A-Z, a-z, 0-9 and _, not first a digit; not PATH, IFS, ENV, BASH_ENV, LD_… or BANTO_…"
	envNameHint   = "a name is A-Z, a-z, 0-9 and _, not first a digit; not IFS, ENV, BASH_ENV or BANTO_…"
)

// pathFault says why a text cannot be the path of a jobnet or folder, or "".
func pathFault(path string) string {
	switch {
	case path == "":
		return "is empty"
	case utf8.RuneCountInString(path) > maxPath:
		return fmt.Sprintf("is longer than %d characters", maxPath)
	case !normal(path):
		return "is not in Unicode normal form C"
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			return "has an empty segment"
		}
		for i, c := range segment {
			switch {
			case unicode.IsLetter(c), unicode.IsDigit(c):
			case i > 0 && (c == '_' || c == '-' || c == '.'):
			case i == 0:
				return fmt.Sprintf("has a segment that begins with %q", c)
			default:
				return fmt.Sprintf("holds %q", c)
			}
		}
	}
	return ""
}

const pathHint = "segments begin with a letter or digit, then letters, digits, _, - and .; folders by slash: backup/nightly"

// hostNameFault says why a text cannot be the name of a host, or "".
func hostNameFault(name string) string {
	if len(name) > 253 {
		return "is longer than 253 characters"
	}
	for i, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '_' || c == '-' || c == '.'):
		case i == 0:
			return fmt.Sprintf("begins with %q", c)
		default:
			return fmt.Sprintf("holds %q", c)
		}
	}
	return ""
}

// FolderChain gives the folders that a path lies in, the root first:
// "a/b/c" lies in "/", "a" and "a/b".
func FolderChain(path string) []string {
	chain := []string{"/"}
	for i, c := range path {
		if c == '/' && i > 0 {
			chain = append(chain, path[:i])
		}
	}
	return chain
}
