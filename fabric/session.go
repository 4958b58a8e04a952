package fabric

import (
	"strconv"
	"strings"
)

// A session is named by the agent process that opened it, a random mark, and a
// number that this process counts up: "k3f9x0q7.w0c5-4". So the manager can tell
// an agent that connected anew from another agent with the same identity; and
// two processes that went on from one memory image, as after a virtual machine
// was copied while it ran, differ in the mark. Version 1 has no mark:
// "k3f9x0q7-4". It reads process and mark as the name of a process.

// NewSession makes the name of an agent process's n-th session.
func NewSession(instance, mark string, n int) string {
	return instance + "." + mark + "-" + strconv.Itoa(n)
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
	instance, _, _ = strings.Cut(s[:i], ".")
	return instance, n, instance != ""
}
