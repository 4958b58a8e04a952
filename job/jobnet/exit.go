package jobnet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
)

// maxCode is the greatest exit code there is: Windows has 32 bits of them.
const maxCode = 1<<32 - 1

// ParseCodes reads exit codes: 0, a range 1-3, an open range 4-, or several
// with commas.
func ParseCodes(s string) ([]CodeRange, error) {
	var out []CodeRange
	for item := range strings.SplitSeq(s, ",") {
		r, ok := parseCode(strings.TrimSpace(item))
		if !ok {
			return nil, fmt.Errorf("%q is not an exit code or a range; write 0, 1-3, 4- or a list of them", item)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseCode(s string) (CodeRange, bool) {
	from, to, isRange := strings.Cut(s, "-")
	a, ok := codeNumber(from)
	if !ok {
		return CodeRange{}, false
	}
	switch {
	case !isRange:
		return CodeRange{a, a}, true
	case to == "":
		return CodeRange{a, maxCode}, true
	}
	b, ok := codeNumber(to)
	return CodeRange{a, b}, ok && a <= b
}

func codeNumber(s string) (int, bool) {
	if s == "" || strings.TrimLeft(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return int(n), err == nil && n <= maxCode
}

// String writes the range as ParseCodes reads it.
func (r CodeRange) String() string {
	switch {
	case r.From == r.To:
		return strconv.Itoa(r.From)
	case r.To == maxCode:
		return strconv.Itoa(r.From) + "-"
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Outcome judges an exit code. Without rules 0 is ok and all else is an error.
func (r *ExitRules) Outcome(code int) banto.Outcome {
	switch {
	case r == nil && code == 0, r != nil && within(r.OK, code):
		return banto.OK
	case r != nil && within(r.Warning, code):
		return banto.Warning
	}
	return banto.Error
}

func within(ranges []CodeRange, code int) bool {
	for _, r := range ranges {
		if r.From <= code && code <= r.To {
			return true
		}
	}
	return false
}

// overlap gives an exit code that two outcomes both claim.
func (r *ExitRules) overlap() (code int, one, other string, found bool) {
	lists := []struct {
		name   string
		ranges []CodeRange
	}{{"ok", r.OK}, {"warning", r.Warning}, {"error", r.Error}}
	for i, a := range lists {
		for _, b := range lists[i+1:] {
			for _, x := range a.ranges {
				for _, y := range b.ranges {
					if x.From <= y.To && y.From <= x.To {
						return max(x.From, y.From), a.name, b.name, true
					}
				}
			}
		}
	}
	return 0, "", "", false
}

// maxCodeRanges bounds the work of comparing the ranges with one another.
const maxCodeRanges = 256

func (r *ExitRules) fault() string {
	if len(r.OK)+len(r.Warning)+len(r.Error) > maxCodeRanges {
		return fmt.Sprintf("exit has more than %d ranges", maxCodeRanges)
	}
	if code, one, other, found := r.overlap(); found {
		return fmt.Sprintf("exit code %d is both %s and %s", code, one, other)
	}
	return ""
}
