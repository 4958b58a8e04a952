//go:build unix

package keeper

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// shadowFile is where most systems keep what only root may know of users.
const shadowFile = "/etc/shadow"

// expired says that an OS user may not be used any more. Where the file is not
// there or cannot be read nothing is known of it: other systems, and a keeper
// that is not root, which can become no other user anyway.
func expired(path, name string, now time.Time) *refusal {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	// The file counts days in UTC.
	if why := expiry(f, name, int(now.Unix()/(24*60*60))); why != "" {
		return refuse(banto.ReasonExpired, "the OS user %s %s", name, why)
	}
	return nil
}

// expiry reads the file's form: a user a line with fields between colons, of
// which the days of the password's last change, how long it may be kept, and the
// end of the account matter. The password's age counts only for a user that has
// one: most users that run jobs have none.
func expiry(r io.Reader, name string, today int) string {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Split(lines.Text(), ":")
		if len(f) < 8 || f[0] != name {
			continue
		}
		day := func(i int) (int, bool) {
			n, err := strconv.Atoi(f[i])
			return n, err == nil && n >= 0
		}
		written := func(day int) string { return time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.DateOnly) }
		if end, ok := day(7); ok && today >= end {
			return "has expired on " + written(end) + " (chage -E sets another day)"
		}
		if f[1] == "" || strings.ContainsAny(f[1][:1], "!*") {
			return ""
		}
		changed, known := day(2)
		longest, limited := day(4)
		switch {
		case known && changed == 0:
			return "must change its password first (passwd does it)"
		case known && limited && today > changed+longest:
			return "has a password that has expired on " + written(changed+longest) + " (passwd changes it, chage -M -1 lets it be)"
		}
		return ""
	}
	return ""
}
