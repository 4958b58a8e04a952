//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// rows are all figures, in the order in which they are printed.
func rows() []Row {
	return []Row{
		rowThroughput(),
		rowChain(),
		rowBurst(),
		rowTakeover(),
		rowCrash(),
		rowRecovery(),
		rowLarge(),
		rowStart(),
		rowFleet(),
		rowNight(),
		rowHistory(),
		rowSoak(),
	}
}

// both are the stores of a row that runs on either.
func both() []string { return []string{"sqlite", "postgres"} }

// choose gives the rows that a person asked for: by their names, with commas
// between them, or else those that are not slow.
func choose(all []Row, names string, o options) ([]Row, error) {
	var out []Row
	known := make([]string, 0, len(all))
	wanted := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
	for _, r := range all {
		known = append(known, r.Name)
		switch {
		case len(wanted) > 0:
			if slices.Contains(wanted, r.Name) {
				out = append(out, r)
			}
		case o.smoke:
			if r.Smoke {
				out = append(out, r)
			}
		case o.all || !r.Slow:
			out = append(out, r)
		}
	}
	for _, name := range wanted {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no row is called %s (there are: %s)", name, strings.Join(known, ", "))
		}
	}
	return out, nil
}

// stores gives those on which a row runs, of those that were asked for.
func stores(r Row, asked string) []string {
	if len(r.On) == 0 {
		return []string{""}
	}
	if asked == "all" || asked == "" {
		return r.On
	}
	if slices.Contains(r.On, asked) {
		return []string{asked}
	}
	return nil
}
