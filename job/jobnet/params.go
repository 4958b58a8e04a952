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

// maxParam is the longest value of a parameter, in bytes: what one environment
// variable can hold everywhere, with room to spare.
const maxParam = 64 << 10

// BindParams makes the parameters of a run out of those that were given:
// defaults filled in, types and limits checked, as canonical texts. A
// parameter that has no default and was not given has no value.
func (f *Flow) BindParams(given map[string]string) (map[string]string, []banto.Problem) {
	var r Report
	names := make([]string, len(f.Params))
	bound := make(map[string]string, len(f.Params))
	for i := range f.Params {
		p := &f.Params[i]
		names[i] = p.Name
		text, ok := given[p.Name]
		switch {
		case ok:
			v, fault, hint := p.accept(text)
			if fault != "" {
				r.Add(Pos{}, "params."+p.Name, fault, hint)
				continue
			}
			bound[p.Name] = v
		case p.Default != nil:
			bound[p.Name] = *p.Default
		case p.Required:
			r.Add(Pos{}, "params."+p.Name, "is required and was not given", p.wants())
		}
	}
	for _, name := range sorted(given) {
		if !slices.Contains(names, name) {
			r.Add(Pos{}, "params."+clip(name), "the jobnet has no such parameter", didYouMean(name, names, paramList(names)))
		}
	}
	if r.Len() > 0 {
		return nil, r.Problems()
	}
	return bound, nil
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func paramList(names []string) string {
	if len(names) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(names, ", ")
}

// accept gives the canonical text of a value, or what is wrong with it and
// what would be right.
func (p *Param) accept(text string) (canonical, fault, hint string) {
	switch {
	case len(text) > maxParam:
		return "", fmt.Sprintf("is longer than %d bytes", maxParam), "hand over the name of a file"
	case !utf8.ValidString(text):
		return "", "is not UTF-8", ""
	case strings.ContainsRune(text, 0):
		return "", "holds a NUL", ""
	case p.Required && text == "":
		return "", "is required and is empty", p.wants()
	}
	v, err := read(p.Type, text)
	if err != nil {
		return "", err.Error(), p.wants()
	}
	if fault := p.outside(v); fault != "" {
		return "", fault, p.wants()
	}
	return canonicalOf(v), "", ""
}

// outside says which limit of the parameter a value breaks, or "".
func (p *Param) outside(v Value) string {
	var x float64
	switch v := v.(type) {
	case int:
		x = float64(v)
	case float64:
		x = v
	case string:
		if p.Type == Choice && !slices.Contains(p.Of, v) {
			return fmt.Sprintf("%q is not one of its choices", clip(v))
		}
		return ""
	default:
		return ""
	}
	switch {
	case p.Min != nil && x < *p.Min:
		return fmt.Sprintf("%s is less than %s", canonicalOf(v), number(*p.Min))
	case p.Max != nil && x > *p.Max:
		return fmt.Sprintf("%s is more than %s", canonicalOf(v), number(*p.Max))
	}
	return ""
}

// wants says what the parameter takes.
func (p *Param) wants() string {
	switch p.Type {
	case Choice:
		return "it takes one of " + strings.Join(p.Of, ", ")
	case DateT:
		return "it takes a date such as 2026-11-21"
	case Boolean:
		return "it takes true or false"
	case List:
		return `it takes a list: a JSON array such as ["a", "b"], or a line for each item`
	case Integer, Number:
		what := "it takes an integer"
		if p.Type == Number {
			what = "it takes a number"
		}
		switch {
		case p.Min != nil && p.Max != nil:
			return fmt.Sprintf("%s from %s to %s", what, number(*p.Min), number(*p.Max))
		case p.Min != nil:
			return fmt.Sprintf("%s of at least %s", what, number(*p.Min))
		case p.Max != nil:
			return fmt.Sprintf("%s of at most %s", what, number(*p.Max))
		}
		return what
	}
	return "it takes a text"
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// checkParams notes what is wrong with the parameters of a jobnet and gives
// them with canonical defaults.
func checkParams(params []Param, r *Report) []Param {
	out := make([]Param, 0, len(params))
	seen := map[string]bool{}
	if len(params) > maxParams {
		r.Add(params[maxParams].Pos, "params", fmt.Sprintf("the jobnet has more than %d parameters", maxParams), "hand over the name of a file")
		params = params[:maxParams]
	}
	for _, p := range params {
		at := "params." + p.Name
		if fault := paramNameFault(p.Name); fault != "" {
			r.Add(p.Pos, "params", fmt.Sprintf("the parameter name %q %s", clip(p.Name), fault), paramNameHint)
		}
		if seen[p.Name] {
			r.Add(p.Pos, at, "there are two parameters of this name", "give one of them another name")
		}
		seen[p.Name] = true
		if p.Type == "" {
			p.Type = String
		}
		if !p.Faulty {
			p.check(at, r)
		}
		out = append(out, p)
	}
	return out
}

func (p *Param) check(at string, r *Report) {
	numeric := p.Type == Integer || p.Type == Number
	if _, ok := ParseType(string(p.Type)); !ok {
		r.Add(p.Pos, at+".type", fmt.Sprintf("%q is not a type", string(p.Type)), "types are string, integer, number, boolean, date, list and choice")
		return
	}
	switch {
	case p.Min != nil && !finite(*p.Min), p.Max != nil && !finite(*p.Max):
		r.Add(p.Pos, at, "min and max must be numbers", "")
	case !numeric && (p.Min != nil || p.Max != nil):
		r.Add(p.Pos, at, fmt.Sprintf("min and max make no sense for a %s", p.Type), "they are for integer and number")
	case p.Min != nil && p.Max != nil && *p.Min > *p.Max:
		r.Add(p.Pos, at, fmt.Sprintf("min %s is more than max %s", number(*p.Min), number(*p.Max)), "")
	}
	switch {
	case p.Type == Choice && len(p.Of) == 0:
		r.Add(p.Pos, at, "a choice without choices", "list them: of: [full, diff]")
		return
	case p.Type != Choice && len(p.Of) > 0:
		r.Add(p.Pos, at, fmt.Sprintf("of makes no sense for a %s", p.Type), "write type: choice")
	}
	if p.Default == nil {
		return
	}
	if p.Required {
		r.Add(p.Pos, at, "is required and has a default", "leave out one of the two")
		return
	}
	v, fault, hint := p.accept(*p.Default)
	if fault != "" {
		r.Add(p.Pos, at+".default", "the default: "+fault, hint)
		return
	}
	p.Default = &v
}
