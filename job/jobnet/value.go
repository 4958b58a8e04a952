package jobnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
)

// types lists the types that may be declared; a choice only for parameters.
func types() []Type {
	return []Type{String, Integer, Number, Boolean, DateT, List, Choice}
}

// ParseType reads the name of a type.
func ParseType(s string) (Type, bool) {
	for _, t := range types() {
		if string(t) == s {
			return t, true
		}
	}
	return "", false
}

// Canonical gives the one spelling of a value of the type: that in which
// parameters and variables are kept. Blanks around a value are dropped, except
// around strings; a list is a JSON array, or a line for each item.
func Canonical(t Type, text string) (string, error) {
	if t == String || t == Choice || t == "" {
		return text, nil
	}
	v, err := read(t, text)
	if err != nil {
		return "", err
	}
	return canonicalOf(v), nil
}

// ValueOf reads a canonical text.
func ValueOf(t Type, canonical string) (Value, error) { return read(t, canonical) }

func read(t Type, text string) (Value, error) {
	if t == String || t == Choice || t == "" {
		return text, nil
	}
	s := strings.TrimSpace(text)
	switch t {
	case Integer:
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not an integer%s", clip(text), outOfRange(err))
		}
		return n, nil
	case Number:
		return readNumber(s)
	case Boolean:
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, fmt.Errorf("%q is not true or false", clip(text))
	case DateT:
		d, err := banto.ParseDate(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a date such as 2026-11-21", clip(text))
		}
		return d, nil
	case List:
		return readList(text)
	}
	return nil, fmt.Errorf("%q is not a type", string(t))
}

func readNumber(s string) (Value, error) {
	f, err := strconv.ParseFloat(s, 64)
	plain := strings.TrimLeft(s, "+-0123456789.eE") == ""
	if err != nil || !plain || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%q is not a number%s", clip(s), outOfRange(err))
	}
	return f, nil
}

func outOfRange(err error) string {
	if err != nil && strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) {
		return " of 64 bits"
	}
	return ""
}

func readList(text string) (Value, error) {
	s := strings.TrimSpace(text)
	switch {
	case s == "":
		return []string{}, nil
	case s[0] == '[':
		return readJSONList(s)
	}
	items := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range items {
		items[i] = strings.TrimSuffix(items[i], "\r")
	}
	return items, nil
}

func readJSONList(s string) (Value, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var raw []any
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("%q is not a list: it begins like a JSON array and is none", clip(s))
	}
	if d.InputOffset() != int64(len(s)) {
		return nil, fmt.Errorf("%q is not a list: something follows the JSON array", clip(s))
	}
	items := make([]string, len(raw))
	for i, v := range raw {
		switch v := v.(type) {
		case string:
			items[i] = v
		case json.Number:
			items[i] = v.String()
		case bool:
			items[i] = strconv.FormatBool(v)
		default:
			return nil, fmt.Errorf("item %d of the list is not a text, number, true or false", i+1)
		}
		if strings.ContainsRune(items[i], 0) {
			return nil, fmt.Errorf("item %d of the list holds a NUL", i+1)
		}
	}
	return items, nil
}

// canonicalOf writes a value; it is also how a value stands in a text.
func canonicalOf(v Value) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64:
		if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case banto.Date:
		return v.String()
	case []string:
		return ListText(v)
	}
	return fmt.Sprint(v)
}

// ListText gives the canonical text of a list: a JSON array.
func ListText(items []string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if items == nil {
		items = []string{}
	}
	if err := e.Encode(items); err != nil {
		return "[]" // strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// clip shortens a text for an error.
func clip(s string) string {
	const most = 60
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return s
}
