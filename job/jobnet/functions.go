package jobnet

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

// function is one function of the expression language.
type function struct {
	name   string
	params [][]Type // the types that each argument may have
	gives  Type
	goType any // for the compiler of programs
	call   func(args ...any) (any, error)
	usage  string
}

// functionNames lists the functions, for hints.
func functionNames() []string {
	return []string{"format", "add_days", "weekday", "len", "lower", "upper", "trim", "split", "int", "string"}
}

// laterFunction says whether a later version will know the function, and what
// for.
func laterFunction(name string) (string, bool) {
	switch name {
	case "open_day", "is_open", "openday_number", "openday_from_end":
		return "it needs calendars", true
	}
	return "", false
}

// functionNamed gives a function, or nil.
func functionNamed(name string) *function {
	if !slices.Contains(functionNames(), name) {
		return nil // at no cost: the names of all parts come by here
	}
	text, date, whole := []Type{String}, []Type{DateT}, []Type{Integer}
	switch name {
	case "format":
		return &function{name, [][]Type{date, text}, String, new(func(any, any) string),
			func(a ...any) (any, error) { return formatDate(a[0].(banto.Date), a[1].(string)) }, "format(date, 'yyyymmdd')"}
	case "add_days":
		return &function{name, [][]Type{date, whole}, DateT, new(func(any, any) banto.Date),
			func(a ...any) (any, error) { return addDays(a[0].(banto.Date), a[1].(int)) }, "add_days(date, -1)"}
	case "weekday":
		return &function{name, [][]Type{date}, String, new(func(any) string),
			func(a ...any) (any, error) { return weekday(a[0].(banto.Date)), nil }, `weekday(date) == "mon"`}
	case "len":
		return &function{name, [][]Type{{String, List}}, Integer, new(func(any) int),
			func(a ...any) (any, error) { return length(a[0]), nil }, "len(params.files)"}
	case "lower":
		return &function{name, [][]Type{text}, String, new(func(any) string),
			func(a ...any) (any, error) { return strings.ToLower(a[0].(string)), nil }, "lower(params.name)"}
	case "upper":
		return &function{name, [][]Type{text}, String, new(func(any) string),
			func(a ...any) (any, error) { return strings.ToUpper(a[0].(string)), nil }, "upper(params.name)"}
	case "trim":
		return &function{name, [][]Type{text}, String, new(func(any) string),
			func(a ...any) (any, error) { return strings.TrimSpace(a[0].(string)), nil }, "trim(list.output)"}
	case "split":
		return &function{name, [][]Type{text, text}, List, new(func(any, any) []string),
			func(a ...any) (any, error) { return strings.Split(a[0].(string), a[1].(string)), nil }, "split(list.output, ',')"}
	case "int":
		return &function{name, [][]Type{{String, Integer, Number}}, Integer, new(func(any) int),
			func(a ...any) (any, error) { return toInt(a[0]) }, "int(trim(list.output))"}
	case "string":
		return &function{name, [][]Type{{String, Integer, Number, Boolean, DateT, List}}, String, new(func(any) string),
			func(a ...any) (any, error) { return canonicalOf(a[0]), nil }, "string(count.files)"}
	}
	return nil
}

// formatFault says what is wrong with a pattern for dates, or "".
func formatFault(pattern string) string {
	rest := strings.NewReplacer("yyyy", "", "yy", "", "mm", "", "dd", "").Replace(pattern)
	for _, c := range rest {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return fmt.Sprintf("format does not know %q", c)
		}
	}
	return ""
}

const formatHint = "it knows yyyy, yy, mm and dd, and keeps what is not a Latin letter; put other letters outside"

func formatDate(d banto.Date, pattern string) (string, error) {
	if fault := formatFault(pattern); fault != "" {
		return "", fmt.Errorf("%s: %s", fault, formatHint)
	}
	return strings.NewReplacer(
		"yyyy", fmt.Sprintf("%04d", d.Year),
		"yy", fmt.Sprintf("%02d", d.Year%100),
		"mm", fmt.Sprintf("%02d", int(d.Month)),
		"dd", fmt.Sprintf("%02d", d.Day),
	).Replace(pattern), nil
}

// addDays keeps to the years that can be written with four digits.
func addDays(d banto.Date, n int) (banto.Date, error) {
	if n > -4_000_000 && n < 4_000_000 {
		if sum := d.AddDays(n); sum.Year >= 1 && sum.Year <= 9999 {
			return sum, nil
		}
	}
	return banto.Date{}, fmt.Errorf("add_days(%s, %d) leaves the years 1 to 9999", d, n)
}

func weekday(d banto.Date) string {
	return strings.ToLower(d.Time().Weekday().String()[:3])
}

func length(v any) int {
	if list, ok := v.([]string); ok {
		return len(list)
	}
	return utf8.RuneCountInString(v.(string))
}

func toInt(v any) (int, error) {
	switch v := v.(type) {
	case int:
		return v, nil
	case float64:
		if math.Abs(v) >= 1<<53 || math.IsNaN(v) {
			return 0, fmt.Errorf("int(%v): it is too great to be exact", v)
		}
		return int(v), nil
	}
	s := strings.TrimSpace(v.(string))
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("int(%q): it is not an integer", clip(s))
	}
	return n, nil
}
