package pgtest

import (
	"strconv"
	"strings"
)

// numbers reads the numbers of a text.
func numbers(text string) []int {
	var all []int
	for _, f := range strings.Fields(text) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}
