package fabric

import (
	"strconv"
	"strings"
)

// A session is named by the agent process that opened it and a number that
// this process counts up: "k3f9x0q7-4". So the manager can tell an agent that
// connected anew from another agent with the same identity.

// NewSession makes the name of an agent process's n-th session.
func NewSession(instance string, n int) string {
	return instance + "-" + strconv.Itoa(n)
}

// ParseSession gives the agent process and the number of a session.
func ParseSession(s string) (instance string, n int, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 1 || len(s) > 64 {
		return "", 0, false
	}
	n, err := strconv.Atoi(s[i+1:])
	if err != nil || n < 1 || strconv.Itoa(n) != s[i+1:] {
		return "", 0, false
	}
	return s[:i], n, true
}
