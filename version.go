package banto

import (
	"strconv"
	"strings"
)

// versionsApart is how many minor versions a manager and its agents may be
// apart.
const versionsApart = 2

// VersionsFit says whether a manager and an agent of these versions work
// together. One that is no release, such as that of a build of one's own, is
// taken to.
func VersionsFit(a, b string) bool {
	mine, ok1 := minorVersion(a)
	theirs, ok2 := minorVersion(b)
	return !ok1 || !ok2 || mine[0] == theirs[0] && mine[1]-theirs[1] <= versionsApart && theirs[1]-mine[1] <= versionsApart
}

// minorVersion gives the major and the minor number of a version such as
// v1.4.2.
func minorVersion(version string) (n [2]int, ok bool) {
	pieces := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(pieces) < 2 {
		return n, false
	}
	for i := range n {
		v, err := strconv.Atoi(pieces[i])
		if err != nil || v < 0 {
			return n, false
		}
		n[i] = v
	}
	return n, true
}
